"""Makes bags: freezes which documents are meant, has each copied, writes the manifests, and the tag manifest last.

Every step may be done again. A copy that is made twice is the same copy; what a step left of a document that is no
longer to go is found when the bag is listed before its manifests are written, and removed. What became of each
document lies in the bucket of exports, page by page, until the bucket's rules drop it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore.audit import SUCCESS, AuditEvent
from artstore.index import IndexedDocument, Position, SearchPage
from artstore.jobs import Job
from artstore.naming import attributes_key
from artstore.spaces import Reach
from functions.maintenance.exporting import bag
from functions.maintenance.exporting.copying import AT_ONCE, Copying
from functions.maintenance.exporting.models import (
    EXPORTED,
    MAX_DOCUMENTS,
    PAGE,
    Exported,
    ExportJob,
    Large,
    Page,
)
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait

NEEDED_SECONDS = 30.0
"""What one copy of at most 5 GiB may take; with less time left the step ends."""
LEFT_OUT = "left-out.jsonl"
"""The tag file that names what did not go into the bag."""
TOLD = 1000
"""Documents that the report names; all of them are in the bag."""
FREEZING, COPYING, CLOSING = "freezing", "copying", "closing"
_LAST = UUID(int=2**128 - 1)


class Index(Protocol):
    """What is asked of the index; see artstore.index.DocumentIndex."""

    def search(
        self, query: str | None, limit: int, after: Position | None, reach: Reach, *, all_versions: bool = False
    ) -> SearchPage: ...
    def find(self, file_id: UUID, reach: Reach) -> IndexedDocument | None: ...


class Store(Protocol):
    """The bucket of exports; see ``functions.maintenance.exporting.storage``."""

    @property
    def bucket(self) -> str: ...
    def read(self, key: str) -> bytes | None: ...
    def write(self, key: str, body: bytes) -> None: ...
    def listing(self, prefix: str) -> Iterator[tuple[str, int]]: ...
    def remove(self, keys: list[str]) -> None: ...


class Progress(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How far a job has come. ``after_at`` and ``after_id`` are where the last page that was frozen ended."""

    frozen: bool = False
    pages: int = 0
    documents: int = 0
    after_at: datetime | None = None
    after_id: UUID | None = None
    worked: int = 0
    """Pages that are done."""
    counts: dict[str, int] = {}
    large: Large | None = None


class ExportRunner:
    """See functions.maintenance.steps.Runner."""

    def __init__(
        self,
        *,
        index: Index,
        store: Store,
        copying: Copying,
        at_once: int = AT_ONCE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports."""
        self._index = index
        self._store = store
        self._copying = copying
        self._at_once = at_once
        self._clock = clock

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Freeze one page of documents, or copy some of a page, or close the bag."""
        asked = msgspec.convert(job.request, ExportJob)
        progress = msgspec.convert(job.progress, Progress)
        if not progress.frozen:
            return self._freeze(job, asked, progress)
        if time_left() < NEEDED_SECONDS:
            return Wait(_told(progress), self._clock(), job.state)
        if progress.worked < progress.pages:
            return self._copy(job, asked.reach, progress)
        return self._close(job, asked, progress)

    def cancel(self, job: Job, time_left: Callable[[], float]) -> None:  # noqa: ARG002  # one call is enough
        """Drop the copy in parts that is under way. Whole copies go with the bucket's rules: a bag without a tag
        manifest is none. Raises Unavailable."""
        progress = msgspec.convert(job.progress, Progress)
        if progress.large is not None:
            self._copying.give_up(_bag(job), progress.large)

    def _freeze(self, job: Job, export: ExportJob, progress: Progress) -> Step:
        if export.asked.ids is not None:
            ids = export.asked.ids
            for number, start in enumerate(range(0, len(ids), PAGE)):
                self._write(job, number, Page(ids=ids[start : start + PAGE]))
            done = Progress(frozen=True, pages=-(-len(ids) // PAGE), documents=len(ids))
            return Continue(_told(done), COPYING)
        search = export.asked.search
        after = Position(created_at=progress.after_at or job.created_at, file_id=progress.after_id or _LAST)
        found = self._index.search(
            search.query if search else None,
            PAGE,
            after,
            export.reach,
            all_versions=search is None or search.versions,
        )
        if found.items:
            self._write(job, progress.pages, Page(ids=[each.attributes.file_id for each in found.items]))
            progress.pages += 1
            progress.documents += len(found.items)
            last = found.items[-1].attributes
            progress.after_at, progress.after_id = last.created_at, last.file_id
        if progress.documents > MAX_DOCUMENTS:
            return Fail("too_many_documents", f"these are more than {MAX_DOCUMENTS} documents")
        progress.frozen = found.next is None
        return Continue(_told(progress), COPYING if progress.frozen else FREEZING)

    def _copy(self, job: Job, reach: Reach, progress: Progress) -> Step:
        """Copy the next documents of a page side by side, or go on with one in parts."""
        page = self._read(job, progress.worked)
        if page is None:
            return _lost()
        results = list(page.results)
        following = page.ids[len(results) :][: 1 if progress.large else self._at_once]
        documents = [(file_id, self._index.find(file_id, reach)) for file_id in following]
        large, progress.large = progress.large, None
        for made in self._copying.many(_bag(job), documents, reach):
            outcome = made if isinstance(made, Exported) else self._copying.onward(_bag(job), made, large)
            if isinstance(outcome, Large):
                progress.large = outcome
                break
            if large is not None and isinstance(made, Exported):  # it is not to go any more
                self._copying.give_up(_bag(job), large)
            results.append(outcome)
        if len(results) > len(page.results):
            self._write(job, progress.worked, Page(ids=page.ids, results=results))
        if len(results) == len(page.ids):
            progress.worked += 1
            counts = Counter(progress.counts) + Counter(each.outcome for each in results)
            progress.counts = dict(sorted(counts.items()))
        state = CLOSING if progress.worked == progress.pages else COPYING
        return Continue(_told(progress), state)

    def _close(self, job: Job, export: ExportJob, progress: Progress) -> Step:
        """Compare what lies in the bag with what is to be there, and write what makes it a bag."""
        results: list[Exported] = []
        for number in range(progress.pages):
            page = self._read(job, number)
            if page is None:
                return _lost()
            results += page.results
        exported = [each for each in results if each.outcome == EXPORTED]
        left_out = [each for each in results if each.outcome != EXPORTED]
        report = self._report(job, progress, exported, left_out)
        if not exported:
            return Fail("nothing_exported", "none of the documents could go, see the report", result=report)
        lacking = self._tidy(job, exported)
        if lacking:
            return Fail("bag_incomplete", f"somebody removed {lacking} from the bag", result=report)
        report["manifest_sha256"] = self._write_tags(job, export, exported, left_out)
        event = AuditEvent(
            action="export.completed",
            actor=job.created_by_id,
            object=f"export/{job.job_id}",
            outcome=SUCCESS,
            source_ip=job.source_ip,
            request_id=job.request_id,
            after={name: report[name] for name in ("bag", "counts", "octets", "manifest_sha256")},
        )
        return Done(report, event=event)

    def _tidy(self, job: Job, exported: list[Exported]) -> str | None:
        """Remove from the payload what no result names; tell what a result names and is not there."""
        prefix = _bag(job)
        expected = {prefix + each.path: each.size for each in exported}
        expected |= {prefix + attributes_key(each.path): each.attributes_size for each in exported}
        strays = []
        for key, size in self._store.listing(prefix + bag.PAYLOAD):
            if expected.get(key) == size:
                del expected[key]
            elif key not in expected:
                strays.append(key)
        if strays:
            self._store.remove(strays)
        return next(iter(sorted(expected)), None)

    def _write_tags(self, job: Job, export: ExportJob, exported: list[Exported], left_out: list[Exported]) -> str:
        """Write the tag files, the tag manifest last; give the SHA-256 of the manifest."""
        manifest = "".join(
            bag.manifest_line(each.sha256, each.path)
            + bag.manifest_line(each.attributes_sha256, attributes_key(each.path))
            for each in exported
        ).encode()
        said = {"External-Identifier": f"urn:uuid:{job.job_id}"}
        if export.asked.description is not None:
            said["External-Description"] = export.asked.description
        octets = sum(each.size + each.attributes_size for each in exported)
        files = {
            bag.DECLARATION: bag.DECLARED,
            bag.INFO: bag.info(said, on=job.created_at.date(), octets=octets, streams=2 * len(exported)),
            bag.MANIFEST: manifest,
            LEFT_OUT: b"".join(msgspec.json.encode(_reason(each)) + b"\n" for each in left_out),
        }
        files[bag.TAG_MANIFEST] = bag.tag_manifest(files.items())
        for name, body in files.items():
            self._store.write(_bag(job) + name, body)
        return hashlib.sha256(manifest).hexdigest()

    def _report(
        self, job: Job, progress: Progress, exported: list[Exported], left_out: list[Exported]
    ) -> dict[str, Any]:
        return {
            "format": "bagit",
            "bag": f"s3://{self._store.bucket}/{_bag(job)}",
            "documents": progress.documents,
            "counts": progress.counts,
            "octets": sum(each.size for each in exported),
            "left_out": [_reason(each) for each in left_out[:TOLD]],
            "left_out_not_named": max(0, len(left_out) - TOLD),
        }

    def _read(self, job: Job, number: int) -> Page | None:
        body = self._store.read(_page(job, number))
        return None if body is None else msgspec.json.decode(body, type=Page)

    def _write(self, job: Job, number: int, page: Page) -> None:
        self._store.write(_page(job, number), msgspec.json.encode(page))


def _bag(job: Job) -> str:
    return f"bags/{job.job_id}/"


def _page(job: Job, number: int) -> str:
    return f"work/{job.job_id}/{number:06d}.json"


def _reason(left_out: Exported) -> dict[str, str]:
    return {"file_id": str(left_out.file_id), "reason": left_out.outcome}


def _lost() -> Fail:
    return Fail("documents_lost", "the list of the job's documents is not there any more")


def _told(progress: Progress) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(progress)
    return told
