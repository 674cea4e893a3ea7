"""The rules of administering service accounts, each refusal with a code of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from artstore.errors import Conflict, Forbidden, Invalid
from artstore.security import DOCUMENT_SCOPES, ROLE_SCOPES, Role
from artstore.spaces import ALL, DEFAULT, is_name
from artstore.tables import ServiceAccount
from functions.auth.permissions import (
    ACTIVE,
    can_administer,
    covers,
    grantable_spaces,
    held_scopes,
    permitted_scopes,
    permitted_spaces,
)


def check_scopes(role: str, scopes: Collection[str] | None) -> None:
    """Raise Invalid (``scope_outside_role``) when a scope is not one of the role's."""
    of_role = ROLE_SCOPES[Role(role)] if role in set(Role) else frozenset()
    if outside := sorted(set(scopes or ()) - of_role):
        raise Invalid(
            f"an account of the role {role} cannot have {', '.join(outside)}",
            code="scope_outside_role",
            field="scopes",
        )


def check_spaces(
    role: str, spaces: Mapping[str, Collection[str] | None] | None, exists: Callable[[str], bool]
) -> None:
    """Raise Invalid for a space that does not exist (``unknown_space``), and for a scope in a space that is none
    of documents (``scope_not_of_documents``) or not the role's (``scope_outside_role``)."""
    for name, scopes in (spaces or {}).items():
        if others := sorted(set(scopes or ()) - DOCUMENT_SCOPES):
            raise Invalid(
                f"no space has {', '.join(others)}: it concerns no documents",
                code="scope_not_of_documents",
                field="spaces",
            )
        if outside := sorted(set(scopes or ()) - ROLE_SCOPES[Role(role)]):
            raise Invalid(
                f"an account of the role {role} cannot have {', '.join(outside)}",
                code="scope_outside_role",
                field="spaces",
            )
        if name not in (ALL, DEFAULT) and not (is_name(name) and exists(name)):
            raise Invalid(f"there is no space {name}", code="unknown_space", field="spaces")


def check_reach(actor: ServiceAccount | None, *touched: ServiceAccount) -> None:
    """Raise Forbidden unless ``actor`` may itself do all that the ``touched`` accounts may.

    Otherwise an administrator of few scopes or spaces could make, widen, or take over by a new secret, an account
    of more (``exceeds_own_scopes``, ``exceeds_own_spaces``). An actor who is gone or suspended may do nothing,
    even while a token of its own is still honoured (``account_not_active``).
    """
    if actor is None or actor.status != ACTIVE:
        raise Forbidden("the calling account is not active", code="account_not_active")
    for account in touched:
        if beyond := sorted(held_scopes(account) - held_scopes(actor)):
            raise Forbidden(
                f"the calling account does not itself have {', '.join(beyond)}", code="exceeds_own_scopes"
            )
        if not covers(grantable_spaces(actor), permitted_spaces(account)):
            raise Forbidden(
                "the calling account does not itself have all that this account may do in its spaces",
                code="exceeds_own_spaces",
            )


def check_system_account(before: ServiceAccount, after: ServiceAccount) -> None:
    """Raise Conflict (``system_account``) when the first administrator would be deleted, suspended or narrowed."""
    if before.is_system and (after.role != before.role or after.status != ACTIVE or _loses(before, after)):
        raise Conflict(
            "the system account cannot be deleted, suspended, demoted or lose scopes or spaces",
            code="system_account",
        )


def find_other_administrator(
    accounts: Iterable[ServiceAccount], leaving: ServiceAccount, at: datetime
) -> ServiceAccount:
    """Give an administrator beside the one who is ``leaving``, the system account if that is one.

    Raises Conflict (``last_administrator``) when there is none.
    """
    others = [each for each in accounts if each.client_id != leaving.client_id and can_administer(each, at)]
    if not others:
        raise Conflict("the last active administrator cannot be removed", code="last_administrator")
    return next((each for each in others if each.is_system), others[0])


def loses_administrator(before: ServiceAccount, after: ServiceAccount, at: datetime) -> bool:
    """Tell whether the change takes an administrator away."""
    return can_administer(before, at) and not can_administer(after, at)


def ends_tokens(before: ServiceAccount, after: ServiceAccount) -> bool:
    """Tell whether tokens that were issued before the change say more than the account may do after it."""
    return (before.status == ACTIVE and after.status != ACTIVE) or _loses(before, after)


def _loses(before: ServiceAccount, after: ServiceAccount) -> bool:
    """Tell whether an account may do less after a change: have fewer scopes, or fewer in some space."""
    return not (
        permitted_scopes(before) <= permitted_scopes(after)
        and covers(permitted_spaces(after), permitted_spaces(before))
    )
