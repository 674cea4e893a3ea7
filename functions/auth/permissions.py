"""What a service account may ask for and administer."""

from __future__ import annotations

from datetime import datetime

from artstore.security import DOCUMENT_SCOPES, FILE_SCOPES, ROLE_SCOPES, Role, Scope
from artstore.spaces import ALL, DEFAULT
from artstore.tables import ServiceAccount

ACTIVE, SUSPENDED, DELETED = "ACTIVE", "SUSPENDED", "DELETED"


Spaces = dict[str, frozenset[Scope]]
"""The scopes in each space, ``*`` for every space; a space without any is left out."""


def held_scopes(account: ServiceAccount) -> frozenset[Scope]:
    """Give the scopes of ``account`` whatever its spaces: its own, as far as they are its role's.

    A role or a scope that nobody knows permits nothing.
    """
    try:
        of_role = ROLE_SCOPES[Role(account.role)]
    except ValueError:
        return frozenset()
    return of_role if account.scopes is None else of_role & set(account.scopes)


def permitted_spaces(account: ServiceAccount) -> Spaces:
    """Give the spaces that ``account`` may ask for, each with the document scopes it has there."""
    held = held_scopes(account) & DOCUMENT_SCOPES
    named: dict[str, list[str] | None] = {DEFAULT: None} if account.spaces is None else account.spaces
    spaces = {name: held if scopes is None else held & set(scopes) for name, scopes in named.items()}
    return {name: scopes for name, scopes in spaces.items() if scopes}


def permitted_scopes(account: ServiceAccount) -> frozenset[Scope]:
    """Give the scopes that ``account`` may ask for; those that concern files if it has a space for them."""
    somewhere = frozenset[Scope]().union(*permitted_spaces(account).values())
    return (held_scopes(account) - FILE_SCOPES) | somewhere


def narrow(spaces: Spaces, granted: frozenset[str]) -> Spaces:
    """Give what is left of ``spaces`` for a token with the scopes ``granted``."""
    narrowed = {name: scopes & granted for name, scopes in spaces.items()}
    return {name: frozenset(map(Scope, scopes)) for name, scopes in narrowed.items() if scopes}


def covers(wide: Spaces, narrow: Spaces) -> bool:
    """Tell whether ``wide`` permits all that ``narrow`` does, space by space."""
    everywhere = wide.get(ALL, frozenset())
    return all(scopes <= everywhere | wide.get(name, frozenset()) for name, scopes in narrow.items())


def grantable_spaces(account: ServiceAccount) -> Spaces:
    """Give the spaces in which ``account`` may let others act.

    Its own; and every space, as far as its scopes go, for one that runs the archive and is kept to no spaces: it
    makes them, and somebody has to let the first one in.
    """
    held = held_scopes(account)
    if account.spaces is None and {Scope.ELEMENTS_ADMIN, Scope.ACCOUNTS_ADMIN} <= held:
        return {ALL: held & DOCUMENT_SCOPES}
    return permitted_spaces(account)


def can_administer(account: ServiceAccount, at: datetime) -> bool:
    """Tell whether ``account`` can log in at ``at`` and administer accounts: what a deployment needs one of."""
    return (
        account.status == ACTIVE
        and Scope.ACCOUNTS_ADMIN in permitted_scopes(account)
        and bool(account.jwks or account.usable_hashes(at.timestamp()))
    )
