"""Expired uploads: bytes that are there are ingested, since their event was lost; nothing there means EXPIRED.

The record is closed first, on condition that it is the one that was read: whoever renews the upload before has
it, and the sweep lets it alone; whoever renews it afterwards begins another multipart upload. Only then is the old
one ended, and the place looked at once more: it may have been completed in between. Until that is done the record
stays among those that are awaited, so the next sweep finishes what one left that was stopped.

What is still on its way by a URL that ended while it was used arrives all the same, and is a document then: an
EXPIRED record still says what was meant. So it is with what cannot be described now: once its time is over, no
record stays PENDING, whatever ingest says of the place.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from artstore.aws.ingesting import LATER
from artstore.errors import Invalid, NotFound
from artstore.jobs import Priority
from artstore.naming import attributes_key
from artstore.tables import UploadRecord
from functions.maintenance.sweeping import Candidate, Did, Page, Verdict
from functions.maintenance.sweeps.ports import Ingesting, Objects, Records, Swept
from functions.maintenance.sweeps.records import EXPIRED, PENDING, SHARDS


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
        if record.status == EXPIRED and record.upload_id and record.awaited:
            return Verdict(Did.EXPIRED) if dry_run else self._end(record)
        if record.status != PENDING:
            if not dry_run:
                self._records.await_no_more(record)
            return Verdict(Did.SETTLED, str(record.status))
        if datetime.fromisoformat(record.expires_at) > self._clock() - self._grace:
            return Verdict(Did.KEPT, "renewed")
        if self._is_there(record):
            return Verdict(Did.INGESTED) if dry_run else self._have_ingested(record)
        return Verdict(Did.EXPIRED) if dry_run else self._close(record)

    def _have_ingested(self, record: UploadRecord) -> Verdict:
        """Have the place looked at; what is not settled by that, since there is no document, is closed."""
        outcome = self._ingest.at(record.bucket, record.key)
        if outcome.outcome == LATER:
            return Verdict(Did.LATER, outcome.outcome)
        reason = outcome.reason or outcome.outcome
        left = self._records.find(UUID(record.file_id))
        if left is not None and left.status == PENDING:
            return self._close(record, reason)  # as it was read: it may have been renewed meanwhile
        return Verdict(Did.INGESTED, reason)

    def _close(self, record: UploadRecord, reason: str | None = None) -> Verdict:
        if not self._records.mark_expired(record):
            return Verdict(Did.LATER, "changed")
        return self._end(record, reason) if record.upload_id else Verdict(Did.EXPIRED, reason)

    def _end(self, record: UploadRecord, reason: str | None = None) -> Verdict:
        """End the multipart upload of a record that is closed, and take what was put together meanwhile."""
        self._swept.end_multipart(record.bucket, record.key, record.upload_id)
        verdict = Verdict(Did.EXPIRED, reason)
        if reason is None and self._is_there(record):
            outcome = self._ingest.at(record.bucket, record.key)
            if outcome.outcome == LATER:
                return Verdict(Did.LATER, outcome.outcome)
            verdict = Verdict(Did.INGESTED, outcome.reason or outcome.outcome)
        self._records.await_no_more(record)
        return verdict

    def _is_there(self, record: UploadRecord) -> bool:
        """Tell whether there is anything to be looked at: the bytes, or an attr.json that has lost them."""
        return any(self._lies(record.bucket, key) for key in (record.key, attributes_key(record.key)))

    def _lies(self, bucket: str, key: str) -> bool:
        try:
            self._objects.head(bucket, key)
        except (NotFound, Invalid):
            return False
        return True
