"""Who calls, and what they may do: scopes, roles and the verification of access tokens.

Access tokens follow RFC 9068: ``typ`` at+jwt, RS256, with iss, aud, exp, iat, sub, client_id, jti and scope.
The verifying key is chosen by ``kid`` among the issuer's own published keys; no key, address or algorithm is
taken from the token itself (RFC 8725 §3.1, §3.5).
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import jwt
from jwt.algorithms import RSAAlgorithm

from artstore.errors import Forbidden, Unauthenticated
from artstore.tables import SigningKeyRecord, bind, reaching_dynamodb

ALGORITHM = "RS256"
TOKEN_TYPE = "at+jwt"  # noqa: S105  # the media type of RFC 9068 §2.1, not a secret
CLOCK_SKEW_SECONDS = 5
UNKNOWN_KEY_COOLDOWN_SECONDS = 30
_MAX_TOKEN_CHARACTERS = 8192
_MAX_UNKNOWN_KEYS = 1000


class Scope(enum.StrEnum):
    """What a token may permit; one scope for each operation."""

    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    FILES_DELETE = "files:delete"
    ELEMENTS_ADMIN = "elements:admin"
    ACCOUNTS_ADMIN = "accounts:admin"
    KEYS_ADMIN = "keys:admin"
    AUDIT_READ = "audit:read"


class Role(enum.StrEnum):
    """What a service account is."""

    ADMIN = "ADMIN"
    OPERATOR = "OPERATOR"
    USER = "USER"
    AUDITOR = "AUDITOR"
    READONLY = "READONLY"


ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    Role.ADMIN: frozenset(Scope),
    Role.OPERATOR: frozenset({Scope.FILES_READ, Scope.ELEMENTS_ADMIN, Scope.AUDIT_READ, Scope.KEYS_ADMIN}),
    Role.USER: frozenset({Scope.FILES_READ, Scope.FILES_WRITE, Scope.FILES_DELETE}),
    Role.AUDITOR: frozenset({Scope.FILES_READ, Scope.AUDIT_READ}),
    Role.READONLY: frozenset({Scope.FILES_READ}),
}
"""The scopes a role may ask for. A role that is not named here may ask for none."""


@dataclass(frozen=True)
class Principal:
    """The caller, as a verified token states it."""

    client_id: str
    username: str
    scopes: frozenset[str]

    def require(self, scope: Scope) -> None:
        """Raise Forbidden (``insufficient_scope``) unless the token permits ``scope`` (RFC 6750 §3.1)."""
        if scope not in self.scopes:
            raise Forbidden(f"the token lacks the scope {scope}", code="insufficient_scope", scope=str(scope))


class KeySource(Protocol):
    """Where the issuer's public keys are found."""

    def find(self, kid: str) -> dict[str, Any] | None:
        """Give the public JWK of ``kid``, or None. Raises Unavailable when the source does not answer."""


class TableKeySource:
    """The public keys in the signing-keys table."""

    def __init__(self, prefix: str, issuer: str) -> None:
        """Read the keys of ``issuer`` in the deployment ``prefix``."""
        self._table = bind(SigningKeyRecord, prefix)
        self._issuer = issuer

    def find(self, kid: str) -> dict[str, Any] | None:
        """Read one key; one GetItem."""
        with reaching_dynamodb():
            try:
                jwk: dict[str, Any] = self._table.get(self._issuer, kid).jwk
            except self._table.DoesNotExist:
                return None
        return jwk


class TokenVerifier:
    """Verifies access tokens; holds each key as an object, since parsing one costs more than verifying."""

    def __init__(
        self,
        issuer: str,
        keys: KeySource,
        *,
        cache_seconds: float = 300,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Accept tokens of ``issuer`` meant for ``issuer``; a key is read again after ``cache_seconds``."""
        self._issuer = issuer
        self._keys = keys
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._known: dict[str, tuple[float, Any]] = {}
        self._unknown: dict[str, float] = {}

    def verify(self, token: str) -> Principal:
        """Verify ``token`` and give its principal; raises as ``claims`` does."""
        claims = self.claims(token)
        return Principal(
            client_id=claims["client_id"],
            username=str(claims.get("username") or claims["client_id"]),
            scopes=frozenset(claims["scope"].split()),
        )

    def claims(self, token: str) -> dict[str, Any]:
        """Verify ``token`` (RFC 9068 §4) and give its claims.

        Raises Unauthenticated (``invalid_token``) without saying which check failed, and Unavailable when a key
        must be read and cannot be.
        """
        if len(token) > _MAX_TOKEN_CHARACTERS:
            raise _invalid_token()
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise _invalid_token() from error
        kid = header.get("kid")
        if (
            header.get("alg") != ALGORITHM
            or str(header.get("typ", "")).lower().removeprefix("application/") != TOKEN_TYPE
            or not isinstance(kid, str)
            or not 0 < len(kid) <= 100
        ):
            raise _invalid_token()
        key = self._key(kid)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._issuer,
                issuer=self._issuer,
                leeway=CLOCK_SKEW_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "client_id", "jti", "scope"]},
            )
        except jwt.PyJWTError as error:
            raise _invalid_token() from error
        if not all(isinstance(claims[name], str) for name in ("scope", "client_id", "jti")):
            raise _invalid_token()
        return claims

    def _key(self, kid: str) -> Any:
        now = self._clock()
        known = self._known.get(kid)
        if known and now - known[0] < self._cache_seconds:
            return known[1]
        if now - self._unknown.get(kid, float("-inf")) < UNKNOWN_KEY_COOLDOWN_SECONDS:
            raise _invalid_token()
        jwk = self._keys.find(kid)
        if jwk is None:
            self._known.pop(kid, None)
            if len(self._unknown) >= _MAX_UNKNOWN_KEYS:
                self._unknown.clear()
            self._unknown[kid] = now
            raise _invalid_token()
        key = RSAAlgorithm.from_jwk(jwk)
        self._known[kid] = (now, key)
        return key


def _invalid_token() -> Unauthenticated:
    return Unauthenticated(
        "the access token is missing, malformed, expired or not of this archive", code="invalid_token"
    )
