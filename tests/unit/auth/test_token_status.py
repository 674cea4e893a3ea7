"""Introspection (RFC 7662) and revocation (RFC 7009) reach what the caller may know of, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from artstore.audit import AuditEvent
from artstore.errors import Unauthenticated, Unavailable
from artstore.tables import ServiceAccount, bind
from functions.auth.tokens.oauth_errors import OAuthError
from functions.auth.tokens.status import INACTIVE, TokenStatus

CLAIMS: dict[str, Any] = {
    "iss": "https://archive.example/v1",
    "aud": "https://archive.example/v1",
    "sub": "sa_1",
    "client_id": "sa_1",
    "username": "robot",
    "scope": "files:read",
    "iat": 1000,
    "exp": 2800,
    "jti": "j1",
}


class Verifier:
    def claims(self, token: str) -> dict[str, Any]:
        if token == "down":
            raise Unavailable("the revoked tokens cannot be read")
        if token != "active":
            raise Unauthenticated("no", code="invalid_token")
        return CLAIMS


class Revoker:
    def __init__(self) -> None:
        self.revoked: list[tuple[str, AuditEvent]] = []

    def revoke(self, claims: Mapping[str, Any], event: AuditEvent) -> None:
        self.revoked.append((claims["jti"], event))


def account(client_id: str, role: str = "USER", scopes: list[str] | None = None) -> ServiceAccount:
    made: ServiceAccount = bind(ServiceAccount, "unit")(client_id, username="robot", role=role, created_at="x")
    if scopes is not None:
        made.scopes = scopes
    return made


@pytest.fixture
def revoker() -> Revoker:
    return Revoker()


@pytest.fixture
def status(revoker: Revoker) -> TokenStatus:
    return TokenStatus(Verifier(), revoker)


@pytest.mark.parametrize("client", [account("sa_1"), account("sa_admin", "ADMIN")], ids=["its own", "an admin"])
def test_an_active_token_is_described_to_its_client_and_to_administrators(
    status: TokenStatus, client: ServiceAccount
) -> None:
    assert status.introspect("active", client) == {"active": True, "token_type": "Bearer"} | CLAIMS


@pytest.mark.parametrize(
    "client",
    [
        account("sa_2"),
        account("sa_2", "AUDITOR"),
        account("sa_2", "WHAT"),
        account("sa_2", "ADMIN", ["files:read"]),
    ],
    ids=["a user", "an auditor", "an unknown role", "a narrowed admin"],
)
def test_to_others_an_active_token_looks_like_none(
    status: TokenStatus, revoker: Revoker, client: ServiceAccount
) -> None:
    assert status.introspect("active", client) == {"active": False}
    with pytest.raises(OAuthError, match="another client"):
        status.revoke("active", client, "192.0.2.1", "req-1")
    assert revoker.revoked == []


def test_a_token_that_is_not_active_is_inactive_alone_and_revoking_it_is_no_error(
    status: TokenStatus, revoker: Revoker
) -> None:
    assert status.introspect("junk", account("sa_1")) == INACTIVE
    status.revoke("junk", account("sa_1"), "192.0.2.1", "req-1")
    assert revoker.revoked == []


def test_who_ended_whose_token_and_from_where_is_recorded(status: TokenStatus, revoker: Revoker) -> None:
    status.revoke("active", account("sa_admin", "ADMIN"), "192.0.2.1", "req-1")
    ((jti, event),) = revoker.revoked
    assert jti == "j1"
    assert (event.action, event.actor, event.object) == ("token.revoked", "sa_admin", "service-account/sa_1")
    assert (event.source_ip, event.request_id, event.after) == ("192.0.2.1", "req-1", {"jti": "j1"})


def test_what_cannot_be_known_is_unavailable_and_not_inactive(status: TokenStatus) -> None:
    with pytest.raises(Unavailable):
        status.introspect("down", account("sa_1"))
