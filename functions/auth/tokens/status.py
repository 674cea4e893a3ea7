"""Telling whether a token is active, and ending one (RFC 7662, RFC 7009)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from artstore.audit import SUCCESS, AuditEvent
from artstore.errors import Unauthenticated
from artstore.security import SPACES_CLAIM, Scope
from artstore.tables import ServiceAccount
from functions.auth.permissions import permitted_scopes
from functions.auth.tokens.oauth_errors import OAuthError

REVOKED = "token.revoked"
INACTIVE: dict[str, Any] = {"active": False}
"""The whole answer about a token that is not active, whatever it is (RFC 7662 §2.2)."""


class Verifier(Protocol):
    """What verifies tokens, revocations included."""

    def claims(self, token: str) -> dict[str, Any]:
        """Give the claims of an active token. Raises Unauthenticated."""
        ...


class Revoker(Protocol):
    """What ends tokens; see ``functions.auth.tokens.revoking``."""

    def revoke(self, claims: Mapping[str, Any], event: AuditEvent) -> None:
        """End the token with these claims, and record the event."""
        ...


class TokenStatus:
    """Introspection and revocation."""

    def __init__(self, verifier: Verifier, revoker: Revoker) -> None:
        """Verify with ``verifier``, revoke with ``revoker``."""
        self._verifier = verifier
        self._revoker = revoker

    def introspect(self, token: str, client: ServiceAccount) -> dict[str, Any]:
        """Describe an active token (RFC 7662 §2.2) to its own client or an administrator of accounts.

        To anyone else, and for every other token, the answer is INACTIVE. Raises Unavailable.
        """
        claims = self._active_claims(token)
        if claims is None or not _may_see(client, claims):
            return INACTIVE
        names = ("scope", SPACES_CLAIM, "client_id", "username", "exp", "iat", "sub", "aud", "iss", "jti")
        return {"active": True, "token_type": "Bearer"} | {name: claims[name] for name in names if name in claims}

    def revoke(self, token: str, client: ServiceAccount, source_ip: str, request_id: str) -> None:
        """End a token and record it; one that is unknown, expired or ended already is no error (RFC 7009 §2.2).

        Raises OAuthError (unauthorized_client) when the token is another client's (§2.1), and Unavailable.
        """
        claims = self._active_claims(token)
        if claims is None:
            return
        if not _may_see(client, claims):
            raise OAuthError("unauthorized_client", "the token was issued to another client")
        event = AuditEvent(
            action=REVOKED,
            actor=client.client_id,
            object=f"service-account/{claims['client_id']}",
            outcome=SUCCESS,
            source_ip=source_ip,
            request_id=request_id,
            after={"jti": claims["jti"]},
        )
        self._revoker.revoke(claims, event)

    def _active_claims(self, token: str) -> dict[str, Any] | None:
        try:
            return self._verifier.claims(token)
        except Unauthenticated:
            return None


def _may_see(client: ServiceAccount, claims: dict[str, Any]) -> bool:
    return claims["client_id"] == client.client_id or Scope.ACCOUNTS_ADMIN in permitted_scopes(client)
