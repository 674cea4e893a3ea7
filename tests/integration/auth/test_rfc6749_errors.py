"""RFC 6749 §5.2 at the token, introspection (RFC 7662 §2.3) and revocation (RFC 7009 §2.2.1) endpoints.

Every malformed request has its row; each is sent to all three endpoints, on the tables of the template in moto.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artstore.http import create_app
from artstore.http.app import ArtStoreApp
from artstore.tables import AccountSecret, ServiceAccount, bind
from functions.auth import app as auth
from functions.auth import dependencies
from functions.auth.secrets import hash_secret
from tests.support.authorization.deployment import PREFIX, deployed
from tests.support.authorization.malformed import (
    ASSERTION_TYPE,
    AUTHORIZATIONS,
    CLIENT,
    DOCUMENTS,
    FORM,
    FORMS,
    JSON,
    OTHER,
    REQUIRED,
    SECRET,
    WELL_FORMED,
    basic,
    fill,
)
from tests.support.gateway import Answer, call
from tests.support.runs.examples import examples

CODES = {
    "invalid_request": 400,
    "invalid_client": 401,
    "invalid_grant": 400,
    "unauthorized_client": 400,
    "unsupported_grant_type": 400,
    "invalid_scope": 400,
}
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")
"""RFC 6749 §5.2: the characters that error_description may have."""


@pytest.fixture(scope="module")
def app() -> Iterator[ArtStoreApp]:
    """The authorization server with two accounts, and a signing key."""
    with deployed(ARTSTORE_TOKEN_REQUESTS_PER_MINUTE="100000"):
        dependencies.key_rotation().ensure()
        for client_id in (CLIENT, OTHER):
            account = bind(ServiceAccount, PREFIX)(client_id, username="r", role="READONLY", created_at="x")
            account.secrets = [AccountSecret(hash=hash_secret(SECRET, 4), created_at="2026-01-01T00:00:00Z")]
            account.save()
        yield create_app("errors", auth.ENDPOINTS)


@pytest.fixture(autouse=True)
def no_attempts(app: ArtStoreApp) -> None:
    """Forget who failed before, so that no row of these tables is refused for another one."""
    table = boto3.resource("dynamodb").Table(f"{PREFIX}-attempts")
    for item in table.scan()["Items"]:
        table.delete_item(Key={"attempt_id": item["attempt_id"]})


def ask(
    app: ArtStoreApp,
    endpoint: str,
    body: str | bytes,
    *,
    authorization: str | None = basic(),
    media_type: str | None = FORM,
    query: str = "",
) -> Answer:
    headers = {"Content-Type": media_type} if media_type is not None else {}
    if authorization is not None:
        headers["Authorization"] = authorization
    return call(app, "POST", f"/api/v1/auth/{endpoint}{query}", headers=headers, body=body)


def assert_refused(answer: Answer, error: str) -> None:
    """Check status, body and headers of a refusal, whatever it is for."""
    assert answer.json["error"] == error, answer.text
    assert answer.status == CODES[error]
    assert set(answer.json) == {"error", "error_description", "request_id"}
    assert DESCRIPTION.fullmatch(answer.json["error_description"])
    assert answer.headers["Content-Type"] == JSON
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert ("WWW-Authenticate" in answer.headers) == (error == "invalid_client")
    assert SECRET not in answer.text


@pytest.mark.parametrize("endpoint", REQUIRED)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_malformed_form_is_an_invalid_request(app: ArtStoreApp, endpoint: str, form: str | bytes) -> None:
    assert_refused(ask(app, endpoint, fill(form, endpoint)), "invalid_request")


@pytest.mark.parametrize("endpoint", REQUIRED)
@pytest.mark.parametrize("form", WELL_FORMED.values(), ids=WELL_FORMED)
def test_what_is_well_formed_is_answered(app: ArtStoreApp, endpoint: str, form: str) -> None:
    answer = ask(app, endpoint, fill(form, endpoint))
    assert answer.status == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    if endpoint == "introspect":
        assert answer.json == {"active": False}


def test_a_body_of_16384_bytes_is_answered(app: ArtStoreApp) -> None:
    required = REQUIRED["token"]
    assert ask(app, "token", f"{required}&x={'x' * (16_384 - len(required) - 3)}").status == 200


@pytest.mark.parametrize("endpoint", REQUIRED)
@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", "multipart/form-data; boundary=x", "application/xml", f"{FORM}-x", "*/*", "form"],
)
def test_another_content_type_is_an_invalid_request(
    app: ArtStoreApp, endpoint: str, media_type: str | None
) -> None:
    assert_refused(ask(app, endpoint, REQUIRED[endpoint], media_type=media_type), "invalid_request")


@pytest.mark.parametrize("endpoint", REQUIRED)
@pytest.mark.parametrize(
    "media_type", [f"{FORM}; charset=UTF-8", f"{FORM};charset=utf-8", FORM.upper(), f" {FORM} "]
)
def test_a_form_may_be_named_in_any_case_and_with_a_charset(
    app: ArtStoreApp, endpoint: str, media_type: str
) -> None:
    assert ask(app, endpoint, REQUIRED[endpoint], media_type=media_type).status == 200


@pytest.mark.parametrize("endpoint", REQUIRED)
@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_malformed_json_body_is_an_invalid_request(
    app: ArtStoreApp, endpoint: str, document: str | bytes
) -> None:
    assert_refused(ask(app, endpoint, document, media_type=JSON), "invalid_request")


@pytest.mark.parametrize("endpoint", REQUIRED)
@pytest.mark.parametrize("query", ["{required}", "access_token=x", "client_id=a&client_secret=b", "x"])
def test_parameters_in_the_query_are_an_invalid_request(app: ArtStoreApp, endpoint: str, query: str) -> None:
    required = REQUIRED[endpoint]
    answer = ask(app, endpoint, required, query="?" + query.replace("{required}", required))
    assert_refused(answer, "invalid_request")


BODIES: dict[str, str] = {
    "a secret and an assertion": f"client_id={CLIENT}&client_secret=x&client_assertion=a.b.c",
    "an assertion of another type": f"client_id={CLIENT}&client_assertion=a.b.c&client_assertion_type=saml",
    "an assertion without its type": f"client_id={CLIENT}&client_assertion=a.b.c",
    "the type of an assertion alone": f"client_assertion_type={ASSERTION_TYPE}",
}


@pytest.mark.parametrize("endpoint", REQUIRED)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_malformed_way_to_authenticate_is_an_invalid_request(app: ArtStoreApp, endpoint: str, body: str) -> None:
    assert_refused(ask(app, endpoint, f"{REQUIRED[endpoint]}&{body}", authorization=None), "invalid_request")


@pytest.mark.parametrize("endpoint", REQUIRED)
@pytest.mark.parametrize("authorization", AUTHORIZATIONS.values(), ids=AUTHORIZATIONS)
def test_failed_client_authentication_is_invalid_client(
    app: ArtStoreApp, endpoint: str, authorization: str | None
) -> None:
    answer = ask(app, endpoint, REQUIRED[endpoint], authorization=authorization)
    assert_refused(answer, "invalid_client")
    assert answer.json["error_description"] == "client authentication failed"
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


@pytest.mark.parametrize("endpoint", REQUIRED)
@pytest.mark.parametrize(
    "body",
    [
        f"client_id={CLIENT}",
        f"client_secret={SECRET}",
        f"client_id={CLIENT}&client_secret=wrong",
        f"client_id=sa_nobody&client_secret={SECRET}",
        f"client_assertion=x&client_assertion_type={ASSERTION_TYPE}",
        f"client_assertion=a.b.c&client_assertion_type={ASSERTION_TYPE}",
        f"client_id={CLIENT}&client_assertion=e30.e30.&client_assertion_type={ASSERTION_TYPE}",
    ],
)
def test_failed_authentication_in_the_body_is_invalid_client(app: ArtStoreApp, endpoint: str, body: str) -> None:
    assert_refused(ask(app, endpoint, f"{REQUIRED[endpoint]}&{body}", authorization=None), "invalid_client")


@pytest.mark.parametrize(
    "grant_type",
    [
        "password",
        "authorization_code",
        "refresh_token",
        "implicit",
        "CLIENT_CREDENTIALS",
        "client_credentials+",
        "client_credentials%0A",
        "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer",
    ],
)
def test_another_grant_is_unsupported_grant_type(app: ArtStoreApp, grant_type: str) -> None:
    assert_refused(ask(app, "token", f"grant_type={grant_type}"), "unsupported_grant_type")


@pytest.mark.parametrize(
    "scope",
    [
        "files:fly",
        "files:write",
        "files:read+files:write",
        "files:read++files:read",
        "+files:read",
        "files:read+",
        "files:read%09files:read",
        "files:read%0A",
        "FILES:READ",
        "%22files:read%22",
        "files%5Cread",
        "файлы",
        "*",
        "+",
    ],
)
def test_a_scope_that_is_unknown_malformed_or_too_much_is_invalid_scope(app: ArtStoreApp, scope: str) -> None:
    assert_refused(ask(app, "token", f"{REQUIRED['token']}&scope={scope}".encode()), "invalid_scope")


def test_ending_the_token_of_another_client_is_refused_and_does_nothing(app: ArtStoreApp) -> None:
    token = ask(app, "token", REQUIRED["token"]).json["access_token"]
    other = basic(OTHER)
    assert_refused(ask(app, "revoke", f"token={token}", authorization=other), "unauthorized_client")
    assert ask(app, "introspect", f"token={token}", authorization=other).json == {"active": False}
    assert ask(app, "introspect", f"token={token}").json["active"] is True


@given(
    body=st.one_of(
        st.binary(max_size=60),
        st.lists(
            st.tuples(
                st.sampled_from(["grant_type", "token", "scope", "client_id", "client_secret", "%", "x", ""]),
                st.sampled_from(["client_credentials", CLIENT, "files:read", "%00", "%zz", "\udcff", "", "="]),
            ),
            max_size=4,
        ).map(lambda pairs: "&".join("=".join(pair) for pair in pairs).encode("utf-8", "surrogateescape")),
    ),
    endpoint=st.sampled_from(sorted(REQUIRED)),
    media_type=st.sampled_from([FORM, JSON]),
)
@settings(max_examples=examples(40), derandomize=True, deadline=None, database=None)
def test_no_body_is_too_odd_for_an_answer_of_the_rfc(
    body: bytes, endpoint: str, media_type: str, app: Any
) -> None:
    answer = ask(app, endpoint, body, media_type=media_type)
    if answer.status != 200:
        assert_refused(answer, answer.json["error"])
