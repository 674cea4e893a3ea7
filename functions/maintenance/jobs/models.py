"""What jobs look like from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from artstore.jobs import Job, JobError, JobStatus, JobSummary, Priority

Kind = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[a-z_]+(?!\n)$", description="a kind of job")]


class JobQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which jobs, and how many at a time."""

    kind: Kind | None = None
    """Such as sweep, fixity, finalize, hash or bulk."""
    status: JobStatus | None = None
    """DEAD: those that broke three times, and can be tried again."""
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: Annotated[str, Meta(max_length=300)] | None = None
    """next_cursor of the page before, with the same filters."""


class JobList(msgspec.Struct):
    """One page of jobs, newest first. A page may be short, even empty, while next_cursor says there is more."""

    items: list[JobSummary]
    next_cursor: str | None


class JobShown(msgspec.Struct, kw_only=True):
    """A job, with what was asked, how far it has come, and what came of it."""

    job_id: UUID
    kind: str
    status: JobStatus
    """WAITING, RUNNING, COMPLETED, FAILED (what was asked cannot be done), DEAD (it broke three times) or
    CANCELLED (somebody wanted it no more)."""
    state: str | None
    """A word of the kind's own."""
    priority: Priority
    attempts: int
    """Failed tries since the last step that got further."""
    request: dict[str, Any]
    progress: dict[str, Any]
    result: dict[str, Any] | None
    """The report, once it is over."""
    error: JobError | None
    """Why it failed, or the last try did."""
    object: str | None
    space: str | None
    created_by_id: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    due_at: datetime | None
    """When somebody looks at it again; null once it is over."""
    cancelled_by_id: str | None
    """Who wants it no more. As long as it is not over, it is being stopped, and undone."""


def show(job: Job) -> JobShown:
    """Give the job as it is shown: without whose address it came from."""
    return JobShown(
        job_id=job.job_id,
        kind=job.kind,
        status=job.status,
        state=job.state,
        priority=job.priority,
        attempts=job.attempts,
        request=job.request,
        progress=job.progress,
        result=job.result,
        error=job.error,
        object=job.object,
        space=job.space,
        created_by_id=job.created_by_id,
        created_at=job.created_at,
        updated_at=job.updated_at,
        finished_at=job.finished_at,
        due_at=job.due_at,
        cancelled_by_id=job.cancelled_by_id,
    )
