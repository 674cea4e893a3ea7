"""private_key_jwt: only a fresh JWT, signed with a registered key, for us alone, proves a client (RFC 7523 §3)."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from functions.auth.tokens.client_assertion import named_client, verify_assertion
from functions.auth.tokens.oauth_errors import OAuthError

ISSUER = "https://archive.example/v1"
CLIENT = "sa_robot"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
SIGNERS: dict[str, Any] = {"RS256": RSA_KEY, "ES256": EC_KEY, "EdDSA": ED_KEY}


def jwk_of(algorithm: str) -> dict[str, Any]:
    public = SIGNERS[algorithm].public_key()
    library: dict[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
    return {**json.loads(library[algorithm].to_jwk(public)), "kid": algorithm}


JWKS = {"keys": [jwk_of(algorithm) for algorithm in SIGNERS]}


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "exp": now + 60, "iat": now, "jti": "j1"}
    return {name: value for name, value in (whole | changes).items() if value is not None}


def sign(algorithm: str = "RS256", kid: str | None = None, **changes: Any) -> str:
    headers = {"kid": kid or algorithm}
    return jwt.encode(claims(**changes), SIGNERS[algorithm], algorithm=algorithm, headers=headers)


def verify(assertion: str, jwks: dict[str, Any] | None = JWKS) -> str:
    return verify_assertion(assertion, CLIENT, jwks, ISSUER, time.time()).jti


@pytest.mark.parametrize("algorithm", sorted(SIGNERS))
def test_an_assertion_signed_with_a_registered_key_is_accepted(algorithm: str) -> None:
    assert verify(sign(algorithm)) == "j1"
    assert named_client(sign(algorithm)) == CLIENT


def test_an_ed25519_key_signs_by_either_name_of_its_algorithm() -> None:
    headers = {"kid": "EdDSA"}
    assertion = jwt.encode(claims(), ED_KEY, algorithm="Ed25519", headers=headers)
    assert jwt.get_unverified_header(assertion)["alg"] == "Ed25519"
    assert verify(assertion) == "j1"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "someone"},
        {"sub": "someone"},
        {"aud": "https://elsewhere.example"},
        {"aud": f"{ISSUER}/api/v1/auth/token"},
        {"aud": [ISSUER, "https://elsewhere.example"]},
        {"aud": [ISSUER]},
        {"exp": int(time.time()) - 60},
        {"exp": int(time.time()) + 90_000},
        {"nbf": int(time.time()) + 600},
        {"iat": int(time.time()) + 600},
        {"iss": None},
        {"sub": None},
        {"aud": None},
        {"exp": None},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 300},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": str(int(time.time()) + 60)},
        {"exp": 10**400},
        {"nbf": float("inf")},
        {"iat": float("inf")},
        {"iat": "x"},
        {"sub": "\ud800"},
    ],
    ids=str,
)
def test_an_assertion_with_wrong_claims_proves_nothing(changes: dict[str, Any]) -> None:
    with pytest.raises(OAuthError, match="client authentication failed"):
        verify(sign(**changes))


def test_a_key_that_is_not_registered_proves_nothing() -> None:
    stranger = jwt.encode(
        claims(),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        algorithm="RS256",
        headers={"kid": "RS256"},
    )
    key_sets: list[dict[str, Any] | None] = [JWKS, None, {"keys": []}, {"keys": [jwk_of("ES256")]}]
    for jwks in key_sets:
        with pytest.raises(OAuthError):
            verify(stranger, jwks)
    with pytest.raises(OAuthError):
        verify(sign(kid="unknown"))


def test_the_algorithm_is_that_of_the_key_and_not_of_the_header() -> None:
    hmac_with_public = jwt.encode(claims(), "a-shared-secret-of-thirty-two-bytes!", algorithm="HS256")
    with pytest.raises(OAuthError):
        verify(hmac_with_public)
    with pytest.raises(OAuthError):
        verify(sign("ES256", kid="RS256"))


def encode(header: str, payload: str) -> str:
    """Write a JWT whose header and payload are this text, without a signature."""
    parts = (header, payload, "")
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)


DEEP = "[" * 6000
HEADER = '{"alg": "RS256"}'


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "x",
        "a.b.c",
        "eyJhbGciOiJub25lIn0.e30.",
        "\x00",
        "\ud800.e30.",
        "Ж.e30.",
        encode(HEADER, DEEP),
        encode(HEADER, '{"sub":' * 2000),
        encode(DEEP, '{"sub": "sa_1"}'),
        encode(HEADER, '{"sub": ["sa_1"]}'),
        encode(HEADER, '{"sub": ' + "1" * 5000 + "}"),
        encode(HEADER, '"sa_1"'),
        encode('{"alg": "RS256", "b64": false}', '{"sub": "sa_1"}'),
    ],
    ids=lambda junk: repr(junk[:40]),
)
def test_junk_names_no_client(junk: str) -> None:
    with pytest.raises(OAuthError):
        named_client(junk)
