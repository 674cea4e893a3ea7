"""Service accounts in their table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from artstore.audit import format_time
from artstore.aws.dynamodb import reaching_dynamodb
from artstore.tables import AccountSecret, ServiceAccount, bind
from functions.auth.secrets import fingerprint_of, hash_secret

if TYPE_CHECKING:
    from pynamodb.expressions.condition import Condition
    from pynamodb.transactions import TransactWrite

_WALKED_AT_ONCE = 200


def make_secret(text: str, bcrypt_cost: int, at: datetime, lifetime: timedelta) -> AccountSecret:
    """Give what is kept of the secret ``text``, which is valid from ``at`` on for ``lifetime``."""
    return AccountSecret(
        hash=hash_secret(text, bcrypt_cost),
        created_at=format_time(at),
        expires_at=format_time(at + lifetime),
        fingerprint=fingerprint_of(text),
    )


def with_changes(account: ServiceAccount, changes: Mapping[str, Any]) -> ServiceAccount:
    """Give a copy of ``account`` with the attributes in ``changes``; nothing is written."""
    return type(account)(**{**account.attribute_values, **changes})


class ServiceAccounts:
    """The accounts of one deployment.

    Changes are added to a transaction, in which the audit log writes its entry too. The rights needed: GetItem and
    Scan to read; PutItem to add, UpdateItem to change, ConditionCheckItem to require what was read.
    """

    def __init__(self, prefix: str) -> None:
        """Use the accounts table of the deployment ``prefix``."""
        self._table = bind(ServiceAccount, prefix)

    def find(self, client_id: str) -> ServiceAccount | None:
        """Read one account, consistently, so that a rotated secret is known at once; one GetItem."""
        with reaching_dynamodb():
            try:
                account: ServiceAccount = self._table.get(client_id, consistent_read=True)
            except self._table.DoesNotExist:
                return None
        return account

    def walk(self, after: str | None = None) -> Iterator[ServiceAccount]:
        """Give all accounts, or those after ``after``, in an order that stays but means nothing.

        Reads 200 at a time, as they are asked for. Raises Unavailable.
        """
        start = None if after is None else {"client_id": {"S": after}}
        with reaching_dynamodb():
            yield from self._table.scan(page_size=_WALKED_AT_ONCE, last_evaluated_key=start, consistent_read=True)

    def new(self, client_id: str, **attributes: Any) -> ServiceAccount:
        """Make an account that is not saved yet."""
        account: ServiceAccount = self._table(client_id, **attributes)
        return account

    def add(self, account: ServiceAccount, transaction: TransactWrite) -> None:
        """Save a new account, on condition that its id is free."""
        transaction.save(account, condition=self._table.client_id.does_not_exist())

    def change(self, account: ServiceAccount, changes: Mapping[str, Any], transaction: TransactWrite) -> None:
        """Set the attributes in ``changes`` (None removes one), if the account is as it was read."""
        actions = [
            getattr(self._table, name).remove() if value is None else getattr(self._table, name).set(value)
            for name, value in changes.items()
        ]
        transaction.update(account, actions=actions, condition=self._as_read(account))

    def require(self, account: ServiceAccount, transaction: TransactWrite) -> None:
        """Let the transaction happen only if ``account`` is as it was read."""
        transaction.condition_check(self._table, account.client_id, condition=self._as_read(account))

    def find_system_administrator(self) -> ServiceAccount | None:
        """Find the first administrator. Reads the whole table: for deployment, never for a request."""
        return next((account for account in self.walk() if account.is_system), None)

    def _as_read(self, account: ServiceAccount) -> Condition:
        as_read: Condition = self._table.revision == account.revision
        if account.revision == 1:  # an account of the first version has none
            as_read = self._table.client_id.exists() & (as_read | self._table.revision.does_not_exist())
        return as_read
