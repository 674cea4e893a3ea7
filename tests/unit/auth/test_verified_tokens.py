"""A token that was verified is not verified again, and what ends it ends it at once all the same."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from artstore.errors import Unauthenticated
from artstore.security import CLOCK_SKEW_SECONDS, MAX_VERIFIED, TokenVerifier
from functions.auth.signing_key import SigningKey, generate_key

ISSUER = "https://archive.example/v1"


class Keys:
    def __init__(self, *keys: SigningKey) -> None:
        self.published: list[dict[str, str]] = [key.public_jwk() for key in keys]

    def jwks(self) -> list[dict[str, str]]:
        return list(self.published)


class Revoked:
    def __init__(self) -> None:
        self.jtis: set[str] = set()

    def is_revoked(self, jti: str, client_id: str, issued_at: float, revision: int | None = None) -> bool:
        return jti in self.jtis


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class World:
    """A verifier whose signatures are counted."""

    def __init__(self, key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
        self.key, self.keys, self.revoked, self.clock = key, Keys(key), Revoked(), Clock()
        self.verifier = TokenVerifier(ISSUER, self.keys, self.revoked, cache_seconds=10, clock=self.clock)
        self.signatures = 0
        decode = jwt.decode

        def counted(*arguments: Any, **options: Any) -> Any:
            self.signatures += 1
            return decode(*arguments, **options)

        monkeypatch.setattr(jwt, "decode", counted)

    def token(self, jti: str = "1", key: SigningKey | None = None) -> str:
        now, key = int(time.time()), key or self.key
        named = {"iss": ISSUER, "aud": ISSUER, "sub": "sa_1", "client_id": "sa_1", "scope": "files:read"}
        about = {"iat": now, "exp": now + 60, "jti": jti}
        headers = {"typ": "at+jwt", "kid": self.key.kid}
        return jwt.encode(named | about, key.private_key, algorithm=key.algorithm, headers=headers)


@pytest.fixture
def world(signing_key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(signing_key, monkeypatch)


def test_a_signature_is_verified_once(world: World) -> None:
    token = world.token()
    assert world.verifier.claims(token) == world.verifier.claims(token)
    world.verifier.claims(token)["scope"] = "changed by a caller"
    assert world.verifier.verify(token).scopes == {"files:read"}
    assert world.signatures == 1


def test_one_that_is_revoked_is_refused(world: World) -> None:
    token = world.token()
    world.verifier.claims(token)
    world.revoked.jtis.add("1")
    with pytest.raises(Unauthenticated):
        world.verifier.claims(token)


def test_one_that_has_ended_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = world.token()
    world.verifier.claims(token)
    ends = world.verifier.claims(token)["exp"]
    monkeypatch.setattr("artstore.security.time.time", lambda: ends + CLOCK_SKEW_SECONDS - 0.01)
    world.verifier.claims(token)
    assert world.signatures == 1
    monkeypatch.setattr("artstore.security.time.time", lambda: ends + CLOCK_SKEW_SECONDS)
    world.verifier.claims(token)
    assert world.signatures == 2, "it is verified anew, and PyJWT, whose clock stands elsewhere, decides"


def test_one_whose_key_was_withdrawn_is_refused(world: World) -> None:
    token = world.token()
    world.verifier.claims(token)
    world.keys.published.clear()
    world.clock.now += 10
    with pytest.raises(Unauthenticated):
        world.verifier.claims(token)


def test_one_whose_key_was_replaced_under_its_name_is_verified_by_the_new_one(world: World) -> None:
    token = world.token()
    world.verifier.claims(token)
    other = SigningKey(generate_key())
    world.keys.published = [other.public_jwk() | {"kid": world.key.kid}]
    world.clock.now += 10
    with pytest.raises(Unauthenticated):
        world.verifier.claims(token)
    world.verifier.claims(world.token(key=other))


def test_a_wrong_signature_is_never_remembered(world: World) -> None:
    forged = world.token(key=SigningKey(generate_key()))
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            world.verifier.claims(forged)
    assert world.signatures == 2
    assert world.verifier._verified == {}


def test_no_more_are_remembered_than_the_process_has_room_for(world: World) -> None:
    token = world.token()
    world.verifier.claims(token)
    [remembered] = world.verifier._verified.values()
    for number in range(MAX_VERIFIED):
        world.verifier._verified[number.to_bytes(32, "big")] = remembered
    world.verifier.claims(world.token("2"))
    assert len(world.verifier._verified) <= MAX_VERIFIED
    assert token not in repr(world.verifier._verified), "what was verified is kept, not the token"
