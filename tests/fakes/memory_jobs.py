"""Jobs in memory, as the port tells, and a wake that remembers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from artstore.errors import Invalid
from artstore.jobs import Alongside, Job, JobPage, JobSummary, Priority


class ConditionDoesNotHold(Exception):
    """Raised by what is written alongside, in place of a transaction that is cancelled."""


class MemoryJobs:
    """Jobs of one process. ``alongside`` is given the list ``written`` in place of a transaction."""

    def __init__(self) -> None:
        self._jobs: dict[UUID, Job] = {}
        self.written: list[object] = []
        self.ends: list[Job] = []
        """Each save that ended a job: a job ends once."""

    def create(self, job: Job, alongside: Alongside | None = None) -> bool:
        if job.job_id in self._jobs:
            return False
        try:
            self._keep(job, alongside)
        except ConditionDoesNotHold:
            return False
        return True

    def create_all(self, jobs: Iterable[Job], alongside: Alongside) -> bool:
        many = list(jobs)
        if any(each.job_id in self._jobs for each in many):
            return False
        for each in many:
            self._keep(each, None)
        alongside(self.written)
        return True

    def find(self, job_id: UUID) -> Job | None:
        return self._jobs.get(job_id)

    def lose(self, job_id: UUID) -> None:
        """Drop a job, as DynamoDB does long after its end, or whoever restores an older table."""
        del self._jobs[job_id]

    def save(self, job: Job, alongside: Alongside | None = None) -> Job | None:
        known = self._jobs.get(job.job_id)
        if known is None or known.revision != job.revision:
            return None
        saved = msgspec.structs.replace(job, revision=job.revision + 1)
        self._keep(saved, alongside)
        if saved.is_over:
            self.ends.append(saved)
        return saved

    def _keep(self, job: Job, alongside: Alongside | None) -> None:
        if alongside is not None:
            alongside(self.written)
        # What does not survive being written down is found here and not first in production.
        self._jobs[job.job_id] = msgspec.json.decode(msgspec.json.encode(job), type=Job)

    def list(self, kind: str | None, status: str | None, limit: int, after: str | None) -> JobPage:
        found = sorted(self._jobs.values(), key=_order, reverse=True)
        found = [each for each in found if kind in (None, each.kind) and status in (None, each.status)]
        if after is not None:
            try:
                moment, job_id = msgspec.json.decode(bytes.fromhex(after), type=tuple[datetime, UUID])
            except (ValueError, msgspec.DecodeError) as error:
                raise Invalid("no such cursor", code="invalid_cursor", field="cursor") from error
            found = [each for each in found if _order(each) < (moment, str(job_id))]
        page = found[:limit]
        more = len(found) > limit
        cursor = msgspec.json.encode((page[-1].created_at, page[-1].job_id)).hex() if more else None
        names = [field.name for field in msgspec.structs.fields(JobSummary)]
        return JobPage([JobSummary(**{name: getattr(each, name) for name in names}) for each in page], cursor)

    def due(self, now: datetime, limit: int) -> Sequence[UUID]:
        due = [(each.due_at, each) for each in self._jobs.values() if each.due_at is not None]
        order = list(Priority)
        waiting = [each for at, each in sorted(due, key=lambda pair: pair[0]) if at <= now]
        return [each.job_id for each in sorted(waiting, key=lambda each: order.index(each.priority))][:limit]


class RememberedWake:
    """A wake that only remembers whom it was to wake, and after how many seconds."""

    def __init__(self) -> None:
        self.woken: list[tuple[UUID, int]] = []

    def __call__(self, job_id: UUID, *, delay_seconds: int = 0) -> None:
        self.woken.append((job_id, delay_seconds))

    def all(self, job_ids: Sequence[UUID]) -> None:
        self.woken += [(each, 0) for each in job_ids]


def _order(job: Job) -> tuple[datetime, str]:
    return job.created_at, str(job.job_id)
