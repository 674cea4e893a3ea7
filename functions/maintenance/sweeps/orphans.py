"""Orphans: objects that have no attr.json a week after they were written. Each is somebody's, or nobody's.

What an upload announced, and what came from elsewhere, is ingested: its event was lost. What an upload was
refused for, and what still came of one that had been given up, is deleted where documents may be, and told of
elsewhere. What a deletion left behind, and what bears the name of an upload that nobody knows any more, is told
of: no rule can know whether somebody still wants it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from artstore.audit import SUCCESS, SYSTEM, AuditEvent
from artstore.aws.ingesting import LATER
from artstore.elements import Right, StorageElement
from artstore.errors import NotFound
from artstore.jobs import Priority
from artstore.naming import attributes_key, file_id_of, is_attributes_key, is_reserved
from artstore.tables import UploadRecord
from functions.maintenance.sweeping import Candidate, Did, Page, Verdict
from functions.maintenance.sweeps.ports import Elements, Ingesting, Listed, Objects, Outbox, Records, Swept

REMOVED = "object.removed"
LISTED_AT_ONCE = 1000
_REFUSED = ("REJECTED", "ABORTED")
"""Uploads of which nothing is to become a document; those that were given up may send on by a URL still valid."""
_SHOWN = frozenset(
    {
        "stored",
        "already_stored",
        "projected",
        "described_anew",
        "unchanged",
        "foreign_version",
        "duplicate_id",
    }
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Orphans:
    """The sweep ``orphans``."""

    priority = Priority.LOW

    def __init__(
        self,
        *,
        elements: Elements,
        objects: Objects,
        swept: Swept,
        records: Records,
        ingest: Ingesting,
        outbox: Outbox,
        age: timedelta,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take the ports. An object is let alone until it is of ``age``."""
        self._elements = elements
        self._objects = objects
        self._swept = swept
        self._records = records
        self._ingest = ingest
        self._outbox = outbox
        self._age = age
        self._clock = clock

    def find(self, cursor: dict[str, Any] | None, limit: int) -> Page:
        """See Sweep: element after element, key after key."""
        elements = sorted(self._elements(), key=lambda each: each.element_id)
        element = _from(elements, cursor["element"] if cursor else "")
        if element is None:
            return Page([], None)
        after = cursor["after"] if cursor and cursor["element"] == element.element_id else None
        listed = self._swept.page(element.bucket, element.prefix, after, LISTED_AT_ONCE)
        keys = {each.key for each in listed}
        orphans = [
            each.key for each in listed if attributes_key(each.key) not in keys and self._may_be(element, each)
        ]
        candidates = [
            Candidate(f"s3://{element.bucket}/{key}", {"bucket": element.bucket, "key": key})
            for key in orphans[:limit]
        ]
        if len(orphans) > limit:
            return Page(candidates, {"element": element.element_id, "after": orphans[limit - 1]})
        if len(listed) == LISTED_AT_ONCE:
            return Page(candidates, {"element": element.element_id, "after": listed[-1].key})
        following = _from(elements, element.element_id + "\0")
        return Page(candidates, {"element": following.element_id, "after": None} if following else None)

    def _may_be(self, element: StorageElement, listed: Listed) -> bool:
        """Tell whether an object could be a document of the element, old enough to have its attr.json."""
        key = listed.key
        holder = self._elements().locate(element.bucket, key)
        return (
            listed.modified <= self._clock() - self._age
            and not (is_attributes_key(key) or is_reserved(key) or key.endswith("/"))
            and holder is not None
            and holder.element_id == element.element_id
        )

    def settle(self, candidate: Candidate, *, dry_run: bool) -> Verdict:
        """See Sweep."""
        bucket, key = candidate.where["bucket"], candidate.where["key"]
        if self._etag(bucket, attributes_key(key)) is not None:
            return Verdict(Did.GONE, "described")
        try:
            stored = self._objects.head(bucket, key)
        except NotFound:
            return Verdict(Did.GONE)
        if stored.last_modified > self._clock() - self._age:
            return Verdict(Did.KEPT, "too_young")
        file_id = file_id_of(key)
        record = None if file_id is None else self._records.find(file_id)
        if record is not None and (record.bucket, record.key) != (bucket, key):
            record = None
        if record is None and file_id is not None:
            return Verdict(Did.REPORTED, "unknown_upload")
        if record is not None and record.status == "STORED":
            return Verdict(Did.REPORTED, "left_behind")
        if record is not None and record.status in _REFUSED:
            return self._remove(bucket, key, stored.etag, record, dry_run=dry_run)
        if dry_run:
            return Verdict(Did.INGESTED)
        outcome = self._ingest.at(bucket, key)
        if outcome.outcome == LATER:
            return Verdict(Did.LATER, outcome.outcome)
        if outcome.outcome in _SHOWN:
            return Verdict(Did.INGESTED, outcome.outcome)
        return Verdict(Did.REPORTED, outcome.reason or outcome.outcome)

    def _remove(self, bucket: str, key: str, etag: str, record: UploadRecord, *, dry_run: bool) -> Verdict:
        element = self._elements().locate(bucket, key)
        why = record.reason or record.status.lower()
        if element is None or not element.may(Right.DELETE):
            return Verdict(Did.REPORTED, f"{record.status.lower()}_and_kept")
        if dry_run:
            return Verdict(Did.DELETED, why)
        self._outbox.leave(
            AuditEvent(
                action=REMOVED,
                actor=SYSTEM,
                object=f"file/{record.file_id}",
                outcome=SUCCESS,
                source_ip="",
                request_id="",
                before={"bucket": bucket, "key": key, "rejected": why},
                reason="orphan",
            )
        )
        if not self._swept.remove(bucket, key, etag) and self._etag(bucket, key) is not None:
            return Verdict(Did.LATER, "object_changed")
        self._ingest.at(bucket, key)
        return Verdict(Did.DELETED, why)

    def _etag(self, bucket: str, key: str) -> str | None:
        try:
            return self._objects.head(bucket, key).etag
        except NotFound:
            return None


def _from(elements: list[StorageElement], element_id: str) -> StorageElement | None:
    """Give the first element of that id or a later one."""
    return next((each for each in elements if each.element_id >= element_id), None)
