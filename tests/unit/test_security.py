"""Only this issuer's own, whole, unexpired access tokens are accepted."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from artstore.errors import Forbidden, Unauthenticated
from artstore.security import ROLE_SCOPES, Principal, Role, Scope, TokenVerifier
from functions.auth.keys import SigningKey

ISSUER = "https://archive.example/v1"


class Keys:
    def __init__(self, *keys: SigningKey) -> None:
        self.known = {key.kid: key.public_jwk() for key in keys}
        self.asked: list[str] = []

    def find(self, kid: str) -> dict[str, Any] | None:
        self.asked.append(kid)
        return self.known.get(kid)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def claims(**changes: object) -> dict[str, object]:
    now = int(time.time())
    whole: dict[str, object] = {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": "sa_1",
        "client_id": "sa_1",
        "username": "robot",
        "scope": "files:read files:write",
        "iat": now,
        "exp": now + 60,
        "jti": "1",
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def sign(key: SigningKey, payload: dict[str, object], **header: object) -> str:
    headers = {"typ": "at+jwt", "kid": key.kid} | header
    return jwt.encode(payload, key.private_key, algorithm="RS256", headers=headers)


def assemble(header: dict[str, object], hmac_secret: bytes) -> str:
    """Build by hand what no library would sign: an HMAC (or, without a secret, nothing) as signature."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims())]
    signed = b".".join(parts)
    signature = hmac.digest(hmac_secret, signed, "sha256") if hmac_secret else b""
    return b".".join([signed, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_a_token_of_this_issuer_names_its_principal(signing_key: SigningKey) -> None:
    principal = TokenVerifier(ISSUER, Keys(signing_key)).verify(sign(signing_key, claims()))
    assert principal == Principal("sa_1", "robot", frozenset({"files:read", "files:write"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "https://elsewhere.example"},
        {"exp": int(time.time()) - 3600},
        {"iat": int(time.time()) + 3600},
        {"exp": None},
        {"iat": None},
        {"aud": None},
        {"iss": None},
        {"sub": None},
        {"jti": None},
        {"scope": None},
        {"client_id": None},
        {"scope": ["files:read"]},
    ],
    ids=str,
)
def test_a_token_with_wrong_claims_is_refused(signing_key: SigningKey, changes: dict[str, object]) -> None:
    token = sign(signing_key, claims(**changes))
    with pytest.raises(Unauthenticated):
        TokenVerifier(ISSUER, Keys(signing_key)).verify(token)


@pytest.mark.parametrize("typ", ["JWT", "", None, "rt+jwt"])
def test_a_token_of_another_type_is_refused(signing_key: SigningKey, typ: str | None) -> None:
    with pytest.raises(Unauthenticated):
        TokenVerifier(ISSUER, Keys(signing_key)).verify(sign(signing_key, claims(), typ=typ))


def test_a_tampered_token_is_refused(signing_key: SigningKey) -> None:
    head, body, signature = sign(signing_key, claims()).split(".")
    forged_body = sign(signing_key, claims(scope="accounts:admin")).split(".")[1]
    verifier = TokenVerifier(ISSUER, Keys(signing_key))
    for forged in (f"{head}.{forged_body}.{signature}", f"{head}.{body}.", f"{head}.{body}", "", "x", "a.b.c"):
        with pytest.raises(Unauthenticated):
            verifier.verify(forged)


def test_an_unsigned_token_is_refused(signing_key: SigningKey) -> None:
    token = assemble({"alg": "none", "typ": "at+jwt", "kid": signing_key.kid}, b"")
    with pytest.raises(Unauthenticated):
        TokenVerifier(ISSUER, Keys(signing_key)).verify(token)


def test_a_token_signed_with_the_public_key_as_an_hmac_secret_is_refused(signing_key: SigningKey) -> None:
    public = signing_key.private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    token = assemble({"alg": "HS256", "typ": "at+jwt", "kid": signing_key.kid}, public)
    with pytest.raises(Unauthenticated):
        TokenVerifier(ISSUER, Keys(signing_key)).verify(token)


def test_a_key_in_the_tokens_own_header_is_not_taken(signing_key: SigningKey) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
    token = jwt.encode(
        claims(), stranger, algorithm="RS256", headers={"typ": "at+jwt", "kid": signing_key.kid, "jwk": jwk}
    )
    with pytest.raises(Unauthenticated):
        TokenVerifier(ISSUER, Keys(signing_key)).verify(token)


def test_a_key_is_read_once_and_again_when_the_cache_is_old(signing_key: SigningKey) -> None:
    keys, clock = Keys(signing_key), Clock()
    verifier = TokenVerifier(ISSUER, keys, cache_seconds=300, clock=clock)
    for _ in range(3):
        verifier.verify(sign(signing_key, claims()))
    assert len(keys.asked) == 1
    clock.now += 301
    verifier.verify(sign(signing_key, claims()))
    assert len(keys.asked) == 2


def test_an_unknown_key_is_asked_for_once_in_its_cooldown(signing_key: SigningKey) -> None:
    keys, clock = Keys(), Clock()
    verifier = TokenVerifier(ISSUER, keys, clock=clock)
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            verifier.verify(sign(signing_key, claims()))
    assert len(keys.asked) == 1
    keys.known[signing_key.kid] = signing_key.public_jwk()
    clock.now += 31
    assert verifier.verify(sign(signing_key, claims())).client_id == "sa_1"


def test_a_principal_may_do_only_what_its_scopes_say() -> None:
    reader = Principal("sa_1", "robot", frozenset({"files:read"}))
    reader.require(Scope.FILES_READ)
    with pytest.raises(Forbidden):
        reader.require(Scope.FILES_WRITE)


def test_every_role_names_its_scopes_and_only_the_administrator_has_all() -> None:
    assert set(ROLE_SCOPES) == set(Role)
    assert [role for role in Role if ROLE_SCOPES[role] == frozenset(Scope)] == [Role.ADMIN]
