"""Expired uploads: bytes that are there are ingested, since their event was lost; nothing there means EXPIRED.

A multipart upload is ended first, and the place looked at once more: it may have been completed in between. What
is still on its way by a URL that ended while it was used arrives all the same, and is a document then: an
EXPIRED record still says what was meant.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from artstore.aws.ingesting import LATER
from artstore.errors import Invalid, NotFound
from artstore.jobs import Priority
from artstore.objects import StoredObject
from artstore.tables import UploadRecord
from functions.maintenance.sweeping import Candidate, Did, Page, Verdict
from functions.maintenance.sweeps.ports import Ingesting, Objects, Records, Swept
from functions.maintenance.sweeps.records import PENDING, SHARDS


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ExpiredUploads:
    """The sweep ``uploads``."""

    priority = Priority.HIGH

    def __init__(
        self,
        *,
        records: Records,
        objects: Objects,
        swept: Swept,
        ingest: Ingesting,
        grace: timedelta,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take the ports. An upload is let alone for ``grace`` after its URL ended."""
        self._records = records
        self._objects = objects
        self._swept = swept
        self._ingest = ingest
        self._grace = grace
        self._clock = clock

    def find(self, cursor: dict[str, Any] | None, limit: int) -> Page:
        """See Sweep: shard after shard of what is awaited."""
        shard = cursor["shard"] if cursor else 0
        after = tuple(cursor["after"]) if cursor and cursor.get("after") else None
        before = self._clock() - self._grace
        found = self._records.expired(SHARDS[shard], before, after, limit)
        if len(found) == limit:
            following: dict[str, Any] | None = {"shard": shard, "after": list(found[-1])}
        else:
            following = {"shard": shard + 1} if shard + 1 < len(SHARDS) else None
        return Page([Candidate(f"file/{file_id}", {"file_id": file_id}) for _, file_id in found], following)

    def settle(self, candidate: Candidate, *, dry_run: bool) -> Verdict:
        """See Sweep."""
        record = self._records.find(UUID(candidate.where["file_id"]))
        if record is None:
            return Verdict(Did.GONE)
        if record.status != PENDING:
            if not dry_run:
                self._records.await_no_more(record)
            return Verdict(Did.SETTLED, str(record.status))
        if datetime.fromisoformat(record.expires_at) > self._clock() - self._grace:
            return Verdict(Did.KEPT, "renewed")
        if self._stored(record) is not None:
            return self._have_ingested(record, dry_run=dry_run)
        if dry_run:
            return Verdict(Did.EXPIRED)
        if record.upload_id:
            self._swept.end_multipart(record.bucket, record.key, record.upload_id)
            if self._stored(record) is not None:
                return self._have_ingested(record, dry_run=False)
        if not self._records.mark_expired(record):
            return Verdict(Did.LATER, "changed")
        return Verdict(Did.EXPIRED)

    def _have_ingested(self, record: UploadRecord, *, dry_run: bool) -> Verdict:
        if dry_run:
            return Verdict(Did.INGESTED)
        outcome = self._ingest.at(record.bucket, record.key)
        if outcome.outcome == LATER:
            return Verdict(Did.LATER, outcome.outcome)
        return Verdict(Did.INGESTED, outcome.reason or outcome.outcome)

    def _stored(self, record: UploadRecord) -> StoredObject | None:
        try:
            return self._objects.head(record.bucket, record.key)
        except (NotFound, Invalid):
            return None
