"""Strangers at the doors of a whole stack: no request without credentials is answered by 5xx.

tests/integration/auth/test_strangers.py sends more and odder ones to the functions alone; here the gateway and the
table store say their part. schemathesis makes requests of what the OpenAPI document says and of what it forbids;
ARTSTORE_E2E_EXAMPLES says how many for each operation.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import load_all_checks, not_a_server_error

from infra import openapi
from tests.e2e.archive import TIMEOUT_SECONDS, Archive
from tests.support.authorization.malformed import ASSERTION_TYPE, FORM, JSON
from tests.support.runs.examples import examples
from tests.support.strangers import base64url

EXAMPLES = int(os.environ.get("ARTSTORE_E2E_EXAMPLES") or examples(3))
TOKEN = "/api/v1/auth/token"
PUBLIC = [
    TOKEN,
    "/api/v1/auth/introspect",
    "/api/v1/auth/revoke",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/health/live",
    "/openapi.json",
    "/nowhere",
    "/api/v1/files/%00",
    "/api/v1/service-accounts/%ed%a0%80",
    "/",
]
GRANT = "grant_type=client_credentials"

load_all_checks()
config = schemathesis.Config.from_dict({"seed": 8, "phases": {"coverage": {"unexpected-methods": []}}})
document = schemathesis.openapi.from_dict(json.loads(openapi.document()), config=config)


def asserting(payload: str) -> bytes:
    """Write a token request by an assertion that nobody signed."""
    header = '{"alg": "RS256"}'
    assertion = f"{base64url(header)}.{base64url(payload)}.AAAA"
    return f"{GRANT}&client_assertion_type={ASSERTION_TYPE}&client_assertion={assertion}".encode()


BODIES: dict[str, tuple[str, bytes]] = {
    "a client_id of 3,000 characters": (FORM, f"{GRANT}&client_id={'x' * 3000}&client_secret=x".encode()),
    "a client_id that is a lone surrogate": (FORM, f"{GRANT}&client_id=%ed%a0%80&client_secret=x".encode()),
    "a client_id that is a NUL": (FORM, f"{GRANT}&client_id=%00&client_secret=x".encode()),
    "a client_id in raw bytes": (FORM, GRANT.encode() + b"&client_id=\xff\xfe&client_secret=x"),
    "an assertion of a lone surrogate": (FORM, asserting('{"sub": "\\ud800"}')),
    "an assertion of 3,000 characters": (FORM, asserting(json.dumps({"sub": "x" * 3000}))),
    "an assertion of 2,000 levels": (FORM, asserting('{"sub":' * 2000)),
    "an assertion of an endless time": (FORM, asserting('{"sub": "sa_1", "exp": 1e999}')),
    "JSON of 10,000 levels": (JSON, b"[" * 10_000),
    "JSON of a lone surrogate": (JSON, b'{"grant_type": "\\ud800", "client_id": "\\udfff"}'),
    "JSON of a number without end": (JSON, b'{"client_id": ' + b"9" * 5000 + b"}"),
    "a form without a type": ("", b"grant_type=client_credentials"),
    "a type of two lines": ("a/b;\tx", b"\x00\x01"),
}
HEADERS: dict[str, str] = {
    "Basic of 6,000 characters": "Basic " + base64.b64encode(b"x" * 4000 + b":y").decode(),
    "Basic that is not UTF-8": "Basic " + base64.b64encode(b"\xff:\xfe").decode(),
    "Basic that is not base64": "Basic %%%",
    "Bearer of two dots": "Bearer ..",
    "Bearer of 2,000 levels": "Bearer " + base64url('{"kid":' * 700) + ".e30.AAAA",
    "Latin-1": "Basic \xff\xfe",
}


@pytest.fixture(scope="module")
def door(archive: Archive) -> http.client.HTTPConnection:
    """A connection on which a request goes out as it is written."""
    split = urlsplit(archive.api_url)
    kind = http.client.HTTPSConnection if split.scheme == "https" else http.client.HTTPConnection
    return kind(str(split.hostname), split.port, timeout=TIMEOUT_SECONDS)


def knock(
    door: http.client.HTTPConnection,
    archive: Archive,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
) -> int:
    door.close()
    door.request(method, urlsplit(archive.api_url).path + path, body, headers)
    answer = door.getresponse()
    answer.read()
    return answer.status


@pytest.mark.usefixtures("failures_forgotten")
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_no_body_makes_a_door_fail(
    door: http.client.HTTPConnection, archive: Archive, body: tuple[str, bytes]
) -> None:
    media_type, text = body
    headers = {"Content-Type": media_type} if media_type else {}
    for path in PUBLIC[:3]:
        assert knock(door, archive, "POST", path, headers, text) in (400, 401, 429), path


@pytest.mark.usefixtures("failures_forgotten")
@pytest.mark.parametrize("authorization", HEADERS.values(), ids=HEADERS)
def test_no_authorization_makes_a_door_fail(
    door: http.client.HTTPConnection, archive: Archive, authorization: str
) -> None:
    headers = {"Authorization": authorization}
    for path in PUBLIC:
        assert knock(door, archive, "GET", path, headers, b"") < 500, path
        assert knock(door, archive, "POST", path, headers | {"Content-Type": FORM}, GRANT.encode()) < 500, path
    assert knock(door, archive, "GET", "/api/v1/files?limit=1", headers, b"") == 401


@pytest.mark.parametrize("query", ["?limit=%00", "?x=%ff", "?limit=1&limit=2", "?=", "?cursor=" + "x" * 3000])
def test_no_query_makes_a_door_fail(door: http.client.HTTPConnection, archive: Archive, query: str) -> None:
    for path in PUBLIC:
        assert knock(door, archive, "GET", path + query, {}, b"") < 500, path


@document.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_no_operation_fails_for_one_without_credentials(case: Case[Any], archive: Archive) -> None:
    response = case.call(base_url=archive.api_url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    case.validate_response(response, checks=[not_a_server_error])
