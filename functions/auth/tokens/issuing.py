"""Issuing access tokens (RFC 6749 §4.4, RFC 9068 §2)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import jwt
import msgspec

from artstore.security import DOCUMENT_SCOPES, REVISION_CLAIM, SPACES_CLAIM, TOKEN_TYPE
from artstore.spaces import DEFAULT
from artstore.tables import ServiceAccount
from functions.auth.permissions import narrow, permitted_scopes, permitted_spaces
from functions.auth.signing_key import SigningKey
from functions.auth.tokens.oauth_errors import OAuthError


class TokenResponse(msgspec.Struct):
    """A granted token (RFC 6749 §5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    """Seconds."""
    scope: str


class TokenIssuer:
    """Turns an authenticated client into an access token: one signature."""

    def __init__(
        self,
        *,
        issuer: str,
        lifetime_seconds: int,
        signing_key: Callable[[], SigningKey],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Issue tokens of ``issuer`` for ``issuer`` that live ``lifetime_seconds``."""
        self._issuer = issuer
        self._lifetime = lifetime_seconds
        self._signing_key = signing_key
        self._clock = clock

    def issue(self, account: ServiceAccount, asked: frozenset[str] | None) -> TokenResponse:
        """Grant a token with the scopes ``asked`` for, or, for None, all that the account may have.

        Raises OAuthError (invalid_scope) for a scope that does not exist or that the account may not ask for
        (RFC 6749 §3.3, §5.2), and Unavailable when there is no key to sign with.
        """
        granted = _granted(account, asked)
        scope = " ".join(sorted(granted))
        now = int(self._clock())
        key = self._signing_key()
        token = jwt.encode(
            {
                "iss": self._issuer,
                "aud": self._issuer,
                "sub": account.client_id,
                "client_id": account.client_id,
                "username": account.username,
                "scope": scope,
                "iat": now,
                "exp": now + self._lifetime,
                "jti": str(uuid.uuid4()),
                REVISION_CLAIM: int(account.revision),
                **_spaces_claim(account, granted),
            },
            key.private_key,
            algorithm=key.algorithm,
            headers={"typ": TOKEN_TYPE, "kid": key.kid},
        )
        return TokenResponse(token, "Bearer", self._lifetime, scope)


def _spaces_claim(account: ServiceAccount, granted: frozenset[str]) -> dict[str, dict[str, str]]:
    """Give the claim, or nothing where what it would say is what a token without it says."""
    spaces = narrow(permitted_spaces(account), granted)
    documents = granted & DOCUMENT_SCOPES
    if spaces == ({DEFAULT: documents} if documents else {}):
        return {}
    return {SPACES_CLAIM: {name: " ".join(sorted(scopes)) for name, scopes in sorted(spaces.items())}}


def _granted(account: ServiceAccount, asked: frozenset[str] | None) -> frozenset[str]:
    permitted = permitted_scopes(account)
    granted = permitted if asked is None else asked
    if not granted <= permitted or not granted:
        raise OAuthError("invalid_scope", "the client may not ask for this scope")
    return granted
