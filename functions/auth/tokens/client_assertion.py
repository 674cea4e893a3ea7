"""private_key_jwt: a client proves itself with a JWT it signed (RFC 7523 §3, RFC 7521 §4.2).

The key is one of those the client registered, chosen by ``kid``; nothing is taken from the assertion itself. Only
our issuer is accepted as audience: a JWT made for another server, or for several, is not one for us.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.algorithms import OKPAlgorithm

from artstore.security import UNREADABLE
from functions.auth.tokens.oauth_errors import invalid_client

ED25519 = "Ed25519"
"""What RFC 9864 §2.2 calls EdDSA with that curve; clients say the one or the other."""
ALGORITHMS = ("RS256", "ES256", ED25519, "EdDSA")
MAX_LIFETIME_SECONDS = 3600
"""The lifetime that authlib gives its assertions; each is remembered for as long, so that none is used twice."""
CLOCK_SKEW_SECONDS = 10
_ALGORITHMS_OF_KEY = {"RSA": ("RS256",), "EC": ("ES256",), "OKP": ("EdDSA", ED25519)}
_MAX_JTI_CHARACTERS = 255
_DECOY = {"kty": "RSA", "e": "AQAB", "n": base64.urlsafe_b64encode((2**2047 + 1).to_bytes(256, "big")).decode()}
"""A key of 2048 bits that verifies nothing, at the price of any other."""

with suppress(ValueError):  # a later PyJWT may know it by itself
    jwt.register_algorithm(ED25519, OKPAlgorithm())


@dataclass(frozen=True)
class VerifiedAssertion:
    """What is to be remembered of an assertion."""

    jti: str
    expires_at: float
    """Seconds since 1970."""


def named_client(assertion: str) -> str:
    """Give the client that ``assertion`` says it comes from, nothing verified yet.

    Raises OAuthError (invalid_client).
    """
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except UNREADABLE as error:
        raise invalid_client() from error
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise invalid_client()
    return subject


def verify_assertion(
    assertion: str, client_id: str, jwks: dict[str, Any] | None, issuer: str, now: float
) -> VerifiedAssertion:
    """Verify signature, iss, sub, aud, exp, iat, nbf and jti (RFC 7523 §3) with the keys of the client.

    A client without keys, or an unknown one, costs the same work. Raises OAuthError (invalid_client).
    """
    key, algorithms = _key_for(assertion, jwks)
    try:
        claims = jwt.decode(
            assertion,
            key,
            algorithms=algorithms,
            audience=issuer,
            issuer=client_id,
            subject=client_id,
            leeway=CLOCK_SKEW_SECONDS,
            options={"require": ["iss", "sub", "aud", "exp", "jti"], "strict_aud": True},
        )
    except UNREADABLE as error:
        raise invalid_client() from error
    jti, expires_at = claims["jti"], claims["exp"]
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI_CHARACTERS:
        raise invalid_client()
    if not isinstance(expires_at, int | float) or expires_at > now + MAX_LIFETIME_SECONDS + CLOCK_SKEW_SECONDS:
        raise invalid_client()
    return VerifiedAssertion(jti, float(expires_at))


def _key_for(assertion: str, jwks: dict[str, Any] | None) -> tuple[Any, tuple[str, ...]]:
    """Give the registered key that the header names, or, without one, a key that verifies nothing."""
    try:
        kid = jwt.get_unverified_header(assertion).get("kid")
    except UNREADABLE as error:
        raise invalid_client() from error
    keys = (jwks or {}).get("keys", [])
    matching = [jwk for jwk in keys if kid is None or jwk.get("kid") == kid]
    if len(matching) != 1:
        return jwt.PyJWK(_DECOY, algorithm="RS256").key, ("RS256",)
    algorithms = _ALGORITHMS_OF_KEY[matching[0]["kty"]]
    return jwt.PyJWK(matching[0], algorithm=algorithms[0]).key, algorithms
