"""Who calls, and what they may do: scopes, roles and the verification of access tokens.

Access tokens follow RFC 9068: ``typ`` at+jwt, RS256 or ES256, with iss, aud, exp, iat, sub, client_id, jti and
scope. The verifying key is chosen by ``kid`` among the issuer's own published keys, and the algorithm is the one
published with the key; no key, address or algorithm is taken from the token itself (RFC 8725 §3.1, §3.5).
"""

from __future__ import annotations

import base64
import enum
import hashlib
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from artstore.aws.dynamodb import reaching_dynamodb
from artstore.errors import Forbidden, Unauthenticated
from artstore.security.revocations import RevocationList
from artstore.spaces import ALL, DEFAULT, EVERYWHERE, Reach
from artstore.tables import SigningKeyRecord, bind

RS256 = "RS256"
ES256 = "ES256"
TOKEN_TYPE = "at+jwt"  # noqa: S105  # the media type of RFC 9068 §2.1, not a secret
REVISION_CLAIM = "account_revision"
"""The revision of the service account that the token was issued from; see ``artstore.security.revocations``."""
SPACES_CLAIM = "spaces"
"""The spaces a token is for, each with the document scopes it has there, parted by spaces; ``*`` is every space.
A token without it is for the default space, with all of its scopes."""
CLOCK_SKEW_SECONDS = 5
UNKNOWN_KEY_COOLDOWN_SECONDS = 5
"""Tokens with unknown keys make a process read the published keys at most so often, whatever strangers send.

A key is published longer than that before it signs (ARTSTORE_KEY_PUBLISH_AHEAD_SECONDS is 10 at least), so a key
that is in use and was not there at the last reading is always looked for.
"""
MAX_VERIFIED = 1000
"""How many tokens a process remembers as verified; no token itself is kept."""
_MAX_TOKEN_CHARACTERS = 8192
UNREADABLE = (jwt.PyJWTError, ValueError, OverflowError, RecursionError, TypeError)
"""What PyJWT raises for a JWT that is wrong, and what falls through it for one that is made to be odd: a lone
surrogate, JSON of a thousand levels, ``exp`` of 1e999."""


class Scope(enum.StrEnum):
    """What a token may permit; one scope for each operation."""

    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    FILES_DELETE = "files:delete"
    ELEMENTS_ADMIN = "elements:admin"
    ACCOUNTS_ADMIN = "accounts:admin"
    KEYS_ADMIN = "keys:admin"
    AUDIT_READ = "audit:read"


FILE_SCOPES = frozenset({Scope.FILES_READ, Scope.FILES_WRITE, Scope.FILES_DELETE})
"""Scopes that mean nothing but documents: who has no space for one does not have it."""
DOCUMENT_SCOPES = FILE_SCOPES | {Scope.ELEMENTS_ADMIN}
"""Scopes that are held space by space; elements:admin as far as it acts on documents (legal holds)."""

SCOPE_DESCRIPTIONS: dict[Scope, str] = {
    Scope.FILES_READ: "find, show and download documents",
    Scope.FILES_WRITE: "upload documents and change what is said of them",
    Scope.FILES_DELETE: "delete documents, and bring them back",
    Scope.ELEMENTS_ADMIN: "run the archive: storage elements, their modes, maintenance",
    Scope.ACCOUNTS_ADMIN: "make, change and delete service accounts",
    Scope.KEYS_ADMIN: "show and rotate the signing keys",
    Scope.AUDIT_READ: "read and verify the audit log",
}
"""What each scope lets a client do, for people."""


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
    spaces: Mapping[str, frozenset[str]] | None = None
    """The scopes it has in each space, ``*`` for every space; None: all of its scopes, in the default space."""

    def require(self, scope: Scope) -> None:
        """Raise Forbidden (``insufficient_scope``) unless the token permits ``scope`` (RFC 6750 §3.1)."""
        if scope not in self.scopes:
            raise Forbidden(f"the token lacks the scope {scope}", code="insufficient_scope", scope=str(scope))

    def reach(self, scope: Scope) -> Reach:
        """Give the spaces in which the token permits ``scope``: what decides, on every path, which documents exist
        for this caller. Those that are withheld exist where it also has elements:admin."""
        return Reach(self._spaces_with(scope), self._spaces_with(Scope.ELEMENTS_ADMIN))

    def _spaces_with(self, scope: Scope) -> frozenset[str] | None:
        if scope not in self.scopes:
            return frozenset()
        spaces = {DEFAULT: self.scopes} if self.spaces is None else self.spaces
        if scope in spaces.get(ALL, ()):
            return None
        return frozenset(name for name, scopes in spaces.items() if scope in scopes)

    def administers(self) -> Reach:
        """Give the spaces whose limits and jobs the caller runs: all for elements:admin that is kept to no spaces,
        otherwise those in which the token has that scope. It says nothing of their documents."""
        if self.spaces is None and Scope.ELEMENTS_ADMIN in self.scopes:
            return EVERYWHERE
        return self.reach(Scope.ELEMENTS_ADMIN)


PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class KeySource(Protocol):
    """Where the issuer's public keys are found."""

    def jwks(self) -> Iterable[Mapping[str, Any]]:
        """Give the public JWKs, those of the next and the retired keys too. Raises Unavailable."""


class TableKeySource:
    """The public keys in the signing-keys table."""

    def __init__(self, prefix: str, issuer: str, clock: Callable[[], float] = time.time) -> None:
        """Read the keys of ``issuer`` in the deployment ``prefix``."""
        self._table = bind(SigningKeyRecord, prefix)
        self._issuer = issuer
        self._clock = clock

    def jwks(self) -> list[Mapping[str, Any]]:
        """Read the keys that verify now; one Query."""
        now = self._clock()
        with reaching_dynamodb():
            return [
                record.jwk
                for record in self._table.query(self._issuer, consistent_read=True)
                if record.expires_at_epoch is None or record.expires_at_epoch > now
            ]


class _Header(msgspec.Struct):
    """What is looked at in a token's header before its key is known; not its alg, which is the key's affair."""

    kid: str
    typ: str
    crit: object = msgspec.UNSET
    """Extensions that must be understood (RFC 7515 §4.1.11): we know none."""


@dataclass(frozen=True)
class _VerifyingKey:
    jwk: Mapping[str, Any]
    algorithm: str
    key: PublicKey


@dataclass(frozen=True, slots=True)
class _VerifiedToken:
    key: _VerifyingKey
    kid: str
    ends_at: float
    """Epoch seconds, the skew that is allowed included."""
    claims: dict[str, Any]


class TokenVerifier:
    """Verifies access tokens.

    All published keys are read together and held as objects, since parsing one costs more than verifying with it.
    They are read again after ``cache_seconds``, and when a token names a key that is not among them, which is
    answered without reading within UNKNOWN_KEY_COOLDOWN_SECONDS of the last reading.
    """

    def __init__(
        self,
        issuer: str,
        keys: KeySource,
        revocations: RevocationList,
        *,
        cache_seconds: float = 300,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Accept tokens of ``issuer`` meant for ``issuer`` that ``revocations`` does not name."""
        self._issuer = issuer
        self._keys = keys
        self._revocations = revocations
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._known: dict[str, _VerifyingKey] = {}
        self._read_at = -math.inf
        self._verified: dict[bytes, _VerifiedToken] = {}

    def verify(self, token: str) -> Principal:
        """Verify ``token`` and give its principal; raises as ``claims`` does."""
        claims = self.claims(token)
        return Principal(
            client_id=claims["client_id"],
            username=str(claims.get("username") or claims["client_id"]),
            scopes=frozenset(claims["scope"].split()),
            spaces=_spaces(claims.get(SPACES_CLAIM)),
        )

    def claims(self, token: str) -> dict[str, Any]:
        """Verify ``token`` (RFC 9068 §4), its revocation included, and give its claims.

        Raises Unauthenticated (``invalid_token``) without saying which check failed, and Unavailable when the keys
        or the revoked tokens must be read and cannot be.
        """
        if len(token) > _MAX_TOKEN_CHARACTERS:
            raise _invalid_token()
        claims = self._signed_claims(token)
        revision = claims.get(REVISION_CLAIM)
        if not isinstance(revision, int):
            revision = None
        if self._revocations.is_revoked(claims["jti"], claims["client_id"], claims["iat"], revision):
            raise _invalid_token()
        return dict(claims)

    def _signed_claims(self, token: str) -> dict[str, Any]:
        """Give the claims of a token that our key has signed and that holds now, whether or not it is revoked.

        A client sends its token many times: what was verified is remembered, by a hash, until it ends or its key
        is no longer the one that verified it.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        remembered = self._verified.get(digest)
        known = self._key(_kid(token) if remembered is None else remembered.kid)
        if remembered is None or remembered.key is not known or time.time() >= remembered.ends_at:
            claims = self._verify(token, known)
            if len(self._verified) >= MAX_VERIFIED:
                self._verified.clear()
            remembered = _VerifiedToken(
                known, str(known.jwk["kid"]), int(claims["exp"]) + CLOCK_SKEW_SECONDS, claims
            )
            self._verified[digest] = remembered
        return remembered.claims

    def _verify(self, token: str, known: _VerifyingKey) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                known.key,
                algorithms=[known.algorithm],
                audience=self._issuer,
                issuer=self._issuer,
                leeway=CLOCK_SKEW_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "client_id", "jti", "scope"]},
            )
        except UNREADABLE as error:
            raise _invalid_token() from error
        if not all(isinstance(claims[name], str) for name in ("scope", "client_id", "jti")):
            raise _invalid_token()
        if not _is_spaces(claims.get(SPACES_CLAIM, {})):
            raise _invalid_token()
        return claims

    def _key(self, kid: str) -> _VerifyingKey:
        now = self._clock()
        age = now - self._read_at
        # A clock that was set back is no reason to trust old keys.
        if not 0 <= age < (self._cache_seconds if kid in self._known else UNKNOWN_KEY_COOLDOWN_SECONDS):
            self._read(now)
        known = self._known.get(kid)
        if known is None:
            raise _invalid_token()
        return known

    def _read(self, now: float) -> None:
        known: dict[str, _VerifyingKey] = {}
        for jwk in self._keys.jwks():
            kid = str(jwk["kid"])
            before = self._known.get(kid)
            key = before if before is not None and before.jwk == jwk else _parse(jwk)
            if key is not None:
                known[kid] = key
        self._known = known
        self._read_at = now


def _is_spaces(claim: object) -> bool:
    """Tell whether the claim names scopes by space; one of another form must not pass for absent."""
    return isinstance(claim, dict) and all(isinstance(scopes, str) for scopes in claim.values())


def _spaces(claim: dict[str, str] | None) -> Mapping[str, frozenset[str]] | None:
    return None if claim is None else {name: frozenset(scopes.split()) for name, scopes in claim.items()}


def _kid(token: str) -> str:
    """Read which key a token names, and refuse what is no access token of ours whatever the key.

    PyJWT reads the header again when it verifies; reading it here as well, with PyJWT, would take as long as that.
    """
    encoded = token.partition(".")[0]
    try:
        header = msgspec.json.decode(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)), type=_Header)
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise _invalid_token() from error
    if header.typ.lower().removeprefix("application/") != TOKEN_TYPE or header.crit is not msgspec.UNSET:
        raise _invalid_token()
    return header.kid


def _parse(jwk: Mapping[str, Any]) -> _VerifyingKey | None:
    """Parse a public JWK of ours; None for one that no access token is signed with."""
    algorithm = jwk.get("alg")
    if algorithm == RS256:
        key = RSAAlgorithm.from_jwk(dict(jwk))
        if isinstance(key, rsa.RSAPublicKey):
            return _VerifyingKey(jwk, RS256, key)
    elif algorithm == ES256:
        curve = ECAlgorithm.from_jwk(dict(jwk))
        if isinstance(curve, ec.EllipticCurvePublicKey) and isinstance(curve.curve, ec.SECP256R1):
            return _VerifyingKey(jwk, ES256, curve)
    return None


def _invalid_token() -> Unauthenticated:
    return Unauthenticated(
        "the access token is missing, malformed, expired or not of this archive", code="invalid_token"
    )
