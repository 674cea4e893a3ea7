"""What a service account may ask for and administer."""

from __future__ import annotations

from datetime import datetime

from artstore.security import ROLE_SCOPES, Role, Scope
from artstore.tables import ServiceAccount

ACTIVE, SUSPENDED, DELETED = "ACTIVE", "SUSPENDED", "DELETED"


def permitted_scopes(account: ServiceAccount) -> frozenset[Scope]:
    """Give the scopes that ``account`` may ask for: its own, as far as they are its role's.

    A role or a scope that nobody knows permits nothing.
    """
    try:
        of_role = ROLE_SCOPES[Role(account.role)]
    except ValueError:
        return frozenset()
    return of_role if account.scopes is None else of_role & set(account.scopes)


def can_administer(account: ServiceAccount, at: datetime) -> bool:
    """Tell whether ``account`` can log in at ``at`` and administer accounts: what a deployment needs one of."""
    return (
        account.status == ACTIVE
        and Scope.ACCOUNTS_ADMIN in permitted_scopes(account)
        and bool(account.jwks or account.usable_hashes(at.timestamp()))
    )
