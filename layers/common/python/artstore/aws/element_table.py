"""The registry of storage elements, in the table ``{prefix}-elements``.

Four kinds of items, each in a partition of its own, so that who counts or reports a failure cannot touch what
administrators said: ``definition`` (written with the audit log, in one transaction, on condition of the revision
that was read), ``usage`` (replaced by whoever counts), ``health`` (failures, added up by whoever meets them), and
the one of ``creations``: how many elements have been created, so that each creation knows of all before it.

Rights needed: dynamodb:Scan to read; UpdateItem to report health; PutItem and UpdateItem on usage and definitions,
PutItem on creations to create.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from pynamodb.exceptions import UpdateError

from artstore.audit import format_time
from artstore.aws.dynamodb import reaching_dynamodb, refusal_code, write_together
from artstore.elements import Health, StorageElements
from artstore.elements.health import FAILURES_TO_OPEN, pause_after
from artstore.elements.registry import Definition, ElementRegistry, Rows, Usage
from artstore.tables import ElementItem, bind

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

DEFINITION, USAGE, HEALTH, CREATIONS = "definition", "usage", "health", "creations"
_ALL = "all"


def open_registry(prefix: str, seeds: StorageElements) -> ElementRegistry:
    """Give the registry of the deployment ``prefix``; nothing is read yet."""
    return ElementRegistry(seeds, ElementTable(prefix).read)


class ElementTable:
    """The registry of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the elements table of the deployment ``prefix``."""
        self._prefix = prefix
        self._table = bind(ElementItem, prefix)

    def read(self) -> Rows:
        """Read all of it, consistently: one Scan, for a deployment has few elements. Raises Unavailable."""
        definitions: dict[str, Definition] = {}
        usage: dict[str, Usage] = {}
        health: dict[str, Health] = {}
        creations = 0
        with reaching_dynamodb():
            for item in self._table.scan(consistent_read=True):
                if item.part == DEFINITION:
                    definitions[item.element_id] = _definition(item)
                elif item.part == USAGE:
                    usage[item.element_id] = Usage(
                        used_bytes=int(item.used_bytes or 0),
                        file_count=int(item.file_count or 0),
                        counted_at=item.counted_at,
                        beyond_bytes=int(item.beyond_bytes or 0),
                        reconciled_at=item.reconciled_at,
                    )
                elif item.part == HEALTH:
                    health[item.element_id] = Health(
                        failures=int(item.failures or 0),
                        skipped_until=float(item.skipped_until or 0),
                        reason=item.reason,
                        changed_at=item.changed_at,
                    )
                elif item.part == CREATIONS:
                    creations = int(item.revision or 0)
        return Rows(definitions=definitions, usage=usage, health=health, creations=creations)

    def put(self, definition: Definition, transaction: TransactWrite) -> None:
        """Write a definition if the one before it, by ``revision``, is what the table holds."""
        item = self._table(DEFINITION, definition.element_id)
        item.revision = definition.revision
        item.definition = msgspec.json.encode(definition).decode()
        unchanged = self._table.revision == definition.revision - 1
        if definition.revision == 1:
            unchanged = self._table.element_id.does_not_exist()
        transaction.save(item, condition=unchanged)

    def create(self, definition: Definition, creations: int, transaction: TransactWrite) -> None:
        """Write a new definition if no element has been created since there were so many ``creations``."""
        self.put(definition, transaction)
        counter = self._table(CREATIONS, _ALL)
        counter.revision = creations + 1
        unchanged = self._table.revision == creations if creations else self._table.element_id.does_not_exist()
        transaction.save(counter, condition=unchanged)

    def replace(self, definition: Definition) -> bool:
        """Write a definition by itself, for a step of an act that the audit log has as a whole; False when the
        one before it is not what the table holds. Raises Unavailable."""
        return write_together(self._prefix, lambda transaction: self.put(definition, transaction))

    def count(self, element_id: str, usage: Usage) -> None:
        """Write down what was counted; an older count never replaces a newer one. Raises Unavailable."""
        table = self._table
        item = table(USAGE, element_id)
        actions = [
            table.used_bytes.set(usage.used_bytes),
            table.file_count.set(usage.file_count),
            table.counted_at.set(usage.counted_at or ""),
            table.beyond_bytes.set(usage.beyond_bytes),
        ]
        if usage.reconciled_at is not None:
            actions.append(table.reconciled_at.set(usage.reconciled_at))
        self._update(item, actions, table.counted_at.does_not_exist() | (table.counted_at < usage.counted_at))

    def failed(self, element_id: str, reason: str, now: float) -> Health:
        """Count a failure of the element's storage at ``now`` (epoch seconds); the third in a row leaves it out.

        Give what is known of it then. Raises Unavailable.
        """
        table = self._table
        item = table(HEALTH, element_id)
        actions = [table.failures.add(1), table.reason.set(reason), table.changed_at.set(_at(now))]
        self._update(item, actions)
        failures = int(item.failures or 0)
        until = now + pause_after(failures)
        if failures >= FAILURES_TO_OPEN:
            # A later failure may have been faster: the longer pause stands.
            later = table.skipped_until.does_not_exist() | (table.skipped_until < until)
            self._update(item, [table.skipped_until.set(until)], later)
        return Health(
            failures=failures,
            skipped_until=until if failures >= FAILURES_TO_OPEN else 0,
            reason=reason,
            changed_at=_at(now),
        )

    def recovered(self, element_id: str, now: float) -> None:
        """Say that the element's storage answers again. Raises Unavailable."""
        table = self._table
        item = table(HEALTH, element_id)
        self._update(
            item,
            [
                table.failures.set(0),
                table.skipped_until.set(0),
                table.reason.remove(),
                table.changed_at.set(_at(now)),
            ],
        )

    @staticmethod
    def _update(item: ElementItem, actions: list[Any], condition: Any = None) -> bool:
        with reaching_dynamodb():
            try:
                item.update(actions=actions, condition=condition)
            except UpdateError as error:
                if refusal_code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True


def _definition(item: ElementItem) -> Definition:
    return msgspec.json.decode(item.definition, type=Definition)


def _at(now: float) -> str:
    return format_time(datetime.fromtimestamp(now, UTC))
