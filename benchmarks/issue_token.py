"""token: POST /api/v1/auth/token, warm, beside one GetItem and one RS256 signature."""

from __future__ import annotations

import base64
import contextlib
import importlib
import io
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.calls import exactly_one, recording, summary
from benchmarks.measure import Row, interleave
from benchmarks.report import Result
from benchmarks.stack import Stack, invoke, rest_event

PATH = "/api/v1/auth/token"


def _token_event(stack: Stack) -> dict[str, Any]:
    """A client's request for a token (RFC 6749 §4.4.2, HTTP Basic)."""
    pair = base64.b64encode(f"{stack.file.client_id}:{stack.file.client_secret}".encode()).decode()
    return rest_event(
        "POST",
        PATH,
        headers={"Authorization": f"Basic {pair}", "Content-Type": "application/x-www-form-urlencoded"},
        body="grant_type=client_credentials",
    )


def token_issuer(stack: Stack) -> Callable[[], str]:
    """Give what issues a token in this process, by the whole function; its log lines are swallowed."""
    stack.become()
    handler = importlib.import_module("functions.auth.app").app
    event = _token_event(stack)

    def issue() -> str:
        with contextlib.redirect_stdout(io.StringIO()):
            token: str = invoke(handler, event, 200)["access_token"]
        return token

    return issue


def run(stack: Stack, rounds: int) -> Result:
    """Measure the whole function, from event to answer, its log line included."""
    issue = token_issuer(stack)
    token = issue()
    issue()
    with recording() as calls:
        issue()
    failures = exactly_one(calls, "dynamodb")
    if failures:
        return Result("token", [], failures=failures)

    dynamodb = stack.client("dynamodb")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(token, options={"verify_signature": False})
    header = {name: value for name, value in jwt.get_unverified_header(token).items() if name != "alg"}
    account = {name: calls[0].parameters[name] for name in ("TableName", "Key")}

    def floor() -> None:
        dynamodb.get_item(**account, ConsistentRead=True)
        jwt.encode(claims, key, algorithm="RS256", headers=header)

    times = interleave({"case": issue, "floor": floor}, rounds, warm_up=20)
    return Result(
        "token",
        [Row.of("POST /api/v1/auth/token, warm", times["case"], times["floor"])],
        remarks=[
            f"calls of one warm request: {summary(calls)}",
            "floor: one DynamoDB GetItem of the account and one RS256 signature (2048 bits)",
        ],
    )
