"""Service accounts get tokens, with clients that nobody here wrote, and nobody else does."""

from __future__ import annotations

import jwt
import pytest
import requests

from tests.e2e.archive import Archive

FORM = {"grant_type": "client_credentials"}
UNKNOWN_ID = "7f1d7b5e-1c1f-4b62-9d8c-3f1f0e7f9a11"


def test_requests_oauthlib_logs_in_and_calls(archive: Archive) -> None:
    session = archive.session("files:read")
    assert session.token["token_type"] == "Bearer"
    assert session.token["scope"] == ["files:read"]
    assert session.get(f"{archive.api_url}/api/v1/files", timeout=30).status_code == 200


def test_the_published_key_verifies_the_token(archive: Archive) -> None:
    token = archive.session().token["access_token"]
    keys = jwt.PyJWKClient(f"{archive.api_url}/.well-known/jwks.json")
    unverified = jwt.decode(token, options={"verify_signature": False})
    claims = jwt.decode(
        token, keys.get_signing_key_from_jwt(token), algorithms=["RS256"], audience=unverified["aud"]
    )
    assert claims["sub"] == archive.client_id


def test_an_unknown_client_and_a_wrong_secret_get_the_same_answer(archive: Archive) -> None:
    def refused(client_id: str, secret: str) -> requests.Response:
        return archive.anonymous("POST", "/api/v1/auth/token", data=FORM, auth=(client_id, secret))

    unknown, wrong = refused("sa_nobody", "x"), refused(archive.client_id, "wrong")
    for answer in (unknown, wrong):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert answer.headers["Cache-Control"] == "no-store"
    assert {k: v for k, v in unknown.json().items() if k != "request_id"} == {
        k: v for k, v in wrong.json().items() if k != "request_id"
    }


def test_a_scope_that_does_not_exist_is_refused(archive: Archive) -> None:
    answer = archive.anonymous(
        "POST",
        "/api/v1/auth/token",
        data=FORM | {"scope": "files:fly"},
        auth=(archive.client_id, archive.client_secret),
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_a_missing_scope_is_403_and_named(archive: Archive) -> None:
    answer = archive.session("files:read").post(f"{archive.api_url}/api/v1/files", json={}, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert 'scope="files:write"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/files"),
        ("GET", f"/api/v1/files/{UNKNOWN_ID}/upload"),
        ("GET", "/api/v1/files"),
        ("GET", f"/api/v1/files/{UNKNOWN_ID}"),
        ("GET", f"/api/v1/files/{UNKNOWN_ID}/download"),
    ],
)
def test_nothing_is_shown_without_a_token_or_with_a_forged_one(archive: Archive, method: str, path: str) -> None:
    assert archive.anonymous(method, path).status_code == 401
    head, body, signature = archive.session().token["access_token"].split(".")
    for forged in (f"{head}.{body}.{signature[::-1]}", f"{head}.{body}.", "x"):
        answer = archive.anonymous(method, path, headers={"Authorization": f"Bearer {forged}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
