"""Who takes the place of a document, in the table of the uploads: one item for each predecessor.

An upload that says ``supersedes`` holds its predecessor from its start until its URL ends, so that a rival is told
at once. The first of the rivals that is stored takes it, whoever held it. The item decides between rivals and
nothing else: which document is current says attr.json.

Nothing is deleted: a place that is left says so. Rights needed: dynamodb:PutItem and GetItem on the uploads table.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from pynamodb.exceptions import PutError
from pynamodb.expressions.condition import Condition

from artstore.aws.dynamodb import reaching_dynamodb, refusal_code
from artstore.tables import Succession, bind

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

NOBODY = "nobody"
"""Who has a place that was left."""
_KEPT = timedelta(days=30)


class Successions:
    """The successions of one deployment."""

    def __init__(self, prefix: str, clock: Callable[[], float] = time.time) -> None:
        """Use the uploads table of the deployment ``prefix``; ``clock`` tells seconds since 1970."""
        self._table = bind(Succession, prefix)
        self._clock = clock

    def find(self, predecessor: UUID) -> Succession | None:
        """Read who holds the place, or None; one GetItem, consistent. Raises Unavailable."""
        with reaching_dynamodb():
            try:
                found: Succession = self._table.get(_key(predecessor), consistent_read=True)
            except self._table.DoesNotExist:
                return None
        return found

    def hold(
        self, predecessor: UUID, successor: UUID, until: datetime, transaction: TransactWrite | None = None
    ) -> bool:
        """Hold the place from the start of an upload ``until`` its URL ends; False while somebody else has it.

        With ``transaction`` it is one of its writes, and True only says that it was added. Raises Unavailable.
        """
        item = self._item(predecessor, successor)
        item.held_until, item.expires_at_epoch = until.timestamp(), int((until + _KEPT).timestamp())
        mine, free = self._table.successor == str(successor), self._table.file_id.does_not_exist()
        condition = free | mine | (self._table.held_until < self._clock())
        if transaction is not None:
            transaction.save(item, condition=condition)
            return True
        return self._put(item, condition)

    def settle(self, predecessor: UUID, successor: UUID) -> bool:
        """Take the place for a document whose bytes are there, whoever has only begun; False when another such
        document has it. May be done again. Raises Unavailable."""
        item = self._item(predecessor, successor)
        item.settled_at = self._clock()
        mine, free = self._table.successor == str(successor), self._table.file_id.does_not_exist()
        return self._put(item, free | mine | self._table.settled_at.does_not_exist())

    def take_over(self, predecessor: UUID, successor: UUID, gone: UUID) -> bool:
        """Take the place for a document whose bytes are there from one that is no more; False when it was not
        ``gone`` that had it. Raises Unavailable."""
        item = self._item(predecessor, successor)
        item.settled_at = self._clock()
        return self._put(item, self._table.successor == str(gone))

    def release(self, predecessor: UUID, successor: UUID) -> None:
        """Leave the place, if ``successor`` has it. Raises Unavailable."""
        item: Succession = self._table(_key(predecessor), successor=NOBODY)
        item.held_until, item.expires_at_epoch = 0, int(self._clock() + _KEPT.total_seconds())
        self._put(item, self._table.successor == str(successor))

    def _item(self, predecessor: UUID, successor: UUID) -> Succession:
        item: Succession = self._table(_key(predecessor), successor=str(successor))
        return item

    def _put(self, item: Succession, condition: Condition) -> bool:
        with reaching_dynamodb():
            try:
                item.save(condition=condition)
            except PutError as error:
                if refusal_code(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True


def _key(predecessor: UUID) -> str:
    return f"successor#{predecessor}"
