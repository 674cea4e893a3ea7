"""What is known of the present outage, beside the health of storage elements: an item of the table
``{prefix}-elements``.

Rights needed: dynamodb:GetItem and PutItem.
"""

from __future__ import annotations

from datetime import datetime

from pynamodb.exceptions import DoesNotExist

from artstore.audit import format_time
from artstore.aws.dynamodb import reaching_dynamodb
from artstore.tables import ElementItem, bind
from functions.maintenance.outage.tending import Outage

_PART, _NAME = "index", "outage"
_AWAY, _PAUSED = "away", "paused"


class OutageTable:
    """Keeps the outage of one deployment's index."""

    def __init__(self, prefix: str) -> None:
        """Use the elements table of the deployment ``prefix``."""
        self._table = bind(ElementItem, prefix)

    def present(self) -> Outage | None:
        """Give the outage that was not seen to end. Raises Unavailable."""
        with reaching_dynamodb():
            try:
                item = self._table.get(_PART, _NAME, consistent_read=True)
            except DoesNotExist:
                return None
        if item.changed_at is None:
            return None
        return Outage(since=datetime.fromisoformat(item.changed_at), paused=item.reason == _PAUSED)

    def put(self, outage: Outage | None) -> None:
        """Keep the outage; None when it is over. Raises Unavailable."""
        item = self._table(_PART, _NAME)
        if outage is not None:
            item.changed_at = format_time(outage.since)
            item.reason = _PAUSED if outage.paused else _AWAY
        with reaching_dynamodb():
            item.save()
