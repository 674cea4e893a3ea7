"""Does jobs that change many documents: freezes which they are, then goes through them page by page.

Both parts may stop anywhere. A page that was being frozen is frozen again from where the one before it ended; a
page that was being worked through knows from its results where to go on, and the document in between is changed
again, which changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore.audit import Actor
from artstore.changes.bulk import (
    MAX_DOCUMENTS,
    PAGE,
    Acting,
    Action,
    BulkJob,
    BulkPage,
    BulkPages,
    BulkSearch,
)
from artstore.index import IndexedDocument, Position, SearchPage, TrashPage, TrashPosition
from artstore.jobs import Job
from artstore.spaces import Reach
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait

NEEDED_SECONDS = 12.0
"""What one document may take, all tries included; with less time left the step ends."""
SAVED_EVERY = 10
"""Documents after which results are written down, so that little is done twice after a crash."""
_LAST = UUID(int=2**128 - 1)
FREEZING, CHANGING = "freezing", "changing"


class Index(Protocol):
    """What is asked of the index; see artstore.index.DocumentIndex."""

    def search(
        self, query: str | None, limit: int, after: Position | None, reach: Reach, *, all_versions: bool = False
    ) -> SearchPage: ...
    def trash(self, limit: int, after: TrashPosition | None, reach: Reach) -> TrashPage: ...


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


class BulkRunner:
    """See functions.maintenance.steps.Runner."""

    def __init__(
        self,
        *,
        index: Index,
        pages: BulkPages,
        acting: Acting,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports."""
        self._index = index
        self._pages = pages
        self._acting = acting
        self._clock = clock

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Freeze one page of documents, or work through one page, as far as time allows."""
        bulk = msgspec.convert(job.request, BulkJob)
        progress = msgspec.convert(job.progress, Progress)
        if not progress.frozen:
            return self._freeze(job, bulk, progress)
        if bulk.asked.dry_run or progress.worked == progress.pages:
            return Done(
                {"documents": progress.documents, "counts": progress.counts, "dry_run": bulk.asked.dry_run}
            )
        return self._work(job, bulk, progress, time_left)

    def _freeze(self, job: Job, bulk: BulkJob, progress: Progress) -> Step:
        search = bulk.asked.search
        if search is None:
            ids = bulk.asked.ids or []
            for number, start in enumerate(range(0, len(ids), PAGE)):
                self._pages.write(job.job_id, number, BulkPage(ids=ids[start : start + PAGE]))
            done = Progress(frozen=True, pages=-(-len(ids) // PAGE), documents=len(ids))
            return Continue(msgspec.to_builtins(done), CHANGING)
        found, more = self._look(job, bulk, search, progress)
        if found:
            ids = [each.attributes.file_id for each in found]
            self._pages.write(job.job_id, progress.pages, BulkPage(ids=ids))
            progress.pages += 1
            progress.documents += len(ids)
            last = found[-1].attributes
            progress.after_at, progress.after_id = last.deleted_at or last.created_at, last.file_id
        if progress.documents > MAX_DOCUMENTS:
            return Fail("too_many_documents", f"the search finds more than {MAX_DOCUMENTS} documents")
        progress.frozen = not more
        return Continue(msgspec.to_builtins(progress), CHANGING if progress.frozen else FREEZING)

    def _look(
        self, job: Job, bulk: BulkJob, search: BulkSearch, progress: Progress
    ) -> tuple[tuple[IndexedDocument, ...], bool]:
        """Find the next page; what came after the job was made is not meant."""
        reach = bulk.reach.within(search.space)
        at, file_id = progress.after_at or job.created_at, progress.after_id or _LAST
        if bulk.asked.action is Action.UNDELETE:
            trash = self._index.trash(PAGE, TrashPosition(deleted_at=at, file_id=file_id), reach)
            return trash.items, trash.next is not None
        after = Position(created_at=at, file_id=file_id)
        page = self._index.search(search.query, PAGE, after, reach, all_versions=search.versions)
        return page.items, page.next is not None

    def _work(self, job: Job, bulk: BulkJob, progress: Progress, time_left: Callable[[], float]) -> Step:
        page = self._pages.read(job.job_id, progress.worked)
        if page is None:
            return Fail("documents_lost", "the list of the job's documents is not there any more")
        actor = Actor(job.created_by_id, job.source_ip, job.request_id)
        results = list(page.results)
        for file_id in page.ids[len(results) :]:
            if time_left() < NEEDED_SECONDS:
                break
            results.append(self._acting.act(bulk.asked, file_id, bulk.reach, actor))
            if len(results) % SAVED_EVERY == 0 and len(results) < len(page.ids):
                self._pages.write(job.job_id, progress.worked, BulkPage(ids=page.ids, results=results))
        if len(results) > len(page.results):
            self._pages.write(job.job_id, progress.worked, BulkPage(ids=page.ids, results=results))
        if len(results) < len(page.ids):  # the time that is left is too short for another one
            return Wait(_told(progress), self._clock(), CHANGING)
        progress.worked += 1
        counts = Counter(progress.counts) + Counter(each.outcome for each in results)
        progress.counts = dict(sorted(counts.items()))
        return Continue(_told(progress), CHANGING)


def _told(progress: Progress) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(progress)
    return told
