"""Signing keys over HTTP, by the clock and by the deployer; the metadata of the server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import jwt
import msgspec
import pytest

from artstore.tables import KeyRotationLock, SigningKeyRecord, bind
from functions.auth import bootstrap, dependencies, scheduled
from functions.auth.app import app
from functions.auth.tokens.metadata_routes import describe_server
from tests.support.authorization.deployment import ISSUER, PREFIX, deployed
from tests.support.dynamodb import count_calls
from tests.support.gateway import Answer, call


@pytest.fixture
def server() -> Iterator[str]:
    """A server whose keys may rotate after ten seconds; the token of its administrator."""
    with deployed(ARTSTORE_KEY_PUBLISH_AHEAD_SECONDS="10", ARTSTORE_SIGNING_ALGORITHM="ES256"):
        bootstrap.handler({"action": "ensure-signing-key"}, None)
        yield administrator_token()


def administrator_token(scope: str = "") -> str:
    admin = {"client_id": "admin", "client_secret": "s" * 43}
    bootstrap.handler({"action": "create-first-administrator"} | admin, None)
    form = "&".join(f"{name}={value}" for name, value in {**admin, "grant_type": "client_credentials"}.items())
    answer = call(
        app,
        "POST",
        "/api/v1/auth/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=form + (f"&scope={scope}" if scope else ""),
    )
    return str(answer.json["access_token"])


def rotate(token: str) -> Answer:
    return call(app, "POST", "/api/v1/jwt-keys/rotate", token=token)


def let_next_key_age(seconds: int = 10) -> None:
    """Make as if the next key had been published so long ago."""
    for record in bind(SigningKeyRecord, PREFIX).query(ISSUER):
        if record.state == "next":
            record.published_at = "2026-01-01T00:00:00Z"
            record.save()


def test_rotating_over_http_signs_the_next_token_with_the_next_key(server: str) -> None:
    too_soon = rotate(server)
    assert (too_soon.status, too_soon.json["code"]) == (409, "rotation_too_soon")
    assert 0 < int(too_soon.headers["Retry-After"]) <= 11
    let_next_key_age()
    answer = rotate(server)
    assert answer.status == 200
    assert answer.json["actor"] == "admin"
    fresh = administrator_token()
    assert jwt.get_unverified_header(fresh) == {"alg": "ES256", "typ": "at+jwt", "kid": answer.json["activated"]}
    for token in (server, fresh):
        assert call(app, "GET", "/api/v1/jwt-keys", token=token).status == 200


def test_the_deployer_ends_retired_keys(server: str) -> None:
    let_next_key_age()
    retired = rotate(server).json["retired"]
    assert bootstrap.handler({"action": "end-retired-keys"}, None) == {"ended": [retired]}
    dependencies.token_verifier.cache_clear()  # as when its cache time is over
    assert call(app, "GET", "/api/v1/jwt-keys", token=server).status == 401
    assert call(app, "GET", "/api/v1/jwt-keys", token=administrator_token()).status == 200


def test_a_rotation_that_goes_on_is_409(server: str) -> None:
    lock = bind(KeyRotationLock, PREFIX)
    lock("#lock", "#ring", holder="another", held_until=32_503_680_000).save()
    answer = rotate(server)
    assert (answer.status, answer.json["code"]) == (409, "rotation_in_progress")
    assert scheduled.handler({"task": "rotate-keys"}, None)["reason"] == "rotation_in_progress"


def test_keys_and_rotations_are_listed_in_pages(server: str) -> None:
    done = []
    for _ in range(5):
        let_next_key_age()
        done.append(rotate(server).json["activated"])
    first = call(app, "GET", "/api/v1/jwt-keys?limit=3", token=server).json
    assert sorted(key["state"] for key in first["keys"]) == ["active", "next", *["retired"] * 5]
    assert all((key["ends_at"] is None) == (key["state"] != "retired") for key in first["keys"])
    assert "private_key" not in str(first)
    rest = call(app, "GET", f"/api/v1/jwt-keys?limit=3&cursor={first['next_cursor']}", token=server).json
    assert [each["activated"] for each in first["rotations"] + rest["rotations"]] == done[::-1]
    assert rest["next_cursor"] is None
    forged = call(app, "GET", "/api/v1/jwt-keys?cursor=IjIwMjYi", token=server)
    assert (forged.status, forged.json["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/jwt-keys"), ("POST", "/api/v1/jwt-keys/rotate")])
def test_keys_are_the_affair_of_those_who_may(server: str, method: str, path: str) -> None:
    assert call(app, method, path).status == 401
    assert call(app, method, path, token=administrator_token("files:read")).status == 403


def test_the_key_set_may_be_cached_for_less_than_keys_are_published_ahead(server: str) -> None:
    answer = call(app, "GET", "/.well-known/jwks.json")
    assert answer.headers["Cache-Control"] == "public, max-age=5"
    assert [set(key) for key in answer.json["keys"]] == [{"kty", "kid", "use", "alg", "crv", "x", "y"}] * 2


def test_the_scheduled_task_rotates_when_it_is_due(server: str) -> None:
    assert scheduled.handler({"task": "rotate-keys"}, None)["rotated"] is False
    secret = dependencies.key_secret()
    ring = secret.read()
    assert ring is not None
    secret.write(
        msgspec.structs.replace(
            ring,
            keys=tuple(
                msgspec.structs.replace(key, activated_at=key.created_at - timedelta(days=1))
                if key.activated_at
                else key
                for key in ring.keys
            ),
        )
    )
    assert scheduled.handler({"task": "rotate-keys"}, None)["rotated"] is False, "the next key is too young"
    let_next_key_age()
    done = scheduled.handler({"task": "rotate-keys"}, None)
    assert (done["rotated"], done["retired"]) == (True, ring.active)
    assert scheduled.handler({"task": "rotate-keys"}, None)["rotated"] is False


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown task"):
        scheduled.handler({"task": "drop-everything"}, None)


def test_a_revoked_token_opens_nothing_more(server: str) -> None:
    assert call(app, "GET", "/api/v1/jwt-keys", token=server).status == 200
    claims = jwt.decode(server, options={"verify_signature": False})
    dependencies.revocations().revoke_token(claims["jti"], claims["exp"])
    answer = call(app, "GET", "/api/v1/jwt-keys", token=server)
    assert (answer.status, answer.json["code"]) == (401, "invalid_token")


def test_a_warm_request_costs_nothing_to_verify(server: str) -> None:
    verifier = dependencies.token_verifier()
    verifier.verify(server)
    with count_calls() as calls:
        for _ in range(100):
            verifier.verify(server)
    assert calls == []


@pytest.mark.usefixtures("server")
def test_the_server_describes_itself_under_its_issuer() -> None:
    answer = call(app, "GET", "/.well-known/oauth-authorization-server")
    assert answer.status == 200
    routes = set(app.routes)
    for name, url in answer.json.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert url.startswith(f"{ISSUER}/")
            assert url.removeprefix(ISSUER) in routes
    assert answer.json["issuer"] == ISSUER
    assert answer.json["response_types_supported"] == []
    assert answer.json["grant_types_supported"] == ["client_credentials"]


def test_an_issuer_that_is_no_url_has_no_metadata() -> None:
    with deployed(ARTSTORE_ISSUER="urn:artstore"):
        assert call(app, "GET", "/.well-known/oauth-authorization-server").status == 404
    assert describe_server("https://a.example/").token_endpoint == "https://a.example/api/v1/auth/token"
