"""Telling operators of secrets that end soon, while there is time to rotate them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from artstore.audit import SUCCESS, SYSTEM, AuditEvent, AuditLog, StateChanged
from artstore.tables import AccountSecret, ServiceAccount
from functions.auth.accounts.acts import Clock
from functions.auth.permissions import ACTIVE

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

NOTICE = timedelta(days=14)


class WarnedAccounts(Protocol):
    """What is asked of the accounts table; see ``functions.auth.accounts.table.ServiceAccounts``."""

    def walk(self, after: str | None = None) -> Iterator[ServiceAccount]:
        """Give all accounts."""
        ...

    def change(self, account: ServiceAccount, changes: Mapping[str, Any], transaction: TransactWrite) -> None:
        """Change an account unless it was changed meanwhile."""
        ...


@dataclass(frozen=True)
class Warned:
    """A secret of whose end operators are told now, for the first time."""

    client_id: str
    name: str
    expires_at: str | None
    """RFC 3339, UTC; None for a secret from before secrets expired, which is to be rotated too."""


@dataclass(frozen=True)
class ExpiryReport:
    """What one run found."""

    expiring: int
    """Active accounts whose newest secret ends within the notice, or has ended."""
    warned: tuple[Warned, ...]


class SecretExpiry:
    """The ends of the secrets of one deployment."""

    def __init__(
        self,
        accounts: WarnedAccounts,
        audit: AuditLog,
        *,
        notice: timedelta = NOTICE,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """Warn ``notice`` ahead."""
        self._accounts = accounts
        self._audit = audit
        self._notice = notice
        self._clock = clock

    def warn(self) -> ExpiryReport:
        """Warn once for each account and secret, with an audit entry (``secret.expiring``).

        Only the newest secret counts: an older one is meant to end. What a concurrent change hinders, the next run
        does. Raises Unavailable.
        """
        end_of_notice = self._clock() + self._notice
        expiring = 0
        warned: list[Warned] = []
        for account in self._accounts.walk():
            secrets = account.known_secrets()
            if account.status != ACTIVE or not secrets or not _ends_by(secrets[-1], end_of_notice):
                continue
            expiring += 1
            if account.warned_secret != secrets[-1].created_at and self._record(account, secrets[-1]):
                warned.append(Warned(account.client_id, account.username, secrets[-1].expires_at))
        return ExpiryReport(expiring, tuple(warned))

    def _record(self, account: ServiceAccount, secret: AccountSecret) -> bool:
        event = AuditEvent(
            action="secret.expiring",
            actor=SYSTEM,
            object=f"service-account/{account.client_id}",
            outcome=SUCCESS,
            source_ip="",
            request_id="",
            after={"created_at": secret.created_at, "expires_at": secret.expires_at},
        )
        mark = {"warned_secret": secret.created_at}
        try:
            self._audit.append(event, lambda transaction: self._accounts.change(account, mark, transaction))
        except StateChanged:
            return False
        return True


def _ends_by(secret: AccountSecret, moment: datetime) -> bool:
    return secret.expires_at is None or datetime.fromisoformat(secret.expires_at) <= moment
