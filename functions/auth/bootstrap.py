"""What a deployment does once: the first signing key and the first administrator.

One handler for two callers. CloudFormation sends a custom resource's events and reads the answer at ResponseURL;
the deployer invokes it directly with ``{"action": ...}``:

``ensure-signing-key``            -> ``{"kid": ...}``
``end-retired-keys``              -> ``{"ended": [kid, ...]}``: after a rotation, when the old key may have leaked
``create-first-administrator``    -> ``{"created": true, "client_id", "client_secret"}`` once, then
                                     ``{"created": false, "client_id"}``
``rotate-administrator-secret``   -> ``{"client_id", "client_secret"}``: a new secret for the first administrator,
                                     when its own is lost or has expired; that one stays valid for a day at most

The secret is in the answer alone: nothing here logs it, and nothing keeps it.
"""

from __future__ import annotations

import http.client
import urllib.parse
from datetime import timedelta
from typing import Any

import msgspec

from artstore import telemetry
from artstore.audit import SYSTEM
from artstore.http.preconditions import IfMatch
from functions.auth import dependencies
from functions.auth.accounts.acts import Actor, deployer
from functions.auth.keys.ring import Initiator
from functions.auth.secrets import generate_client_id, generate_secret, is_client_id

_RESPONSE_TIMEOUT_SECONDS = 10
_OVERLAP = timedelta(hours=24)
_PHYSICAL_ID = "artstore-signing-key"


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer CloudFormation or the deployer. Raises ValueError for an unknown action."""
    if "RequestType" in event:
        return _custom_resource(event)
    action = event.get("action")
    if action == "ensure-signing-key":
        return {"kid": _ensure_signing_key()}
    if action == "end-retired-keys":
        initiator = Initiator(SYSTEM, request_id=_actor(context).request_id)
        return {"ended": dependencies.key_rotation().end_retired(initiator)}
    if action == "create-first-administrator":
        return _create_first_administrator(event.get("client_id"), event.get("client_secret"), _actor(context))
    if action == "rotate-administrator-secret":
        return _rotate_administrator_secret(_actor(context))
    raise ValueError(f"unknown action {action!r}")


def _create_first_administrator(client_id: str | None, client_secret: str | None, actor: Actor) -> dict[str, Any]:
    """Create the first administrator unless there is one; an existing one is never overwritten."""
    existing = dependencies.service_accounts().find_system_administrator()
    if existing is not None:
        return {"created": False, "client_id": existing.client_id}
    client_id = client_id or generate_client_id()
    if not is_client_id(client_id):
        raise ValueError("a client_id has at most 200 characters of printable ASCII, none of them a space")
    client_secret = client_secret or generate_secret()
    administration = dependencies.account_administration()
    if not administration.create_system_administrator(client_id, client_secret, actor):
        return {"created": False, "client_id": client_id}
    return {"created": True, "client_id": client_id, "client_secret": client_secret}


def _rotate_administrator_secret(actor: Actor) -> dict[str, Any]:
    """Give the first administrator a new secret. Raises ValueError when there is no first administrator."""
    existing = dependencies.service_accounts().find_system_administrator()
    if existing is None:
        raise ValueError("there is no first administrator yet")
    _, secret = dependencies.account_administration().rotate_secret(
        existing.client_id, _OVERLAP, IfMatch("*"), actor
    )
    return {"client_id": existing.client_id, "client_secret": secret}


def _actor(context: object) -> Actor:
    return deployer(str(getattr(context, "aws_request_id", "")))


def _ensure_signing_key() -> str:
    return dependencies.key_rotation().ensure()


def _custom_resource(event: dict[str, Any]) -> dict[str, Any]:
    """Create on Create and Update; on Delete leave the key, since archived tokens and audits refer to it."""
    answer: dict[str, Any] = {
        "Status": "SUCCESS",
        "PhysicalResourceId": event.get("PhysicalResourceId") or _PHYSICAL_ID,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    try:
        if event["RequestType"] != "Delete":
            answer["Data"] = {"Kid": _ensure_signing_key()}
    except Exception as error:  # noqa: BLE001  # CloudFormation waits an hour for an answer that never comes
        telemetry.get_logger("auth-bootstrap").exception("signing key")
        answer |= {
            "Status": "FAILED",
            "Reason": f"{type(error).__name__}: see the log of the bootstrap function",
        }
    _send(event["ResponseURL"], msgspec.json.encode(answer))
    return answer


def _send(url: str, body: bytes) -> None:
    """PUT the answer to the presigned URL of CloudFormation, which allows no content type."""
    target = urllib.parse.urlsplit(url)
    connect = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    connection = connect(target.netloc, timeout=_RESPONSE_TIMEOUT_SECONDS)
    try:
        connection.request("PUT", f"{target.path}?{target.query}", body, {"Content-Type": ""})
        response = connection.getresponse()
        response.read()
        if response.status >= 300:
            raise OSError(f"CloudFormation's answer address said {response.status}")
    finally:
        connection.close()
