"""token: POST /api/v1/auth/token, warm and as the first of a process, and verifying what it gives."""

from __future__ import annotations

import base64
import contextlib
import functools
import importlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from artstore.config import AuthSettings
from benchmarks import by_hand
from benchmarks.calls import exactly_one, recording, summary
from benchmarks.cold_start import unpack
from benchmarks.measure import Row, Samples, interleave, measure
from benchmarks.report import Result, own_share
from benchmarks.stack import Stack, invoke, rest_event
from infra.build.pipeline import build

PATH = "/api/v1/auth/token"
FIRST_ROUNDS = 7


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

    call = by_hand.caller(stack)

    def sign() -> str:
        return jwt.encode(claims, key, algorithm="RS256", headers=header)

    def update_through_botocore() -> None:
        dynamodb.update_item(**calls[0].parameters)
        sign()

    def update_by_hand() -> None:
        call("UpdateItem", calls[0].parameters)
        sign()

    steps: dict[str, Callable[[], object]] = {
        "case": issue,
        "floor": update_through_botocore,
        "by hand": update_by_hand,
        "signature": sign,
    }
    samples = measure(steps, rounds, warm_up=20)
    case, floor, least = samples["case"], samples["floor"], samples["by hand"]
    verifying = _verifying(token, rounds)
    with tempfile.TemporaryDirectory(prefix="artstore-first-") as folder:
        first = interleave(
            {"case": _first_token(stack, Path(folder)), "floor": _hashing()}, FIRST_ROUNDS, warm_up=1
        )
    return Result(
        "token",
        [
            Row.measured("POST /api/v1/auth/token, warm", case, floor),
            Row.measured("the same UpdateItem by hand, and the signature", least, floor),
            Row.measured("one RS256 signature", samples["signature"], floor),
            Row.of("the first token of a process", first["case"], first["floor"]),
            Row.measured("verify an access token, the first time", verifying["first"], verifying["floor"]),
            Row.measured("verify an access token again", verifying["again"], verifying["floor"]),
        ],
        remarks=[
            f"calls of one warm request: {summary(calls)}",
            "floor, warm: the same UpdateItem through botocore and one RS256 signature (2048 bits)",
            "by hand: the UpdateItem is signed by us and goes over http.client",
            own_share(case, least),
            "floor, first: one comparison with a bcrypt hash of the default cost; imports do not count",
            "floor, verifying: one RS256 verification, no claim looked at",
        ],
    )


def _verifying(token: str, rounds: int) -> dict[str, Samples]:
    """Time what every other request pays for its token; its key and the revoked tokens are read beforehand."""
    dependencies = importlib.import_module("functions.auth.dependencies")
    verifier = dependencies.token_verifier()
    verifier.verify(token)
    kid = jwt.get_unverified_header(token)["kid"]
    public = next(jwt.PyJWK(dict(jwk)).key for jwk in dependencies.key_source().jwks() if jwk["kid"] == kid)
    signed, signature = token.rsplit(".", 1)
    raw = base64.urlsafe_b64decode(signature + "==")

    def floor() -> None:
        public.verify(raw, signed.encode(), padding.PKCS1v15(), hashes.SHA256())

    def verify_first() -> None:
        verifier._verified.clear()
        verifier.verify(token)

    steps = {"first": verify_first, "again": lambda: verifier.verify(token), "floor": floor}
    return measure(steps, rounds, warm_up=20)


def _first_token(stack: Stack, folder: Path) -> Callable[[], float]:
    """Give what starts the built function on one core, and gives the milliseconds of its first token."""
    unpacked = unpack(build("local", report=print), ("layer", "auth"), folder)
    path = [str(unpacked["auth"]), str(unpacked["layer"] / "python")]
    script = Path(__file__).with_name("first_token.py")
    command = [sys.executable, "-I", "-S", "-B", str(script), json.dumps([path, _token_event(stack)])]
    core = {min(os.sched_getaffinity(0))} if hasattr(os, "sched_getaffinity") else None

    def start() -> float:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=None if core is None else functools.partial(os.sched_setaffinity, 0, core),
        )
        return float(done.stderr.splitlines()[-1])

    return start


def _hashing() -> Callable[[], None]:
    hashed = bcrypt.hashpw(b"a secret", bcrypt.gensalt(AuthSettings.bcrypt_cost))

    def compare() -> None:
        bcrypt.checkpw(b"another", hashed)

    return compare
