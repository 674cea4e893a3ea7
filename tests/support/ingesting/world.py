"""An archive in memory that can be thrown into disorder: any act at any time, any event late or twice or inside
another.

``World`` is driven by tests/unit/storage_events/test_truth.py. At its end every event has been delivered, and what
the index shows must be what an empty index is told by the attr.json files alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from artstore import attributes as attr
from artstore.attributes import Extracted
from artstore.elements import Mode, StorageElement, StorageElements
from artstore.errors import ArtStoreError, Unavailable
from artstore.finalizations import Finalization
from artstore.index import DocumentIndex, IndexedDocument
from artstore.index.kept_back import KeptBack
from artstore.index.usage import Dimension
from artstore.naming import attributes_key, document_key, is_attributes_key, object_key
from artstore.spaces import EVERYWHERE
from functions.storage_events.events import EventKind, StorageEvent
from functions.storage_events.extraction import Document, Kind, Reading
from functions.storage_events.ingest import Ingest
from functions.storage_events.outcomes import Outcome, Result
from tests.fakes.memory_bucket import EDIT, KEPT, MemoryBuckets
from tests.fakes.memory_index import MemoryIndex
from tests.fakes.memory_prover import MemoryProver
from tests.support.attr_schema import check

ELEMENTS = StorageElements(
    (StorageElement("edit-01", EDIT, Mode.EDIT), StorageElement("rw-01", KEPT, Mode.RW, prefix="docs/"))
)
PREFIX = {EDIT: "", KEPT: "docs/"}
SPACES = (None, "press")


class EveryWord:
    """Extraction without a child process: the text is the bytes."""

    def supports(self, kind: Kind) -> bool:
        """See Extraction."""
        return True

    def read(self, document: Document, kind: Kind) -> Reading:
        """See Extraction."""
        text = document.body.decode("utf-8", "replace")
        return Reading(extracted=Extracted(status="ok", format="text", characters=len(text)), text=text)


class MemoryRecords:
    """Upload records in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[UUID, Any] = {}
        self.finalizations: dict[UUID, Finalization] = {}

    def find(self, file_id: UUID) -> Any:
        """See UploadRecords."""
        found = self.kept.get(file_id)
        return None if found is None else SimpleNamespace(**vars(found))

    def find_finalization(self, file_id: UUID) -> Finalization | None:
        """See UploadRecords."""
        return self.finalizations.get(file_id)

    def mark_stored(self, record: Any, version_id: str | None, at: datetime, notice: str | None = None) -> bool:
        """See UploadRecords."""
        settled = {"status": "STORED", "stored_at": at.isoformat(), "notice": notice}
        return self._settle(record, ("PENDING", "EXPIRED", "ABORTED"), **settled)

    def mark_rejected(self, record: Any, reason: str) -> bool:
        """See UploadRecords."""
        return self._settle(record, ("PENDING", "EXPIRED"), status="REJECTED", reason=reason)

    def _settle(self, record: Any, unsettled: Sequence[str], **changes: Any) -> bool:
        kept = self.kept[UUID(record.file_id)]
        if kept.status not in unsettled:
            return False
        vars(kept).update(changes, awaited=None)
        return True


class MemorySuccessions:
    """Who takes the place of whom, in a dictionary; see artstore.aws.successions."""

    def __init__(self, between: Callable[[], None], clock: Callable[[], datetime]) -> None:
        self.kept: dict[UUID, SimpleNamespace] = {}
        self._between = between
        self._clock = clock

    def find(self, predecessor: UUID) -> Any:
        """See Successions."""
        self._between()
        return self.kept.get(predecessor)

    def settle(self, predecessor: UUID, successor: UUID) -> bool:
        """See Successions."""
        self._between()
        holder = self.kept.setdefault(predecessor, self._held_by(successor))
        if holder.successor != str(successor):
            return False
        self.kept[predecessor] = self._held_by(successor)
        return True

    def take_over(self, predecessor: UUID, successor: UUID, gone: UUID) -> bool:
        """See Successions."""
        self._between()
        if predecessor not in self.kept or self.kept[predecessor].successor != str(gone):
            return False
        self.kept[predecessor] = self._held_by(successor)
        return True

    def _held_by(self, successor: UUID) -> SimpleNamespace:
        return SimpleNamespace(successor=str(successor), settled_at=self._clock().timestamp())

    def release(self, predecessor: UUID, successor: UUID) -> None:
        """See Successions."""
        self._between()
        if predecessor in self.kept and self.kept[predecessor].successor == str(successor):
            del self.kept[predecessor]


class Interruptible:
    """An index before whose calls something may happen."""

    def __init__(self, index: DocumentIndex, between: Callable[[], None]) -> None:
        self._index = index
        self._between = between

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._index, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._between()
            return method(*arguments, **named)

        return call


class World:
    """Buckets, an index, upload records, and a queue of events."""

    def __init__(self, index: DocumentIndex, *, knows_sha256: bool) -> None:
        self.index = index
        self.buckets = MemoryBuckets(knows_sha256=knows_sha256)
        self.records = MemoryRecords()
        self.successions = MemorySuccessions(self._interrupt, lambda: self.buckets.now)
        self.delivered: list[StorageEvent] = []
        self.removals: dict[tuple[str, str], datetime] = {}
        self.interruptions: list[Callable[[], None]] = []
        self.buckets.between = self._interrupt
        self._depth = 0
        self.ingest = self._build(Interruptible(index, self._interrupt))

    def _build(self, index: Any) -> Ingest:
        return Ingest(
            elements=lambda: ELEMENTS,
            objects=self.buckets,
            records=self.records,
            index=index,
            successions=self.successions,
            extraction=EveryWord(),
            prover=MemoryProver(),
            clock=lambda: self.buckets.now,
        )

    # Acts.

    def wait(self, milliseconds: int) -> None:
        """Let time pass."""
        self.buckets.now += timedelta(milliseconds=milliseconds)

    def upload(self, bucket: str, number: int, body: bytes, supersedes: str | None = None, **said: Any) -> str:
        """Announce a document and send it; give its key."""
        file_id = UUID(int=number)
        key = object_key(PREFIX[bucket], f"upload{number}.txt", "anna", self.buckets.now, file_id)
        if file_id in self.records.kept:
            return str(self.records.kept[file_id].key)
        self.records.kept[file_id] = SimpleNamespace(
            file_id=str(file_id),
            status="PENDING",
            element_id=next(each.element_id for each in ELEMENTS if each.bucket == bucket),
            reason=None,
            bucket=bucket,
            key=key,
            space=SPACES[number % len(SPACES)],
            original_filename=f"upload{number}.txt",
            size=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            content_type="text/plain",
            description="uploaded",
            tags=[],
            custom_attributes=None,
            retention_policy="temporary",
            ttl_days=None,
            retention_schedule=None,
            created_at=self.buckets.now.isoformat(),
            created_by_id="sa_anna",
            created_by_username="anna",
            created_by_fullname=None,
            stored_at=None,
            folder=None,
            content_encoding=None,
            original_size=None,
            original_sha256=None,
            supersedes=supersedes,
            notice=None,
        )
        vars(self.records.kept[file_id]).update(said)
        self.buckets.put(bucket, key, body)
        return key

    def remove(self, bucket: str, key: str) -> None:
        """Delete with a tool."""
        if is_attributes_key(key):
            self.removals[bucket, document_key(key)] = self.buckets.now
        self.buckets.delete(bucket, key)

    def copy(self, bucket: str, key: str, to_bucket: str, to_key: str) -> None:
        """Copy what lies there, if anything does."""
        body = self.buckets.body(bucket, key)
        if body is not None:
            self.buckets.put(to_bucket, to_key, body)

    def edit(self, bucket: str, key: str, **changes: Any) -> None:
        """Change an attr.json by hand, if it is one."""
        body = self.buckets.body(bucket, attributes_key(key))
        try:
            document = json.loads(body or b"")
        except ValueError:
            return
        if isinstance(document, dict) and document:
            self.buckets.put(bucket, attributes_key(key), json.dumps(document | changes).encode())

    def file_id(self, bucket: str, key: str) -> str | None:
        """Read the id in an attr.json, if it is one."""
        try:
            return str(attr.parse(self.buckets.body(bucket, attributes_key(key)) or b"").file_id)
        except ArtStoreError:
            return None

    # Deliveries.

    def deliver(self, event: StorageEvent) -> Result | None:
        """Deliver an event once; one that fails stays in the queue."""
        is_kept_away = not self.interruptions and self._is_kept_away(event)
        try:
            result = self.ingest.handle(event)
        except Unavailable:
            return None
        assert not is_kept_away or self.buckets.body(event.bucket, attributes_key(event.key)) is None, (
            "an event from before the deletion describes nothing anew"
        )
        self.delivered.append(event)
        if event in self.buckets.events:
            self.buckets.events.remove(event)
        return result

    def _is_kept_away(self, event: StorageEvent) -> bool:
        """Tell whether the index knows that the event's object was left by a document deleted since."""
        if event.kind is not EventKind.CREATED or is_attributes_key(event.key) or event.at is None:
            return False
        known, body = self.index.at(event.bucket, event.key), self.buckets.body(event.bucket, event.key)
        if known is None or known.file_id is not None or known.removed_at is None or body is None:
            return False
        if self.buckets.body(event.bucket, attributes_key(event.key)) is not None:
            return False
        return max(event.at, self.buckets.written_at(event.bucket, event.key)) <= known.removed_at

    def deliver_all(self) -> None:
        """Deliver everything, and what follows from that, until the queue is empty."""
        self.interruptions = []
        for _ in range(500):
            if not self.buckets.events:
                return
            self.deliver(self.buckets.events[0])
        raise AssertionError("events follow from events without end")

    def _interrupt(self) -> None:
        """Let the next thing happen that was to happen in the middle of another."""
        if self.interruptions and self._depth < 2:
            self._depth += 1
            try:
                self.interruptions.pop()()
            finally:
                self._depth -= 1

    # What must hold when the queue is empty.

    def check(self) -> None:
        """Compare the index with a rebuild, and the bucket with what was done to it."""
        rebuilt = MemoryIndex()
        before = list(self.buckets.events)
        rebuild(self._build(rebuilt), self.buckets)
        assert self.buckets.events == before, "a rebuild changes nothing in the bucket"
        shown, expected = showing(self.index), showing(rebuilt)
        assert shown == expected
        for bucket in (EDIT, KEPT):
            for key in filter(is_attributes_key, self.buckets.keys(bucket)):
                check(self.buckets.body(bucket, key) or b"")
        assert kept_back(self.index) == kept_back(rebuilt), "what is damaged is listed, and nothing else is"
        for by in Dimension:
            assert self.index.usage(by, EVERYWHERE, 1000) == rebuilt.usage(by, EVERYWHERE, 1000)
        ids = [each[0] for each in shown]
        assert len(set(ids)) == len(ids), "a document is in one place"
        for bucket in (EDIT, KEPT):
            for key in self.buckets.keys(bucket):
                if not is_attributes_key(key) and key.startswith(PREFIX[bucket]):
                    self._check_object(bucket, key)

    def _check_object(self, bucket: str, key: str) -> None:
        beside = self.buckets.body(bucket, attributes_key(key))
        body = self.buckets.body(bucket, key) or b""
        if beside is None:
            removed = self.removals.get((bucket, key))
            rejected = any(each.key == key and each.status == "REJECTED" for each in self.records.kept.values())
            assert rejected or (removed is not None and self.buckets.written_at(bucket, key) <= removed), (
                "an object that came after the last deletion is a document"
            )
            return
        try:
            described = attr.parse(beside)
        except ArtStoreError:
            return
        if bucket == EDIT and described.deleted_at is None:
            assert described.file_size == len(body), "attr.json tells the bytes"
            assert described.checksum in (None, hashlib.sha256(body).hexdigest()), "or that nobody has read them"


def rebuild(ingest: Ingest, buckets: MemoryBuckets) -> None:
    """Fill the empty index of ``ingest`` from the attr.json files alone."""
    for bucket in (EDIT, KEPT):
        for key in buckets.keys(bucket):
            if is_attributes_key(key):
                event = StorageEvent(
                    kind=EventKind.CREATED, name="ObjectCreated:Put", bucket=bucket, key=key, at=None
                )
                assert ingest.handle(event).outcome is not Outcome.DESCRIBED_ANEW


def kept_back(index: DocumentIndex) -> list[KeptBack]:
    """Give what is kept from everybody."""
    return list(index.kept_back(None, 1000, None, EVERYWHERE, damaged=True).items)


def showing(
    index: DocumentIndex,
) -> list[tuple[UUID, str, str, str, bool, bool, str | None, attr.Attributes, bool]]:
    """Give what a reader of the index sees, in an order of its own."""
    items: list[IndexedDocument] = list(index.search(None, 1000, None, EVERYWHERE, all_versions=True).items)
    current = [each for each in items if each.current]
    assert list(index.search(None, 1000, None, EVERYWHERE).items) == current, "lists show what is current"
    assert not items or current, "there is always something current"
    return sorted(
        (
            (
                each.attributes.file_id,
                each.bucket,
                each.key,
                each.attributes_etag,
                each.missing,
                each.current,
                each.version_id,
                each.attributes,
                index.find(each.attributes.file_id, EVERYWHERE) == each,
            )
            for each in items
        ),
        key=lambda row: str(row[0]),
    )
