"""Does what was decided about documents that are due, one after another, with a result for each.

It may stop anywhere. Before a document is removed its result says that it is being so; whoever finds that goes on
with this document, and takes one that is gone by then for one that was disposed of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore.audit import Actor
from artstore.changes.bulk import PAGE, BulkPage, BulkPages, DocumentResult
from artstore.changes.disposition import Decision, DecisionJob, Outcome
from artstore.changes.retaining import Retaining
from artstore.errors import ArtStoreError, Unavailable
from artstore.jobs import Job
from functions.maintenance.retention.disposing import Case
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait

NEEDED_SECONDS = 20.0
"""What one document may take, all tries included; with less time left the step ends."""
SAVED_EVERY = 10
"""Documents after which results are written down, so that little is done twice after a crash."""


class Approving(Protocol):
    """See functions.maintenance.retention.disposing."""

    def approve(self, case: Case) -> DocumentResult: ...


class Progress(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How far a job has come, in pages."""

    pages: int | None = None
    """None: the documents are not written down yet."""
    worked: int = 0
    counts: dict[str, int] = {}


class DecisionRunner:
    """See functions.maintenance.steps.Runner."""

    def __init__(
        self,
        *,
        pages: BulkPages,
        disposal: Approving,
        retaining: Retaining,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports."""
        self._pages = pages
        self._disposal = disposal
        self._retaining = retaining
        self._clock = clock

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Write the documents down, or work through one page of them, as far as time allows."""
        decided = msgspec.convert(job.request, DecisionJob)
        progress = msgspec.convert(job.progress, Progress)
        if progress.pages is None:
            ids = decided.asked.ids
            for number, start in enumerate(range(0, len(ids), PAGE)):
                if self._pages.read(job.job_id, number) is None:  # else somebody wrote it, and perhaps began
                    self._pages.write(job.job_id, number, BulkPage(ids=ids[start : start + PAGE]))
            return Continue(_told(Progress(pages=-(-len(ids) // PAGE))))
        if progress.worked == progress.pages:
            return Done(
                {
                    "decision": str(decided.asked.decision),
                    "documents": len(decided.asked.ids),
                    "counts": progress.counts,
                }
            )
        return self._work(job, decided, progress, time_left)

    def _work(self, job: Job, decided: DecisionJob, progress: Progress, time_left: Callable[[], float]) -> Step:
        page = self._pages.read(job.job_id, progress.worked)
        if page is None:
            return Fail("documents_lost", "the list of the job's documents is not there any more")
        results = list(page.results)
        begun = bool(results) and results[-1].outcome == Outcome.DISPOSING
        if begun:
            results.pop()

        def save(more: list[DocumentResult]) -> None:
            self._pages.write(job.job_id, progress.worked, BulkPage(ids=page.ids, results=[*results, *more]))

        for file_id in page.ids[len(results) :]:
            if time_left() < NEEDED_SECONDS:
                break

            def begin(file_id: UUID = file_id) -> None:
                save([DocumentResult(file_id=file_id, outcome=str(Outcome.DISPOSING))])

            results.append(self._decide(job, decided, file_id, begun, begin))
            begun = False
            if len(results) % SAVED_EVERY == 0 and len(results) < len(page.ids):
                save([])
        if not begun and len(results) > len(page.results) - 1:
            save([])
        if len(results) < len(page.ids):  # the time that is left is too short for another one
            return Wait(_told(progress), self._clock())
        progress.worked += 1
        counts = Counter(progress.counts) + Counter(each.outcome for each in results)
        progress.counts = dict(sorted(counts.items()))
        return Continue(_told(progress))

    def _decide(
        self, job: Job, decided: DecisionJob, file_id: UUID, begun: bool, begin: Callable[[], None]
    ) -> DocumentResult:
        asked, actor = decided.asked, Actor(job.created_by_id, job.source_ip, job.request_id)
        if asked.decision is Decision.APPROVE:
            case = Case(file_id, decided.reach, actor, asked.reason, job_id=job.job_id, begun=begun, begin=begin)
            return self._disposal.approve(case)
        try:
            if asked.decision is Decision.EXTEND and asked.until is not None:
                self._retaining.extend(file_id, decided.reach, asked.until, actor, asked.reason)
                return DocumentResult(file_id=file_id, outcome=str(Outcome.EXTENDED))
            self._retaining.keep(file_id, decided.reach, actor, asked.reason)
        except Unavailable:
            raise
        except ArtStoreError as error:
            outcome = str(Outcome.REFUSED)
            return DocumentResult(file_id=file_id, outcome=outcome, code=error.code, detail=error.detail)
        return DocumentResult(file_id=file_id, outcome=str(Outcome.KEPT))


def _told(progress: Progress) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(progress)
    return told
