"""The authorization server against DynamoDB and Secrets Manager, and what a deployment does once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from artstore.errors import Unavailable
from artstore.security import TableKeySource, TokenVerifier
from artstore.security.revocations import Revocations
from artstore.tables import ServiceAccount, bind
from functions.auth import app as auth
from functions.auth import bootstrap, dependencies
from functions.auth.keys.secret import KeySecret
from tests.support.authorization.deployment import ISSUER, deployed
from tests.support.dynamodb import count_calls, create_tables
from tests.support.gateway import call

TOKEN = "/api/v1/auth/token"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def deployment() -> Iterator[None]:
    """The tables and the empty secret of a deployment, as the template makes them."""
    with deployed():
        yield


def ask(client_id: str, secret: str) -> Any:
    body = f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}"
    return call(auth.app, "POST", TOKEN, headers=FORM, body=body)


def administrator() -> dict[str, Any]:
    return bootstrap.handler({"action": "create-first-administrator"}, None)


@pytest.mark.usefixtures("deployment")
def test_the_first_administrator_is_made_once_and_never_overwritten() -> None:
    first = administrator()
    assert first["created"] is True
    account = bind(ServiceAccount, "moto").get(first["client_id"])
    assert (account.role, account.is_system, account.status) == ("ADMIN", True, "ACTIVE")
    assert first["client_secret"] not in json.dumps(account.to_simple_dict())
    again = bootstrap.handler(
        {"action": "create-first-administrator", "client_id": "other", "client_secret": "x" * 43}, None
    )
    assert again == {"created": False, "client_id": first["client_id"]}


@pytest.mark.usefixtures("deployment")
def test_the_first_administrator_may_be_named_by_the_deployer() -> None:
    chosen = {"client_id": "ops", "client_secret": "s" * 43}
    assert bootstrap.handler({"action": "create-first-administrator"} | chosen, None) == {"created": True} | chosen


@pytest.mark.usefixtures("deployment")
def test_the_deployer_gives_the_first_administrator_a_new_secret_when_its_own_is_lost() -> None:
    with pytest.raises(ValueError, match="no first administrator"):
        bootstrap.handler({"action": "rotate-administrator-secret"}, None)
    bootstrap.handler({"action": "ensure-signing-key"}, None)
    admin = administrator()
    rotated = bootstrap.handler({"action": "rotate-administrator-secret"}, None)
    assert rotated["client_id"] == admin["client_id"]
    for secret in (admin["client_secret"], rotated["client_secret"]):
        assert ask(admin["client_id"], secret).status == 200
    said = [(each.action, each.actor) for each in dependencies.audit_log().entries(0, 10)]
    assert ("service_account.created", "system") in said
    assert said[-1] == ("service_account.secret_rotated", "system")


@pytest.mark.usefixtures("deployment")
def test_a_token_of_the_first_administrator_is_verified_with_the_published_key() -> None:
    bootstrap.handler({"action": "ensure-signing-key"}, None)
    admin = administrator()
    answer = ask(admin["client_id"], admin["client_secret"])
    assert answer.status == 200, answer.text
    verifier = TokenVerifier(ISSUER, TableKeySource("moto", ISSUER), Revocations("moto"))
    assert verifier.verify(answer.json["access_token"]).client_id == admin["client_id"]
    published = call(auth.app, "GET", "/.well-known/jwks.json").json["keys"]
    assert [set(key) for key in published] == [{"kty", "kid", "use", "alg", "n", "e"}] * 2, "active and next"


@pytest.mark.usefixtures("deployment")
def test_a_warm_token_costs_one_call_to_dynamodb_and_none_elsewhere() -> None:
    bootstrap.handler({"action": "ensure-signing-key"}, None)
    admin = administrator()
    ask(admin["client_id"], admin["client_secret"])
    with count_calls() as calls:
        ask(admin["client_id"], admin["client_secret"])
    assert calls == ["dynamodb.UpdateItem"]


@pytest.mark.usefixtures("deployment")
def test_the_signing_key_is_made_once_however_often_the_deployment_runs() -> None:
    kids = {bootstrap.handler({"action": "ensure-signing-key"}, None)["kid"] for _ in range(3)}
    assert len(kids) == 1
    ring = KeySecret("moto/signing-key").read()
    assert ring is not None
    assert [ring.state_of(key.kid) for key in ring.keys] == ["active", "next"]


@pytest.mark.usefixtures("deployment")
def test_a_crash_between_secret_and_table_heals_at_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_arguments: object) -> None:
        raise Unavailable("killed")

    with monkeypatch.context() as patched:
        patched.setattr("functions.auth.keys.published.PublishedKeys.publish", crash)
        with pytest.raises(Unavailable):
            bootstrap.handler({"action": "ensure-signing-key"}, None)
    kid = bootstrap.handler({"action": "ensure-signing-key"}, None)["kid"]
    assert [key.kid for key in dependencies.published_keys().show() if key.state == "active"] == [kid]


@pytest.mark.usefixtures("deployment")
def test_without_a_signing_key_tokens_are_unavailable_and_not_an_accident() -> None:
    admin = administrator()
    answer = ask(admin["client_id"], admin["client_secret"])
    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")


@pytest.mark.usefixtures("deployment")
def test_two_deployments_in_one_process_keep_apart() -> None:
    create_tables("second")
    account = bind(ServiceAccount, "second")("only-second", username="u", role="USER", created_at="x")
    account.secret_hashes = []
    account.save()
    assert [found.client_id for found in bind(ServiceAccount, "second").scan()] == ["only-second"]
    assert list(bind(ServiceAccount, "moto").scan()) == []


class Answers(BaseHTTPRequestHandler):
    received: list[dict[str, Any]]

    def do_PUT(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        return


@pytest.fixture
def cloudformation() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address for the answers to a custom resource, and what arrives there."""
    received: list[dict[str, Any]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (Answers,), {"received": received}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/answer?signature=1", received
    server.shutdown()
    thread.join()
    server.server_close()


def resource_event(kind: str, url: str) -> dict[str, Any]:
    names = {"StackId": "s", "RequestId": "r", "LogicalResourceId": "SigningKey"}
    return {"RequestType": kind, "ResponseURL": url} | names


@pytest.mark.usefixtures("deployment")
def test_the_custom_resource_makes_the_key_and_keeps_it_on_delete(
    cloudformation: tuple[str, list[dict[str, Any]]],
) -> None:
    url, received = cloudformation
    for kind in ("Create", "Update", "Delete"):
        bootstrap.handler(resource_event(kind, url), None)
    assert [answer["Status"] for answer in received] == ["SUCCESS"] * 3
    assert len({answer["PhysicalResourceId"] for answer in received}) == 1
    assert len(dependencies.published_keys().show()) == 2
    assert KeySecret("moto/signing-key").read() is not None


@pytest.mark.usefixtures("deployment")
def test_a_failing_custom_resource_answers_too_and_tells_no_cause(
    cloudformation: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("internal detail")

    monkeypatch.setattr(bootstrap, "_ensure_signing_key", fail)
    url, received = cloudformation
    bootstrap.handler(resource_event("Create", url), None)
    assert received[0]["Status"] == "FAILED"
    assert "internal detail" not in received[0]["Reason"]


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown action"):
        bootstrap.handler({"action": "drop-everything"}, None)
