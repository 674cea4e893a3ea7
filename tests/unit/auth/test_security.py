"""Only this issuer's own, whole, unexpired access tokens are accepted."""

from __future__ import annotations

import base64
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from artstore.errors import Forbidden, Unauthenticated, Unavailable
from artstore.security import (
    ROLE_SCOPES,
    UNKNOWN_KEY_COOLDOWN_SECONDS,
    Principal,
    Role,
    Scope,
    TokenVerifier,
)
from functions.auth.signing_key import SigningKey, generate_key

ISSUER = "https://archive.example/v1"


class Keys:
    def __init__(self, *keys: SigningKey) -> None:
        self.published: list[dict[str, str]] = [key.public_jwk() for key in keys]
        self.readings = 0

    def jwks(self) -> list[dict[str, str]]:
        self.readings += 1
        return list(self.published)


class Revoked:
    """Revoked tokens, by jti."""

    def __init__(self, *jtis: str) -> None:
        self.jtis = set(jtis)

    def is_revoked(self, jti: str, client_id: str, issued_at: float, revision: int | None = None) -> bool:
        return jti in self.jtis


def verifier_of(*keys: SigningKey) -> TokenVerifier:
    return TokenVerifier(ISSUER, Keys(*keys), Revoked())


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
    return jwt.encode(payload, key.private_key, algorithm=key.algorithm, headers=headers)


def assemble(header: dict[str, object], hmac_secret: bytes) -> str:
    """Build by hand what no library would sign: an HMAC (or, without a secret, nothing) as signature."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims())]
    signed = b".".join(parts)
    signature = hmac.digest(hmac_secret, signed, "sha256") if hmac_secret else b""
    return b".".join([signed, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_a_token_of_this_issuer_names_its_principal(signing_key: SigningKey) -> None:
    principal = verifier_of(signing_key).verify(sign(signing_key, claims()))
    assert principal == Principal("sa_1", "robot", frozenset({"files:read", "files:write"}))


def test_a_token_names_its_spaces_with_the_scopes_in_each(signing_key: SigningKey) -> None:
    payload = claims(spaces={"press": "files:read files:write", "*": "files:read"})
    principal = verifier_of(signing_key).verify(sign(signing_key, payload))
    read, both = frozenset({"files:read"}), frozenset({"files:read", "files:write"})
    assert principal.spaces == {"press": both, "*": read}


@pytest.mark.parametrize("spaces", [None, "press", ["press"], {"press": ["files:read"]}, {"press": None}, 1])
def test_spaces_of_another_form_do_not_pass_for_none(signing_key: SigningKey, spaces: object) -> None:
    with pytest.raises(Unauthenticated):
        verifier_of(signing_key).verify(sign(signing_key, claims() | {"spaces": spaces}))


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
        verifier_of(signing_key).verify(token)


@pytest.mark.parametrize("typ", ["JWT", "", None, "rt+jwt"])
def test_a_token_of_another_type_is_refused(signing_key: SigningKey, typ: str | None) -> None:
    with pytest.raises(Unauthenticated):
        verifier_of(signing_key).verify(sign(signing_key, claims(), typ=typ))


def test_a_tampered_token_is_refused(signing_key: SigningKey) -> None:
    head, body, signature = sign(signing_key, claims()).split(".")
    forged_body = sign(signing_key, claims(scope="accounts:admin")).split(".")[1]
    verifier = verifier_of(signing_key)
    for forged in (f"{head}.{forged_body}.{signature}", f"{head}.{body}.", f"{head}.{body}", "", "x", "a.b.c"):
        with pytest.raises(Unauthenticated):
            verifier.verify(forged)


def test_an_unsigned_token_is_refused(signing_key: SigningKey) -> None:
    token = assemble({"alg": "none", "typ": "at+jwt", "kid": signing_key.kid}, b"")
    with pytest.raises(Unauthenticated):
        verifier_of(signing_key).verify(token)


def test_a_token_signed_with_the_public_key_as_an_hmac_secret_is_refused(signing_key: SigningKey) -> None:
    public = signing_key.private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    token = assemble({"alg": "HS256", "typ": "at+jwt", "kid": signing_key.kid}, public)
    with pytest.raises(Unauthenticated):
        verifier_of(signing_key).verify(token)


def test_a_key_in_the_tokens_own_header_is_not_taken(signing_key: SigningKey) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
    token = jwt.encode(
        claims(), stranger, algorithm="RS256", headers={"typ": "at+jwt", "kid": signing_key.kid, "jwk": jwk}
    )
    with pytest.raises(Unauthenticated):
        verifier_of(signing_key).verify(token)


@pytest.fixture(scope="module")
def curve_key() -> SigningKey:
    return SigningKey(generate_key("ES256"))


def test_a_token_signed_with_an_elliptic_curve_key_is_accepted(curve_key: SigningKey) -> None:
    assert verifier_of(curve_key).verify(sign(curve_key, claims())).client_id == "sa_1"


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_the_algorithm_is_the_published_one_whatever_the_token_says(
    signing_key: SigningKey, algorithm: str
) -> None:
    token = jwt.encode(
        claims(), signing_key.private_key, algorithm=algorithm, headers={"typ": "at+jwt", "kid": signing_key.kid}
    )
    with pytest.raises(Unauthenticated):
        verifier_of(signing_key).verify(token)


def test_a_key_of_one_algorithm_verifies_no_token_of_another(
    signing_key: SigningKey, curve_key: SigningKey
) -> None:
    for key, other in ((signing_key, curve_key), (curve_key, signing_key)):
        token = sign(key, claims(), kid=other.kid)
        with pytest.raises(Unauthenticated):
            verifier_of(signing_key, curve_key).verify(token)


@pytest.mark.parametrize("alg", ["HS256", "none", "PS256", ""])
def test_a_published_key_for_anything_else_verifies_nothing(signing_key: SigningKey, alg: str) -> None:
    keys = Keys()
    keys.published = [signing_key.public_jwk() | {"alg": alg}]
    with pytest.raises(Unauthenticated):
        TokenVerifier(ISSUER, keys, Revoked()).verify(sign(signing_key, claims()))


def test_a_token_with_an_extension_that_must_be_understood_is_refused(signing_key: SigningKey) -> None:
    with pytest.raises(Unauthenticated):
        verifier_of(signing_key).verify(sign(signing_key, claims(), crit=["exp"]))


def test_a_revoked_token_is_refused(signing_key: SigningKey) -> None:
    verifier = TokenVerifier(ISSUER, Keys(signing_key), Revoked("gone"))
    assert verifier.verify(sign(signing_key, claims(jti="here")))
    with pytest.raises(Unauthenticated):
        verifier.verify(sign(signing_key, claims(jti="gone")))


def test_keys_are_read_once_and_again_when_they_are_old(signing_key: SigningKey) -> None:
    keys, clock = Keys(signing_key), Clock()
    verifier = TokenVerifier(ISSUER, keys, Revoked(), cache_seconds=300, clock=clock)
    for _ in range(3):
        verifier.verify(sign(signing_key, claims()))
    assert keys.readings == 1
    clock.now += 301
    verifier.verify(sign(signing_key, claims()))
    assert keys.readings == 2


def test_a_dropped_key_verifies_nothing_when_the_keys_are_read_again(signing_key: SigningKey) -> None:
    keys, clock = Keys(signing_key), Clock()
    verifier = TokenVerifier(ISSUER, keys, Revoked(), cache_seconds=300, clock=clock)
    verifier.verify(sign(signing_key, claims()))
    keys.published = []
    clock.now += 300
    with pytest.raises(Unauthenticated):
        verifier.verify(sign(signing_key, claims()))


def test_unknown_keys_are_looked_for_once_in_a_cooldown_whatever_strangers_send(signing_key: SigningKey) -> None:
    keys, clock = Keys(signing_key), Clock()
    verifier = TokenVerifier(ISSUER, keys, Revoked(), clock=clock)
    genuine = sign(signing_key, claims())
    strange = [sign(signing_key, claims(), kid=f"unknown-{number}") for number in range(20)]
    for number in range(500):
        with pytest.raises(Unauthenticated):
            verifier.verify(strange[number % 20])
        assert verifier.verify(genuine)
        clock.now += 0.1
    assert keys.readings <= 50 / UNKNOWN_KEY_COOLDOWN_SECONDS + 1
    assert set(verifier._known) == {signing_key.kid}, "nothing that strangers send is remembered"


def test_a_key_that_was_published_in_time_is_known_at_its_first_token(
    signing_key: SigningKey, curve_key: SigningKey
) -> None:
    """Whenever the keys were read last because somebody asked for an unknown one."""
    unknown, first = sign(signing_key, claims(), kid="unknown"), sign(curve_key, claims())
    for read_before in range(UNKNOWN_KEY_COOLDOWN_SECONDS * 2):
        keys, clock = Keys(signing_key), Clock()
        verifier = TokenVerifier(ISSUER, keys, Revoked(), clock=clock)
        for second in range(UNKNOWN_KEY_COOLDOWN_SECONDS * 2 + 1):
            if second == UNKNOWN_KEY_COOLDOWN_SECONDS:
                keys.published.append(curve_key.public_jwk())
            if second == read_before:
                with pytest.raises(Unauthenticated):
                    verifier.verify(unknown)
            clock.now += 1
        assert verifier.verify(first)


def test_when_the_keys_cannot_be_read_it_says_so_and_not_that_the_token_is_wrong(signing_key: SigningKey) -> None:
    class Silent:
        def jwks(self) -> list[dict[str, str]]:
            raise Unavailable("no answer")

    with pytest.raises(Unavailable):
        TokenVerifier(ISSUER, Silent(), Revoked()).verify(sign(signing_key, claims()))


def test_verifying_takes_less_than_a_fifth_of_a_millisecond(signing_key: SigningKey) -> None:
    verifier, token = verifier_of(signing_key), sign(signing_key, claims())

    def measure() -> float:
        started = time.perf_counter()
        for _ in range(50):
            verifier.verify(token)
        return (time.perf_counter() - started) / 50

    assert min(measure() for _ in range(20)) < 0.0002


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
def test_whatever_comes_as_a_token_is_refused_in_one_way(signing_key: SigningKey, noise: bytes) -> None:
    with pytest.raises(Unauthenticated):
        verifier_of(signing_key).verify(noise.decode("utf-8", "replace"))


def test_a_principal_may_do_only_what_its_scopes_say() -> None:
    reader = Principal("sa_1", "robot", frozenset({"files:read"}))
    reader.require(Scope.FILES_READ)
    with pytest.raises(Forbidden):
        reader.require(Scope.FILES_WRITE)


def test_every_role_names_its_scopes_and_only_the_administrator_has_all() -> None:
    assert set(ROLE_SCOPES) == set(Role)
    assert [role for role in Role if ROLE_SCOPES[role] == frozenset(Scope)] == [Role.ADMIN]
