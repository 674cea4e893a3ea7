"""The accounts table, the audit log and the revoked tokens in memory, for tests that are not about DynamoDB.

A transaction collects conditions and effects; the log applies all of them, or none when a condition fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from artstore.audit import START, Alongside, AuditEntry, AuditEvent, Link, StateChanged, next_entry
from artstore.tables import ServiceAccount, bind


class MemoryTransaction:
    """Conditions and effects that belong together."""

    def __init__(self) -> None:
        self.conditions: list[Callable[[], bool]] = []
        self.effects: list[Callable[[], None]] = []


class MemoryAudit:
    """AuditLog in a list."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.before_commit: Callable[[], None] | None = None
        """What happens once, after the writes were planned and before they are made."""

    def append(self, event: AuditEvent, alongside: Alongside | None = None) -> AuditEntry:
        """See AuditLog."""
        transaction = MemoryTransaction()
        if alongside is not None:
            alongside(transaction)
        if self.before_commit is not None:
            meanwhile, self.before_commit = self.before_commit, None
            meanwhile()
        failed = tuple(place for place, holds in enumerate(transaction.conditions) if not holds())
        if failed:
            raise StateChanged(failed)
        for apply in transaction.effects:
            apply()
        head = Link(self.entries[-1].seq, self.entries[-1].hash) if self.entries else START
        self.entries.append(next_entry(event, head, datetime(2026, 11, 21, tzinfo=UTC)))
        return self.entries[-1]

    def said(self) -> list[tuple[str, str, str | None]]:
        """Give action, outcome and reason of each entry."""
        return [(entry.action, entry.outcome, entry.reason) for entry in self.entries]


class MemoryAccounts:
    """The accounts table in a dictionary; it passes the same contract."""

    def __init__(self) -> None:
        self._table = bind(ServiceAccount, "unit")
        self._rows: dict[str, ServiceAccount] = {}

    def put(self, account: ServiceAccount) -> None:
        """Store as it is."""
        self._rows[account.client_id] = self._copy(account)

    def find(self, client_id: str) -> ServiceAccount | None:
        """See AccountStore."""
        row = self._rows.get(client_id)
        return None if row is None else self._copy(row)

    def walk(self, after: str | None = None) -> Iterator[ServiceAccount]:
        """See AccountStore; in the order of creation."""
        ids = list(self._rows)
        for client_id in ids[ids.index(after) + 1 if after is not None else 0 :]:
            yield self._copy(self._rows[client_id])

    def new(self, client_id: str, **attributes: Any) -> ServiceAccount:
        """See AccountStore."""
        account: ServiceAccount = self._table(client_id, **attributes)
        return account

    def add(self, account: ServiceAccount, transaction: Any) -> None:
        """See AccountStore."""
        transaction.conditions.append(lambda: account.client_id not in self._rows)
        transaction.effects.append(lambda: self.put(account))

    def change(self, account: ServiceAccount, changes: Mapping[str, Any], transaction: Any) -> None:
        """See AccountStore."""
        self.require(account, transaction)
        values = {**account.attribute_values, **changes}
        transaction.effects.append(lambda: self.put(self._table(**values)))

    def require(self, account: ServiceAccount, transaction: Any) -> None:
        """See AccountStore."""

        def as_read() -> bool:
            row = self._rows.get(account.client_id)
            return row is not None and row.revision == account.revision

        transaction.conditions.append(as_read)

    def _copy(self, account: ServiceAccount) -> ServiceAccount:
        copied: ServiceAccount = self._table(**account.attribute_values)
        return copied


class MemoryRevocations:
    """Revoked clients in a dictionary."""

    def __init__(self) -> None:
        self.clients: dict[str, float] = {}

    def revoke_client(
        self, client_id: str, before: float, transaction: Any = None, *, revision: int | None = None
    ) -> None:
        """See ClientRevocations."""
        transaction.effects.append(lambda: self.clients.update({client_id: before}))
