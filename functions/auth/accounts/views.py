"""How a service account is shown, to a client and to the audit log: never a secret, never a hash."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from artstore.tables import ServiceAccount
from functions.auth.accounts.models import Account, AnyStatus, SecretInfo


def etag(account: ServiceAccount) -> str:
    """Give the entity tag: the revision in quotes."""
    return f'"{int(account.revision)}"'


def show(account: ServiceAccount) -> Account:
    """Show ``account`` to a client."""
    return Account(
        client_id=account.client_id,
        name=account.username,
        description=account.description,
        role=account.role,
        scopes=None if account.scopes is None else sorted(account.scopes),
        spaces=account.spaces,
        status=AnyStatus(account.status),
        is_system=account.is_system,
        rate_limit_per_minute=_number(account.rate_limit_per_minute),
        jwks=account.jwks,
        secrets=[
            SecretInfo(datetime.fromisoformat(each.created_at), _time(each.expires_at))
            for each in account.known_secrets()
        ],
        revision=int(account.revision),
        created_at=datetime.fromisoformat(account.created_at),
        created_by=account.created_by,
        updated_at=datetime.fromisoformat(account.updated_at or account.created_at),
        deleted_at=_time(account.deleted_at),
    )


def record(account: ServiceAccount) -> dict[str, Any]:
    """Give what the audit log keeps of ``account``."""
    return {
        "name": account.username,
        "description": account.description,
        "role": account.role,
        "scopes": None if account.scopes is None else sorted(account.scopes),
        "spaces": _listed(account.spaces),
        "status": account.status,
        "rate_limit_per_minute": _number(account.rate_limit_per_minute),
        "jwks": account.jwks,
        "secret_expiries": [each.expires_at for each in account.known_secrets()],
        "revision": int(account.revision),
    }


def record_change(before: ServiceAccount, after: ServiceAccount) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give what the audit log keeps of a change: the members that differ, before and after."""
    old, new = record(before), record(after)
    differing = [name for name in old if old[name] != new[name]]
    return {name: old[name] for name in differing}, {name: new[name] for name in differing}


def _listed(spaces: dict[str, list[str] | None] | None) -> list[dict[str, Any]] | None:
    """A list, for a space may have a name that the audit log takes for a secret's."""
    return None if spaces is None else [{"space": name, "scopes": scopes} for name, scopes in spaces.items()]


def _number(value: float | None) -> int | None:
    return None if value is None else int(value)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
