"""Jobs: work that takes longer than a request may, written down before it is begun.

A job is a record and a message. The record says what was asked, how far it has come and how it ended; the
message only wakes whoever does it (``functions.maintenance``), and may be lost or come twice. Work goes in
steps: after each the record is saved under a ``revision``, so that of two that do the same step one is heard.
``artstore.aws.job_table`` implements the port; every implementation passes
tests/integration/jobs/test_jobs_contract.py.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import msgspec

KEPT = timedelta(days=90)
"""How long a job that is over is kept, before DynamoDB may drop it."""

Alongside = Callable[[Any], None]
"""Adds writes of its own to the transaction (``pynamodb.transactions.TransactWrite``) in which a job is
written."""


class JobStatus(enum.StrEnum):
    """Where a job stands."""

    WAITING = "WAITING"
    """It is to be done, or to be gone on with."""
    RUNNING = "RUNNING"
    """Somebody is at it until ``lease_until``."""
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    """What was asked cannot be done; ``error`` says why."""
    DEAD = "DEAD"
    """It broke three times at the same step. It can be tried again once the cause is mended."""
    CANCELLED = "CANCELLED"
    """Somebody wanted it no more, and what had to be undone is undone."""


OVER = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.DEAD, JobStatus.CANCELLED})
UNFINISHED = frozenset({JobStatus.DEAD, JobStatus.CANCELLED})
"""Over, and can be gone on with all the same."""


class Priority(enum.StrEnum):
    """What is done first when much is to be done, and how long at a stretch."""

    HIGH = "HIGH"
    NORMAL = "NORMAL"
    LOW = "LOW"


class JobError(msgspec.Struct, frozen=True):
    """Why a job ended without a result: a stable code, and what a person is told."""

    code: str
    detail: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One job. Times are UTC.

    ``request`` is what was asked and never changes; ``progress`` is replaced at each step, and empty once it is
    over; ``result`` is the report that stays. ``state`` is a word of the kind's own. ``due_at`` is when somebody
    should look at the job again, None once it is over. ``attempts`` counts the failures since the last step that
    got further.
    """

    job_id: UUID
    kind: str
    request: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None
    status: JobStatus = JobStatus.WAITING
    state: str | None = None
    priority: Priority = Priority.NORMAL
    attempts: int = 0
    progress: dict[str, Any] = {}
    result: dict[str, Any] | None = None
    error: JobError | None = None
    object: str | None = None
    """What it is about, such as ``file/<file_id>``."""
    space: str | None = None
    created_by_id: str = "system"
    source_ip: str = ""
    request_id: str = ""
    finished_at: datetime | None = None
    lease_until: datetime | None = None
    cancelled_by_id: str | None = None
    """Who wants it no more: whoever does it stops at the next save, and undoes what has to be undone."""
    revision: int = 1

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more will be done."""
        return self.status in OVER


class JobSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A job as lists show it: without what was asked, how far it came, and its result."""

    job_id: UUID
    kind: str
    status: JobStatus
    state: str | None
    priority: Priority
    attempts: int
    error: JobError | None
    object: str | None
    space: str | None
    created_by_id: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class JobPage(msgspec.Struct, frozen=True):
    """One page, newest first. ``next`` is where the next one begins, None on the last.

    A page may hold fewer than were asked for, even none, and yet not be the last.
    """

    items: list[JobSummary]
    next: str | None


def retried(job: Job, now: datetime) -> Job:
    """Give an UNFINISHED job as one that is to be tried again, from where it had come. A DEAD one that was being
    cancelled goes on being cancelled."""
    is_cancelled = job.status is JobStatus.CANCELLED
    return msgspec.structs.replace(
        job,
        status=JobStatus.WAITING,
        attempts=0,
        error=None,
        finished_at=None,
        due_at=now,
        updated_at=now,
        cancelled_by_id=None if is_cancelled else job.cancelled_by_id,
    )


def unwanted(job: Job, by: str, now: datetime) -> Job:
    """Give a job that is not over as one that ``by`` wants no more. Whoever has a lease on it keeps that: nobody
    undoes what somebody is still doing."""
    due_at = job.due_at if job.status is JobStatus.RUNNING else now
    return msgspec.structs.replace(job, cancelled_by_id=by, due_at=due_at, updated_at=now)


def new_job(
    job_id: UUID,
    kind: str,
    request: dict[str, Any],
    now: datetime,
    *,
    priority: Priority = Priority.NORMAL,
    state: str | None = None,
    about: str | None = None,
    space: str | None = None,
    created_by_id: str = "system",
    source_ip: str = "",
    request_id: str = "",
) -> Job:
    """Make a job that is due at once; it is not saved yet."""
    return Job(
        job_id=job_id,
        kind=kind,
        request=request,
        created_at=now,
        updated_at=now,
        due_at=now,
        priority=priority,
        state=state,
        object=about,
        space=space,
        created_by_id=created_by_id,
        source_ip=source_ip,
        request_id=request_id,
    )


class Jobs(Protocol):
    """Where jobs are kept. Every method raises Unavailable."""

    def create(self, job: Job, alongside: Alongside | None = None) -> bool:
        """Write a new job, together with what ``alongside`` adds; False when there is one of that id, or a
        condition of those writes does not hold: then nothing is written."""
        ...

    def create_all(self, jobs: Iterable[Job], alongside: Alongside) -> bool:
        """Write new jobs together, with what ``alongside`` adds, a hundred writes at most; False as for one."""
        ...

    def find(self, job_id: UUID) -> Job | None:
        """Read a job consistently, or None."""
        ...

    def save(self, job: Job, alongside: Alongside | None = None) -> Job | None:
        """Replace the job that was read, and give it as it is kept now, its revision one higher.

        None when somebody else has saved it since, or a condition of ``alongside`` does not hold: then nothing is
        written.
        """
        ...

    def list(self, kind: str | None, status: str | None, limit: int, after: str | None) -> JobPage:
        """List jobs newest first, of a kind and a status when given, from where a page ended.

        What was just written may take a moment to appear. Raises Invalid (``invalid_cursor``).
        """
        ...

    def due(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Name jobs that are due, those of a higher priority first, then those due longest.

        What was just written may take a moment to appear, and what is over a moment to vanish.
        """
        ...


class Wake(Protocol):
    """Tells whoever does jobs that one is to be looked at."""

    def __call__(self, job_id: UUID, *, delay_seconds: int = 0) -> None:
        """Send the message. Raises Unavailable; the job is found all the same within a minute or two of its
        time."""
        ...
