"""The job ``reindex``: a new index beside the one in use, filled from attr.json files, and swapped in.

filling    Every range of every storage element is read; those of large elements by jobs of their own (``part``).
finishing  Indexes are made, claims settled, tombstones carried over; what others wrote meanwhile is taken over.
swapping   The new tables get the names of the old ones, in one short transaction. Whoever reads or writes waits
           for it, at most a second at a time.
looking    Places that are not as the old index had them are sent to the queue of events.

Each step leaves what it did in the database, and says there how far it has come: whoever is killed is followed by
one that goes on there. What a rebuild leaves that nobody goes on with is dropped, by the next one or by
``Leftovers``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import msgspec

from artstore import deadline
from artstore.errors import Conflict, Unavailable
from artstore.index.claims import Place
from artstore.index.rebuilding import Rebuild
from artstore.jobs import Job, Jobs, JobStatus, Wake, new_job
from functions.maintenance.ranges import Folders, Range, cut
from functions.maintenance.reconciling.ports import Looks
from functions.maintenance.reindexing.filling import Elements, Filling
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait

KIND, PART = "reindex", "part"
_PARTS = UUID("3f0b8b54-0a1c-5b0a-8d58-7c7f6f0e8e21")
"""The namespace (RFC 9562 §5.5) of the ids of parts."""
_WHILE_PARTS_RUN = timedelta(seconds=10)
_WHILE_OTHERS_WRITE = timedelta(seconds=2)
_WHILE_IT_BUILDS = timedelta(seconds=30)
LOOKS_AT_ONCE = 1000
"""Places between two saves: so many may be sent twice after a crash."""
KEPT_DEAD = timedelta(days=1)
"""How long a rebuild that broke can be tried again; then what it has left is dropped."""


class _Plan(msgspec.Struct, kw_only=True):
    """How far a rebuild has come; where each range stands is in the database."""

    ranges: list[Range] = []
    mine: list[int] = []
    """Numbers of the ranges that the job fills itself."""
    parts: dict[str, int] = {}
    """Numbers of those that others fill, by the id of their job."""
    begun: bool = False
    looked: int = 0
    """How many places were sent to be looked at."""
    last: Place | None = None
    """The last of them."""


class Reindexing:
    """Rebuilds the index; see ``functions.maintenance.steps.Runner``."""

    def __init__(
        self,
        *,
        elements: Elements,
        folders: Folders,
        filling: Filling,
        rebuild: Rebuild,
        looks: Looks,
        documents: Callable[[], int],
        jobs: Jobs,
        wake: Wake,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports; ``documents`` counts what the index shows."""
        self._elements = elements
        self._folders = folders
        self._filling = filling
        self._rebuild = rebuild
        self._looks = looks
        self._documents = documents
        self._jobs = jobs
        self._wake = wake
        self._clock = clock

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Go on as far as there is time. Raises Unavailable."""
        if not job.progress:
            return self._plan(job)
        plan = msgspec.convert(job.progress, _Plan)
        if not plan.begun:
            return self._begin(job, plan)
        try:
            if job.state == "filling":
                return self._fill(job, plan, time_left)
            if job.state == "finishing":
                return self._finish(job, plan, time_left)
            if job.state == "swapping":
                return self._swap(job, plan)
        except Conflict as error:
            self._rebuild.drop(job.job_id)
            return Fail(error.code, error.detail)
        return self._look(job, plan)

    def cancel(self, job: Job, time_left: Callable[[], float]) -> Step | None:  # noqa: ARG002  # drops at once
        """Leave nothing behind of a rebuild that is not to be; the index in use stays what it is. One that was
        swapped in goes on to its end: the places that it knows of are still to be looked at."""
        if job.state == "looking" or self._rebuild.has_swapped(job.job_id):
            return self._look(job, msgspec.convert(job.progress, _Plan))
        self._rebuild.drop(job.job_id)
        return None

    def children(self, job: Job) -> list[UUID]:
        """Name the jobs of its parts; see functions.maintenance.steps.Parent."""
        return [UUID(each) for each in msgspec.convert(job.progress, _Plan).parts] if job.progress else []

    def _plan(self, job: Job) -> Step:
        plan = _Plan()
        for each in self._elements().all():
            ranges = cut(self._folders, each.element_id, each.bucket, each.prefix)
            for one in ranges:
                number = len(plan.ranges)
                plan.ranges.append(one)
                if len(ranges) == 1:
                    plan.mine.append(number)
                else:
                    plan.parts[str(uuid5(_PARTS, f"{job.job_id} {number}"))] = number
        return Continue(msgspec.to_builtins(plan), "filling")

    def _begin(self, job: Job, plan: _Plan) -> Step:
        self._rebuild.begin(job.job_id, len(plan.ranges))
        for part_id, number in plan.parts.items():
            of = msgspec.to_builtins(plan.ranges[number])
            request = {"rebuild": str(job.job_id), "parent": str(job.job_id), "number": number, "of": of}
            part = new_job(UUID(part_id), PART, request, self._clock(), about=job.object)
            self._jobs.create(part)
            with contextlib.suppress(Unavailable):  # it is due, and found by the clock
                self._wake(part.job_id)
        plan.begun = True
        return Continue(msgspec.to_builtins(plan), "filling")

    def _fill(self, job: Job, plan: _Plan, time_left: Callable[[], float]) -> Step:
        elements = self._elements()
        while plan.mine:
            number = plan.mine[0]
            over = self._filling.advance(job.job_id, number, plan.ranges[number], elements)
            if over is None:
                return _replaced()
            if over:
                plan.mine.pop(0)
            if time_left() <= 0:
                return Continue(msgspec.to_builtins(plan))
        for part_id, number in list(plan.parts.items()):
            part = self._jobs.find(UUID(part_id))
            if part is not None and not part.is_over:
                continue
            if part is None or part.status is not JobStatus.COMPLETED:
                plan.mine.append(number)
            del plan.parts[part_id]
        progress = msgspec.to_builtins(plan)
        if plan.mine:
            return Continue(progress)
        if plan.parts:
            return Wait(progress, self._clock() + _WHILE_PARTS_RUN)
        return Continue(progress, "finishing")

    def _finish(self, job: Job, plan: _Plan, time_left: Callable[[], float]) -> Step:
        progress = msgspec.to_builtins(plan)
        if not self._rebuild.is_of(job.job_id):
            return _replaced()
        seconds = max(time_left(), 1.0)
        try:
            with deadline.within(seconds):
                while self._rebuild.finish(job.job_id):
                    if time_left() <= 0:
                        return Continue(progress)
        except Unavailable:
            if time_left() > 1:
                raise
            return Wait(progress, self._clock() + _WHILE_IT_BUILDS)  # the server builds on
        return Continue(progress, "swapping")

    def _swap(self, job: Job, plan: _Plan) -> Step:
        progress = msgspec.to_builtins(plan)
        if self._rebuild.swap(job.job_id):
            return Continue(progress, "looking")
        return Wait(progress, self._clock() + _WHILE_OTHERS_WRITE, "finishing")

    def _look(self, job: Job, plan: _Plan) -> Step:
        if self._rebuild.is_of(job.job_id):
            if places := self._rebuild.looks(plan.last, LOOKS_AT_ONCE):
                self._looks(places)
                plan.looked += len(places)
                plan.last = places[-1]
                return Continue(msgspec.to_builtins(plan), "looking")
            documents = self._documents()
            self._rebuild.drop(job.job_id)
        else:
            documents = self._documents()
        return Done({"documents": documents, "looked_at": plan.looked, "parts": len(plan.ranges)})


class ReindexPart:
    """Fills one range of a rebuild; see ``functions.maintenance.steps.Runner``."""

    def __init__(self, elements: Elements, filling: Filling) -> None:
        """Take the ports."""
        self._elements = elements
        self._filling = filling

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Fill on while there is time."""
        asked: dict[str, Any] = job.request
        of, rebuild = msgspec.convert(asked["of"], Range), UUID(asked["rebuild"])
        pages = int(job.progress.get("pages", 0))
        elements = self._elements()
        while True:
            over = self._filling.advance(rebuild, int(asked["number"]), of, elements)
            if over is None:
                return _replaced()
            pages += 1
            if over:
                return Done({"pages": pages})
            if time_left() <= 0:
                return Continue({"pages": pages})


class Leftovers:
    """Drops what a rebuild has left that nobody goes on with."""

    def __init__(
        self,
        rebuild: Rebuild,
        jobs: Jobs,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports."""
        self._rebuild = rebuild
        self._jobs = jobs
        self._clock = clock

    def drop(self) -> bool:
        """Look, and drop; tell whether there was something. Raises Unavailable."""
        owner = self._rebuild.owner()
        if owner is None:
            return False
        job = self._jobs.find(owner)
        if job is not None and not job.is_over:
            return False
        if job is not None and job.status is JobStatus.DEAD:
            ended = job.finished_at or job.updated_at
            if ended > self._clock() - KEPT_DEAD:
                return False
        return self._rebuild.drop(owner)


def _replaced() -> Step:
    return Fail("job_replaced", "what this rebuild had built was dropped, or another one has begun")
