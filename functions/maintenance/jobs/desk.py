"""Showing jobs, cancelling them, and trying them again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from artstore.audit import AuditEvent
from artstore.errors import Conflict, Unavailable
from artstore.http import Request
from artstore.jobs import UNFINISHED, Job, Jobs, JobStatus, Wake, retried, unwanted
from artstore.security import Principal
from artstore.spaces import not_found
from functions.maintenance.jobs.models import JobList, JobQuery

GOES_ONE_WAY = frozenset({"element_mode"})
"""Kinds that cannot be cancelled: storage refuses already what the new mode forbids."""
_MOST_TRIES = 5


class Outbox(Protocol):
    """Where events wait for the audit log; see ``artstore.aws.audit_outbox``."""

    def leave(self, event: AuditEvent, transaction: Any = None) -> None: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class JobDesk:
    """The jobs of one deployment, for those who look after them."""

    def __init__(
        self, *, jobs: Jobs, wake: Wake, outbox: Outbox, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        """Take the ports."""
        self._jobs = jobs
        self._wake = wake
        self._outbox = outbox
        self._clock = clock

    def list(self, query: JobQuery, caller: Principal) -> JobList:
        """Give one page, short where jobs are of spaces that the caller does not administer.

        Raises Invalid (``invalid_cursor``), Unavailable.
        """
        page = self._jobs.list(query.kind, query.status, query.limit, query.cursor)
        mine = caller.administers()
        return JobList([each for each in page.items if mine.includes(each.space)], page.next)

    def find(self, job_id: UUID, caller: Principal) -> Job:
        """Give a job. Raises NotFound (``job_not_found``) also for one of a space that the caller does not
        administer, Unavailable."""
        job = self._jobs.find(job_id)
        if job is None or not caller.administers().includes(job.space):
            raise not_found("job")
        return job

    def retry(self, job_id: UUID, caller: Principal, request: Request) -> Job:
        """Let a dead or cancelled job be tried three times more, from where it had come; written to the audit log
        with it.

        Raises NotFound, Conflict (``job_not_dead``, ``job_changed``), Unavailable.
        """
        job = self.find(job_id, caller)
        if job.status not in UNFINISHED:
            raise Conflict(f"the job is {job.status}, neither DEAD nor CANCELLED", code="job_not_dead")
        event = AuditEvent(
            action="job.retried",
            actor=caller.client_id,
            object=f"job/{job.job_id}",
            outcome="success",
            source_ip=request.source_ip,
            request_id=request.request_id,
            before={"status": str(job.status), "error": job.error.code if job.error else None},
            after={"kind": job.kind, "status": str(JobStatus.WAITING)},
        )
        saved = self._jobs.save(
            retried(job, self._clock()), lambda transaction: self._outbox.leave(event, transaction)
        )
        if saved is None:
            raise Conflict("somebody else changed the job at the same time", code="job_changed")
        with contextlib.suppress(Unavailable):  # it is due, and found by the clock
            self._wake(job_id)
        return saved

    def cancel(self, job_id: UUID, caller: Principal, request: Request) -> Job:
        """Say that a job is wanted no more; written to the audit log with it. Said before, it changes nothing.

        Raises NotFound, Conflict (``job_over``, ``job_not_cancellable``, ``job_changed``), Unavailable.
        """
        for _ in range(_MOST_TRIES):  # whoever does it saves it after each step
            job = self.find(job_id, caller)
            if job.status is JobStatus.CANCELLED:
                return job
            if job.is_over:
                raise Conflict(f"the job is {job.status}: it is over", code="job_over")
            if job.kind in GOES_ONE_WAY:
                raise Conflict(f"a job of the kind {job.kind} goes on to its end", code="job_not_cancellable")
            if job.cancelled_by_id is not None:
                return job
            event = AuditEvent(
                action="job.cancelled",
                actor=caller.client_id,
                object=f"job/{job.job_id}",
                outcome="success",
                source_ip=request.source_ip,
                request_id=request.request_id,
                before={"status": str(job.status), "state": job.state},
                after={"kind": job.kind},
            )
            saved = self._jobs.save(unwanted(job, caller.client_id, self._clock()), _leaving(self._outbox, event))
            if saved is not None:
                with contextlib.suppress(Unavailable):  # it is due, and found by the clock
                    self._wake(job_id)
                return saved
        raise Conflict("somebody else changed the job at the same time", code="job_changed")


def _leaving(outbox: Outbox, event: AuditEvent) -> Callable[[Any], None]:
    return lambda transaction: outbox.leave(event, transaction)
