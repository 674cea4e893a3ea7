"""The registry of spaces, in the table ``{prefix}-spaces``: what administrators said, and what uploads reserve.

The default space is always there, whether or not it has an item. Items are changed by updates on condition of the
``revision`` that was read, never replaced, so that what is reserved meanwhile stays.

Rights needed: dynamodb:GetItem to find, Scan to list; PutItem, UpdateItem and DeleteItem to administer; UpdateItem
to reserve and release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from artstore.aws.dynamodb import reaching_dynamodb
from artstore.spaces import DEFAULT
from artstore.tables import SpaceItem, bind

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite


@dataclass(frozen=True)
class Room:
    """How much may be reserved in a space at most; None: any."""

    documents: int | None
    bytes: int | None


class SpaceTable:
    """The spaces of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the spaces table of the deployment ``prefix``."""
        self._table = bind(SpaceItem, prefix)

    def find(self, name: str) -> SpaceItem | None:
        """Read one space, consistently; one GetItem. Raises Unavailable."""
        with reaching_dynamodb():
            try:
                found: SpaceItem = self._table.get(name, consistent_read=True)
            except self._table.DoesNotExist:
                return self._table(DEFAULT, revision=0) if name == DEFAULT else None
        return found

    def read(self) -> list[SpaceItem]:
        """Read all spaces, the default one among them, by their names. Raises Unavailable."""
        with reaching_dynamodb():
            found = {each.space: each for each in self._table.scan(consistent_read=True)}
        found.setdefault(DEFAULT, self._table(DEFAULT, revision=0))
        return [found[name] for name in sorted(found)]

    def new(self, name: str, **attributes: Any) -> SpaceItem:
        """Make a space that is not saved yet."""
        item: SpaceItem = self._table(name, **attributes)
        return item

    def add(self, item: SpaceItem, transaction: TransactWrite) -> None:
        """Save a new space, on condition that its name is free."""
        transaction.save(item, condition=self._table.space.does_not_exist())

    def change(self, item: SpaceItem, changes: Mapping[str, Any], transaction: TransactWrite) -> None:
        """Set the attributes in ``changes`` (None removes one), if the space is as it was read."""
        actions = [
            getattr(self._table, name).remove() if value is None else getattr(self._table, name).set(value)
            for name, value in changes.items()
        ]
        condition = self._table.revision == item.revision
        if item.revision == 0:  # the default space before its first change
            condition = self._table.space.does_not_exist()
            counters = (self._table.reserved_documents, self._table.reserved_bytes, self._table.released)
            actions += [each.set(0) for each in counters]
        transaction.update(item, actions=actions, condition=condition)

    def remove(self, item: SpaceItem, transaction: TransactWrite) -> None:
        """Delete a space, if it is as it was read and nothing is reserved in it."""
        table = self._table
        unchanged = (table.revision == item.revision) & (table.reserved_documents == 0)
        transaction.delete(item, condition=unchanged)

    def reserve(self, item: SpaceItem, size: int, room: Room, transaction: TransactWrite) -> None:
        """Reserve one document of ``size`` bytes, if what is reserved leaves ``room`` for it.

        Nothing is reserved when the limits are others than were read, or a reservation has ended since: then what
        the room was reckoned from may have changed.
        """
        table = self._table
        condition = (table.revision == item.revision) & (table.released == item.released)
        if room.documents is not None:
            condition &= table.reserved_documents <= room.documents - 1
        if room.bytes is not None:
            condition &= table.reserved_bytes <= room.bytes - size
        transaction.update(
            item,
            actions=[table.reserved_documents.add(1), table.reserved_bytes.add(size)],
            condition=condition,
        )

    def release(self, name: str, size: int, transaction: TransactWrite) -> None:
        """End the reservation of a document of ``size`` bytes. The space must be there."""
        table = self._table
        transaction.update(
            table(name),
            actions=[
                table.reserved_documents.add(-1),
                table.reserved_bytes.add(-size),
                table.released.add(1),
            ],
            condition=table.space.exists(),
        )
