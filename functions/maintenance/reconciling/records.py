"""Upload records that are still awaited, though their document is there: whoever wrote its attr.json was stopped
before the record, and the event did not come again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from artstore.errors import Invalid, NotFound
from artstore.index.claims import Place
from artstore.naming import attributes_key
from artstore.objects import StoredObject
from functions.maintenance.reconciling.findings import Explained, Found, Kind
from functions.maintenance.reconciling.ports import Objects, Records
from functions.maintenance.sweeps.records import EXPIRED, PENDING, SHARDS

_AT_ONCE = 50
_FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


class OpenRecords:
    """Walks the records that are awaited, shard after shard."""

    def __init__(self, *, records: Records, objects: Objects) -> None:
        """Take the ports."""
        self._records = records
        self._objects = objects

    def look_on(
        self, cursor: dict[str, Any], element_id: str | None, settled_before: datetime
    ) -> tuple[list[Found], dict[str, Any] | None]:
        """Look at some records, of one element or of all; give what was found, and where to go on.

        Raises Unavailable.
        """
        shard = int(cursor.get("shard", 0))
        after = tuple(cursor["after"]) if cursor.get("after") else None
        awaited = self._records.expired(SHARDS[shard], _FOREVER, after, _AT_ONCE)
        found = [self._look(UUID(file_id), element_id, settled_before) for _, file_id in awaited]
        if len(awaited) == _AT_ONCE:
            following: dict[str, Any] | None = {"shard": shard, "after": list(awaited[-1])}
        else:
            following = {"shard": shard + 1} if shard + 1 < len(SHARDS) else None
        return [each for each in found if each is not None], following

    def _look(self, file_id: UUID, element_id: str | None, settled_before: datetime) -> Found | None:
        record = self._records.find(file_id)
        if record is None or record.status not in (PENDING, EXPIRED):
            return None
        if element_id not in (None, record.element_id):
            return None
        place = Place(record.bucket, record.key)
        beside = self._head(place.bucket, attributes_key(place.key))
        if beside is None or self._head(*place) is None:
            return None
        kind = Explained.RECENT if beside.last_modified > settled_before else Kind.RECORD_OPEN
        return Found(place=place, kind=kind, file_id=str(file_id), reason=str(record.status).lower())

    def _head(self, bucket: str, key: str) -> StoredObject | None:
        try:
            return self._objects.head(bucket, key)
        except (NotFound, Invalid):
            return None
