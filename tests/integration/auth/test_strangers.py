"""Nothing that a stranger sends, to any path, is answered by 5xx: not his fault, and no alarm for the asking.

ARTSTORE_FUZZ_EXAMPLES says how many requests each path gets.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from artstore.http import create_app
from artstore.http.app import ArtStoreApp
from artstore.tables import ServiceAccount, bind
from functions.auth import app as auth
from functions.auth import dependencies
from functions.query import app as query
from functions.query import dependencies as query_dependencies
from functions.upload import app as upload
from tests.support.authorization.deployment import ISSUER, PREFIX, deployed
from tests.support.authorization.malformed import ASSERTION_TYPE, FORM
from tests.support.gateway import Context, event
from tests.support.runs.examples import examples
from tests.support.strangers import HUGE, KNOWN_CLIENT, ODD_TEXTS, Sent, base64url, jwts, requests_of_strangers

EXAMPLES = int(os.environ.get("ARTSTORE_FUZZ_EXAMPLES") or examples(25))
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ENDPOINTS = [
    each
    for each in (*auth.ENDPOINTS, *query.ENDPOINTS, *upload.ENDPOINTS)
    if each.path != "/health/ready"  # which says 503 when something is away, as here
]
OF_THE_READ_SIDE = {
    "ARTSTORE_STORAGE_ELEMENTS": '[{"element_id":"edit-01","bucket":"edit","mode":"edit"}]',
    "ARTSTORE_CURSOR_KEY_SECRET_ID": "x",
    "ARTSTORE_DATABASE_URL": "postgresql://nowhere",
}
fuzzing = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def app() -> Iterator[ArtStoreApp]:
    """Every route in one application; an account that the strangers know of, with a key that they have not."""
    with deployed(**OF_THE_READ_SIDE):
        query_dependencies.settings.cache_clear()
        dependencies.key_rotation().ensure()
        jwk = {**RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "RS256"}
        account = bind(ServiceAccount, PREFIX)(KNOWN_CLIENT, username="r", role="READONLY", created_at="x")
        account.jwks = {"keys": [jwk]}
        account.save()
        yield create_app("strangers", ENDPOINTS, lambda token: dependencies.token_verifier().verify(token))
        query_dependencies.settings.cache_clear()


@pytest.fixture(scope="module")
def kid(app: ArtStoreApp) -> str:
    """A key id that anybody can read."""
    return str(next(iter(dependencies.key_source().jwks()))["kid"])


def send(app: ArtStoreApp, method: str, path: str, sent: Sent, *, in_path: str = "x") -> int:
    """Send a request as API Gateway passes it on, and give the status of its answer."""
    made = event(method, path.replace("{", "").replace("}", ""), path, headers=sent.headers)
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    made["pathParameters"] = dict.fromkeys(names, in_path) or None
    values: dict[str, list[str]] = {}
    for pair in filter(None, sent.query.split("&")):
        name, _, value = pair.partition("=")
        values.setdefault(name, []).append(value)
    made["multiValueQueryStringParameters"] = values or None
    made["body"], made["isBase64Encoded"] = base64.b64encode(sent.body).decode(), True
    status: int = app(made, Context())["statusCode"]
    return status


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.operation_id)
def test_no_request_of_a_stranger_ends_in_5xx(endpoint: Any, app: ArtStoreApp, kid: str) -> None:
    @fuzzing
    @given(sent=requests_of_strangers(jwts((kid, "RS256"))), in_path=st.sampled_from(ODD_TEXTS))
    def fuzz(sent: Sent, in_path: str) -> None:
        assert send(app, endpoint.method, endpoint.path, sent, in_path=in_path) < 500

    fuzz()


CLIENT_IDS = [text for text in ODD_TEXTS if text] + ["x" * 2049, "x" * 100_000]


@pytest.mark.parametrize("client_id", CLIENT_IDS, ids=lambda text: repr(text[:20]))
def test_no_client_id_is_too_odd_to_be_refused(app: ArtStoreApp, client_id: str) -> None:
    pair = base64.b64encode(f"{client_id}:secret".encode("utf-8", "surrogatepass")).decode()
    assertion = pyjwt.encode({"sub": client_id, "iss": client_id, "aud": ISSUER}, KEY, algorithm="RS256")
    bodies = [
        f"grant_type=client_credentials&client_id={client_id}&client_secret=x",
        f"grant_type=client_credentials&client_assertion_type={ASSERTION_TYPE}&client_assertion={assertion}",
    ]
    sent = [
        Sent({"Content-Type": FORM, "Authorization": f"Basic {pair}"}, b"grant_type=client_credentials"),
        *(Sent({"Content-Type": FORM}, body.encode("utf-8", "surrogatepass")) for body in bodies),
    ]
    for each in sent:
        assert send(app, "POST", "/api/v1/auth/token", each) in (400, 401, 429)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": float("inf")},
        {"exp": 10**400},
        {"exp": "1"},
        {"nbf": float("-inf")},
        {"iat": float("inf")},
        {"jti": ["x"]},
        {"jti": "\ud800"},
        {"jti": HUGE},
        {"aud": {"x": 1}},
    ],
    ids=str,
)
def test_no_assertion_is_too_odd_to_be_refused_even_with_a_registered_key(
    app: ArtStoreApp, claims: dict[str, object]
) -> None:
    """A client's programmer is no stranger, but his mistakes are no failure of ours either."""
    whole = {"sub": KNOWN_CLIENT, "iss": KNOWN_CLIENT, "aud": ISSUER, "exp": 2**31, "jti": "j"} | claims
    assertion = pyjwt.encode(whole, KEY, algorithm="RS256", headers={"kid": "RS256"})
    form = f"grant_type=client_credentials&client_assertion_type={ASSERTION_TYPE}&client_assertion={assertion}"
    assert send(app, "POST", "/api/v1/auth/token", Sent({"Content-Type": FORM}, form.encode())) in (400, 401, 429)


@pytest.mark.parametrize(
    "payload", ["[" * 7000, "\ud800", '{"exp": 1e999}', '{"a":' * 2500, ""], ids=lambda p: p[:9]
)
def test_no_bearer_token_is_too_odd_to_be_refused(app: ArtStoreApp, kid: str, payload: str) -> None:
    header = base64url(f'{{"alg": "RS256", "typ": "at+jwt", "kid": "{kid}"}}')
    for token in (f"{header}.{base64url(payload)}.AAAA", f"{header}.{payload}.AAAA", f"{header}..\ud800"):
        sent = Sent({"Authorization": f"Bearer {token}"})
        assert send(app, "GET", "/api/v1/audit", sent) == 401
