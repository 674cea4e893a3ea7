"""The jobs ``reconcile`` and ``part``: buckets against index against upload records.

A reconciliation cuts its elements into ranges. Small elements it walks itself; the ranges of large ones become
jobs of their own, ``part``, that as many workers do as there are. A part that broke is walked by the job that
wanted it. What a job has counted and found is saved with where it has come, so a worker that is killed is followed
by one that goes on there, and nothing is counted twice.

Request: ``element_id`` (all elements without it), ``repair``, ``grace_seconds``. Of a part: ``parent``, ``of``
(the range), and the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import msgspec

from artstore.audit import format_time
from artstore.elements import StorageElements
from artstore.elements.registry import Usage
from artstore.errors import Unavailable
from artstore.jobs import Job, Jobs, JobStatus, Priority, Wake, new_job
from functions.maintenance.elements.tending import Counted
from functions.maintenance.ranges import Folders, Range, cut
from functions.maintenance.reconciling.findings import Findings
from functions.maintenance.reconciling.ports import Looks, Table
from functions.maintenance.reconciling.records import OpenRecords
from functions.maintenance.reconciling.walking import Stored, Walk, Walked, to_be_mended
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait

KIND, PART = "reconcile", "part"
_PARTS = UUID("7b1f5c7e-58a5-5a7b-9a35-3d8f1c0c2a55")
"""The namespace (RFC 9562 §5.5) of the ids of parts."""
_WHILE_PARTS_RUN = timedelta(seconds=10)
TOLD_FROM_RANGES = 2
"""Elements of so many ranges are walked by jobs of their own."""


class Asked(msgspec.Struct, kw_only=True):
    """What a job is to do."""

    element_id: str | None = None
    repair: bool = False
    grace_seconds: int = 0
    since: datetime | None = None
    """When the reconciliation began that a part belongs to."""


class _Plan(msgspec.Struct, kw_only=True):
    """How far a reconciliation has come."""

    elements: list[str] = []
    mine: list[Range] = []
    """Ranges that the job walks itself."""
    parts: dict[str, Range] = {}
    """Ranges that others walk, by the id of their job."""
    begun: int = 0
    """How many of these jobs were made."""
    walked: Walked | None = None
    stored: dict[str, Stored] = {}
    findings: Findings = msgspec.field(default_factory=Findings)
    records: dict[str, Any] | None = {}
    """Where the walk of upload records goes on; None: it is over."""


class Reconciliation:
    """Reconciles one element, or all of them; see ``functions.maintenance.steps.Runner``."""

    def __init__(
        self,
        *,
        elements: Callable[[], StorageElements],
        table: Table,
        folders: Folders,
        walk: Walk,
        records: OpenRecords,
        looks: Looks,
        usage: Callable[[], Mapping[str, Counted]],
        jobs: Jobs,
        wake: Wake,
        told: Callable[[int], None] = lambda _differences: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports; ``told`` is told how many differences a reconciliation of everything has found."""
        self._elements = elements
        self._table = table
        self._folders = folders
        self._walk = walk
        self._records = records
        self._looks = looks
        self._usage = usage
        self._jobs = jobs
        self._wake = wake
        self._told = told
        self._clock = clock

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Plan, walk on while there is time, wait for others, and report."""
        asked = msgspec.convert(job.request, Asked)
        elements = self._elements()
        if not job.progress:
            return self._plan(job, asked, elements)
        plan = msgspec.convert(job.progress, _Plan)
        if plan.begun < len(plan.parts):
            return self._begin_parts(job, plan)
        while plan.walked is not None or plan.mine:
            if plan.walked is None:
                plan.walked = self._walk.begin(plan.mine.pop(0))
            self._advance(plan.walked, asked, job, elements)
            if plan.walked.over:
                _take_in(plan, plan.walked)
                plan.walked = None
            if time_left() <= 0:
                return _continue(plan)
        if plan.parts:
            return self._collect(plan)
        if plan.records is not None:
            self._look_at_records(plan, asked, job)
            return _continue(plan)
        return self._finish(asked, plan)

    def children(self, job: Job) -> list[UUID]:
        """Name the jobs of its parts; see functions.maintenance.steps.Parent."""
        return [UUID(each) for each in msgspec.convert(job.progress, _Plan).parts] if job.progress else []

    def _plan(self, job: Job, asked: Asked, elements: StorageElements) -> Step:
        wanted = [each for each in elements.all() if asked.element_id in (None, each.element_id)]
        if not wanted:
            return Fail("element_not_found", "there is no such storage element")
        plan = _Plan(elements=[each.element_id for each in wanted])
        for each in wanted:
            ranges = cut(self._folders, each.element_id, each.bucket, each.prefix)
            if len(ranges) < TOLD_FROM_RANGES:
                plan.mine += ranges
                continue
            for one in ranges:
                plan.parts[str(uuid5(_PARTS, f"{job.job_id} {len(plan.parts)}"))] = one
        return _continue(plan)

    def _begin_parts(self, job: Job, plan: _Plan) -> Step:
        """Make the jobs of the parts; those that are there already stay what they are."""
        for job_id, one in plan.parts.items():
            request = {
                **job.request,
                "parent": str(job.job_id),
                "of": msgspec.to_builtins(one),
                "since": msgspec.to_builtins(job.created_at),
            }
            part = new_job(UUID(job_id), PART, request, self._clock(), about=job.object, priority=Priority.NORMAL)
            self._jobs.create(part)
            with contextlib.suppress(Unavailable):  # it is due, and found by the clock
                self._wake(part.job_id)
        plan.begun = len(plan.parts)
        return _continue(plan)

    def _collect(self, plan: _Plan) -> Step:
        """Take in the parts that are done, and walk myself what nobody walks any more."""
        for job_id, one in list(plan.parts.items()):
            part = self._jobs.find(UUID(job_id))
            if part is not None and not part.is_over:
                continue
            if part is not None and part.status is JobStatus.COMPLETED:
                _take_in(plan, msgspec.convert(part.result, Walked))
            else:
                plan.mine.append(one)
            del plan.parts[job_id]
            plan.begun -= 1
        if not plan.parts or plan.mine:
            return _continue(plan)
        return Wait(msgspec.to_builtins(plan), self._clock() + _WHILE_PARTS_RUN)

    def _advance(self, walked: Walked, asked: Asked, job: Job, elements: StorageElements) -> None:
        self._walk.advance(walked, elements, repair=asked.repair, settled_before=_settled(asked, job))

    def _look_at_records(self, plan: _Plan, asked: Asked, job: Job) -> None:
        found, plan.records = self._records.look_on(plan.records or {}, asked.element_id, _settled(asked, job))
        for each in found:
            plan.findings.note(each)
        if asked.repair and (broken := to_be_mended(found)):
            self._looks(broken)
            plan.findings.asked += len(broken)

    def _finish(self, asked: Asked, plan: _Plan) -> Step:
        usage = self._usage()
        reports = [
            self._count(element_id, plan.stored.get(element_id, Stored()), usage.get(element_id, Counted()))
            for element_id in plan.elements
        ]
        if asked.element_id is None:
            self._told(sum(plan.findings.counts.values()))
        return Done({**plan.findings.report(), "repair": asked.repair, "elements": reports})

    def _count(self, element_id: str, stored: Stored, indexed: Counted) -> dict[str, Any]:
        """Keep what the documents of an element do not account for, and report it."""
        before = self._table.read().usage.get(element_id, Usage())
        now = format_time(self._clock())
        beyond = stored.bytes - indexed.bytes
        self._table.count(
            element_id,
            Usage(
                used_bytes=stored.bytes,
                file_count=indexed.documents,
                counted_at=now,
                beyond_bytes=beyond,
                reconciled_at=now,
            ),
        )
        return {
            "element_id": element_id,
            "stored": msgspec.to_builtins(stored),
            "indexed": msgspec.to_builtins(indexed),
            "registered_before": {"used_bytes": before.used_bytes, "file_count": before.file_count},
            "bytes_beyond_documents": beyond,
            "objects_beyond_documents": stored.objects - indexed.documents,
        }


class PartRunner:
    """Walks one range of a reconciliation; see ``functions.maintenance.steps.Runner``."""

    def __init__(self, elements: Callable[[], StorageElements], walk: Walk) -> None:
        """Take the ports."""
        self._elements = elements
        self._walk = walk

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Walk on while there is time; the result is what was walked."""
        asked = msgspec.convert(job.request, Asked)
        of = msgspec.convert(job.request["of"], Range)
        walked = msgspec.convert(job.progress, Walked) if job.progress else self._walk.begin(of)
        elements = self._elements()
        while not walked.over:
            self._walk.advance(walked, elements, repair=asked.repair, settled_before=_settled(asked, job))
            if time_left() <= 0 and not walked.over:
                return Continue(msgspec.to_builtins(walked))
        return Done(msgspec.to_builtins(walked))


def _settled(asked: Asked, job: Job) -> datetime:
    """Say since when something may be on its way: counted from the beginning, so that a long walk judges alike."""
    return (asked.since or job.created_at) - timedelta(seconds=asked.grace_seconds)


def _take_in(plan: _Plan, walked: Walked) -> None:
    plan.stored.setdefault(walked.of.element_id, Stored()).add(walked.stored)
    plan.findings.add(walked.findings)


def _continue(plan: _Plan) -> Step:
    return Continue(msgspec.to_builtins(plan))
