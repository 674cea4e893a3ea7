"""Retention schedules, in the table ``{prefix}-retention-schedules``: what administrators said.

Items are changed by updates on condition of the ``revision`` that was read. Rights needed: dynamodb:GetItem to
find, Scan to list; PutItem, UpdateItem and DeleteItem to administer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from artstore.aws.dynamodb import reaching_dynamodb
from artstore.schedules import Schedule, ScheduleAction
from artstore.tables import ScheduleItem, bind

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite


class ScheduleTable:
    """The retention schedules of one deployment; see ``artstore.schedules.Schedules``."""

    def __init__(self, prefix: str) -> None:
        """Use the table of the deployment ``prefix``; no call is made yet."""
        self._table = bind(ScheduleItem, prefix)

    def schedule(self, name: str) -> Schedule | None:
        """See Schedules. One GetItem. Raises Unavailable."""
        found = self.find(name)
        return None if found is None else schedule_of(found)

    def find(self, name: str) -> ScheduleItem | None:
        """Read one, consistently; one GetItem. Raises Unavailable."""
        with reaching_dynamodb():
            try:
                found: ScheduleItem = self._table.get(name, consistent_read=True)
            except self._table.DoesNotExist:
                return None
        return found

    def read(self) -> list[ScheduleItem]:
        """Read all of them, by their names. Raises Unavailable."""
        with reaching_dynamodb():
            return sorted(self._table.scan(consistent_read=True), key=lambda each: str(each.name))

    def all(self) -> dict[str, Schedule]:
        """Give all schedules, by their names. One Scan. Raises Unavailable."""
        return {each.name: schedule_of(each) for each in self.read()}

    def new(self, name: str, **attributes: Any) -> ScheduleItem:
        """Make one that is not saved yet."""
        item: ScheduleItem = self._table(name, **attributes)
        return item

    def add(self, item: ScheduleItem, transaction: TransactWrite) -> None:
        """Save a new one, on condition that its name is free."""
        transaction.save(item, condition=self._table.name.does_not_exist())

    def change(self, item: ScheduleItem, changes: Mapping[str, Any], transaction: TransactWrite) -> None:
        """Set the attributes in ``changes`` (None removes one), if it is as it was read."""
        actions = [
            getattr(self._table, name).remove() if value is None else getattr(self._table, name).set(value)
            for name, value in changes.items()
        ]
        transaction.update(item, actions=actions, condition=self._table.revision == item.revision)

    def remove(self, item: ScheduleItem, transaction: TransactWrite) -> None:
        """Delete one, if it is as it was read."""
        transaction.delete(item, condition=self._table.revision == item.revision)


def schedule_of(item: ScheduleItem) -> Schedule:
    """Give the schedule that an item tells of."""
    return Schedule(
        name=item.name,
        period=item.period,
        trigger=item.trigger,
        action=ScheduleAction(item.action),
        automatic=bool(item.automatic),
    )
