"""Issuing access tokens (RFC 6749 §4.4, RFC 9068 §2)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Protocol

import jwt
import msgspec

from artstore.security import ALGORITHM, ROLE_SCOPES, TOKEN_TYPE, Role, Scope
from artstore.tables import ServiceAccount
from functions.auth.keys import SigningKey
from functions.auth.oauth_errors import OAuthError, invalid_client
from functions.auth.secrets import SecretVerifier
from functions.auth.token_request import TokenRequest


class TokenResponse(msgspec.Struct):
    """A granted token (RFC 6749 §5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    """Seconds."""
    scope: str


class Accounts(Protocol):
    """Where accounts are found."""

    def find(self, client_id: str) -> ServiceAccount | None:
        """Give the account, or None."""


class TokenIssuer:
    """Turns a client's credentials into an access token: one read of the account, one signature."""

    def __init__(
        self,
        *,
        issuer: str,
        lifetime_seconds: int,
        accounts: Accounts,
        secrets: SecretVerifier,
        signing_key: Callable[[], SigningKey],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Issue tokens of ``issuer`` for ``issuer`` that live ``lifetime_seconds``."""
        self._issuer = issuer
        self._lifetime = lifetime_seconds
        self._accounts = accounts
        self._secrets = secrets
        self._signing_key = signing_key
        self._clock = clock

    def issue(self, request: TokenRequest) -> TokenResponse:
        """Authenticate the client and grant a token with the scopes asked for, or all of its role's.

        Raises OAuthError: invalid_client, alike for an unknown client, a wrong secret and a suspended account;
        invalid_scope for a scope that does not exist or that the role may not ask for (§3.3, §5.2).
        """
        account = self._accounts.find(request.client_id)
        usable = account is not None and account.status == "ACTIVE"
        hashes = account.secret_hashes if account is not None and usable else []
        if not self._secrets.verify(request.client_secret, hashes) or account is None:
            raise invalid_client()
        scope = " ".join(sorted(self._granted(account, request)))
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
            },
            key.private_key,
            algorithm=ALGORITHM,
            headers={"typ": TOKEN_TYPE, "kid": key.kid},
        )
        return TokenResponse(token, "Bearer", self._lifetime, scope)

    @staticmethod
    def _granted(account: ServiceAccount, request: TokenRequest) -> frozenset[str]:
        try:
            permitted: frozenset[Scope] = ROLE_SCOPES[Role(account.role)]
        except ValueError:  # a role nobody knows permits nothing
            permitted = frozenset()
        granted: frozenset[str] = permitted if request.scopes is None else request.scopes
        if not granted <= permitted or not granted:
            raise OAuthError("invalid_scope", "the client may not ask for this scope")
        return granted
