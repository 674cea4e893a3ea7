"""The job ``scan``: has a scanner look at documents that are there, one after another, and tells it in attr.json.

The request says which (``artstore.index.unscanned.Which``), and perhaps a storage element. The progress is a page
of the index and the place in it, so whoever is stopped repeats what was not saved: what has a verdict by then is
passed over, unless everything was asked for. A finding is told to the audit log before it is written; stopped in
between, it is told twice.

While the scanner is away nothing is written: the job waits, longer for those who asked for it than for the clock,
whose next hour comes anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore import attributes as attr
from artstore.attributes import INFECTED, Attributes
from artstore.attributes.storable import MAX_INTEGER
from artstore.audit import SUCCESS, SYSTEM, AuditEvent
from artstore.errors import Conflict, Invalid, Misconfigured, NotFound, PreconditionFailed, TooLarge
from artstore.index.ended import Ended
from artstore.index.unscanned import UnscannedPage, Which
from artstore.jobs import Job
from artstore.naming import attributes_key
from artstore.objects import Content, StoredObject
from artstore.scanning import FAILED, Verdict, described_as_scanned
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait

KIND = "scan"
PAGE = 200
QUARANTINED = "document.quarantined"
AWAY = frozenset({"unreachable", "paused"})
"""Reasons that say nothing of the document: nobody was there."""
_WHILE_AWAY, _LONGEST = timedelta(minutes=1), timedelta(minutes=15)
MOST_WAITS, MOST_WAITS_OF_THE_CLOCK = 100, 3


class Index(Protocol):
    """See artstore.index.postgres."""

    def unscanned(self, which: Which, element_id: str | None, limit: int, after: UUID | None) -> UnscannedPage: ...


class Objects(Protocol):
    """The calls on storage that are made; see artstore.objects."""

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject: ...
    def read(self, bucket: str, key: str, limit: int) -> Content: ...
    def replace(self, bucket: str, key: str, body: bytes, if_match: str) -> str: ...


class Scanning(Protocol):
    """See artstore.scanning.ObjectScanning."""

    def scan(self, stored: StoredObject) -> Verdict: ...


class _Asked(msgspec.Struct, frozen=True):
    which: Which = Which.UNSCANNED
    element_id: str | None = None


class _Progress(msgspec.Struct):
    """``pending`` are the documents of the page in hand, ``after`` where the next one begins."""

    pending: list[Ended] = []
    after: UUID | None = None
    found_all: bool = False
    counts: dict[str, int] = {}
    waits: int = 0


class _Away(Exception):
    """The scanner is not there."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ScanRunner:
    """Scans what is there; see functions.maintenance.steps.Runner."""

    def __init__(
        self,
        *,
        index: Index,
        objects: Objects,
        scanning: Scanning | None,
        ingest: Callable[[str, str], Any],
        record: Callable[[AuditEvent], None],
        is_required: bool,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take the ports; ``ingest`` has the index follow. Without ``scanning`` there is no scanner."""
        self._index = index
        self._objects = objects
        self._scanning = scanning
        self._ingest = ingest
        self._record = record
        self._is_required = is_required
        self._clock = clock

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Scan documents as long as there is time, or find more. Raises Unavailable."""
        if self._scanning is None:
            return Fail("scanning_off", "this archive has no scanner")
        asked = msgspec.convert(job.request, _Asked)
        progress = msgspec.convert(job.progress, _Progress)
        if not progress.pending and not progress.found_all:
            page = self._index.unscanned(asked.which, asked.element_id, PAGE, progress.after)
            progress.pending, progress.after = list(page.items), page.next
            progress.found_all = page.next is None
        counts = Counter(progress.counts)
        try:
            while progress.pending:
                counts[self._settle(progress.pending[0], asked.which, self._scanning, job)] += 1
                progress.waits = 0
                del progress.pending[0]
                if time_left() <= 0:
                    break
        except _Away:
            progress.counts = dict(counts)
            return self._wait(job, progress)
        progress.counts = dict(counts)
        if progress.pending or not progress.found_all:
            return Continue(msgspec.to_builtins(progress))
        return Done({"counts": progress.counts})

    def _wait(self, job: Job, progress: _Progress) -> Step:
        progress.waits += 1
        if job.created_by_id == SYSTEM and progress.waits > MOST_WAITS_OF_THE_CLOCK:
            return Done({"counts": progress.counts, "ended": "scanner_away"})
        if progress.waits > MOST_WAITS:
            return Fail("scanner_away", "the scanner is away", result={"counts": progress.counts}, dead=True)
        until = self._clock() + min(_WHILE_AWAY * progress.waits, _LONGEST)
        return Wait(msgspec.to_builtins(progress), until, "waiting for the scanner")

    def _settle(self, found: Ended, which: Which, scanning: Scanning, job: Job) -> str:
        """Scan one document, and give what came of it."""
        try:
            content = self._objects.read(found.bucket, attributes_key(found.key), attr.MAX_BYTES + 1)
            described = attr.parse(content.body)
            if described.file_id != found.file_id or not _is_due(described, which):
                return "passed"
            stored = self._objects.head(found.bucket, found.key, described.storage_version_id)
            verdict = scanning.scan(stored)
        except (NotFound, PreconditionFailed):
            return "gone"
        except (Invalid, TooLarge, Conflict):
            return "unreadable"
        if verdict.status == FAILED and verdict.reason in AWAY:
            raise _Away
        return self._write(found, described, content.etag, verdict, job)

    def _write(self, found: Ended, described: Attributes, etag: str, verdict: Verdict, job: Job) -> str:
        before, now = described.scan, self._clock()
        if before is not None and verdict.status == FAILED == before.status and verdict.reason == before.reason:
            return FAILED  # it is told already
        scanned = described_as_scanned(described, verdict, now, is_required=self._is_required)
        scanned = msgspec.structs.replace(
            scanned,
            revision=min(described.revision + 1, MAX_INTEGER),
            updated_at=max(described.updated_at, now),
        )
        try:
            raw = attr.dump(scanned)
            if verdict.status == INFECTED:
                self._record(_found(scanned, verdict, job))
            self._objects.replace(found.bucket, attributes_key(found.key), raw, etag)
        except PreconditionFailed:
            return "changed"
        except NotFound:
            return "gone"
        except TooLarge:
            return "attributes_too_large"
        except Misconfigured:
            return "refused"
        self._ingest(found.bucket, found.key)
        return verdict.status


def _is_due(described: Attributes, which: Which) -> bool:
    if described.deleted_at is not None or described.finalization is not None or described.is_withheld:
        return False
    scan = described.scan
    if scan is None:
        return which is not Which.FAILED
    if scan.released_at is not None:
        return False
    return which is Which.ALL or scan.status == FAILED


def _found(scanned: Attributes, verdict: Verdict, job: Job) -> AuditEvent:
    return AuditEvent(
        action=QUARANTINED,
        actor=SYSTEM,
        object=f"file/{scanned.file_id}",
        outcome=SUCCESS,
        source_ip="",
        request_id=str(job.job_id),
        after={
            "found": verdict.signature,
            "sha256": scanned.checksum,
            "space": scanned.space,
            "original_filename": scanned.original_filename,
        },
        reason=INFECTED,
    )
