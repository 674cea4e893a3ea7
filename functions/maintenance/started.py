"""Starting jobs that somebody asks for: every POST …/maintenance/<kind> does it this way.

The answer is 202 with the job's id, kind and status. Under an Idempotency-Key the id is made of the account and
the key, so a repetition meets the job of the first request, whatever became of it since. What an act of an
administrator leaves in the audit log is one transaction with the job, and so is the lock of a kind of which one
runs at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

import msgspec

from artstore.audit import SUCCESS, AuditEvent
from artstore.errors import Conflict, Unavailable
from artstore.http import Reply, Request
from artstore.http.idempotency import derived_id, idempotency_key, key_reused
from artstore.jobs import Alongside, Job, Jobs, JobStatus, Priority, Wake, new_job
from artstore.security import Principal

_JOBS = UUID("c0a1f3d4-6b2e-5f57-8e0d-54b0c7a6e9d2")
"""The namespace (RFC 9562 §5.5) of the ids of jobs that are asked for under an Idempotency-Key."""
_TRIES = 3
"""How often a lock is tried that somebody else takes, or lets go, at the same moment."""


class JobStarted(msgspec.Struct, kw_only=True):
    """A job that was written down and will be done; its state is at …/maintenance/jobs/{job_id}."""

    job_id: UUID
    kind: str
    status: JobStatus


class Outbox(Protocol):
    """Where events wait for the audit log; see artstore.aws.audit_outbox."""

    def leave(self, event: AuditEvent, transaction: Any = None) -> None: ...


class Locks(Protocol):
    """Which job of a kind is the one that runs; see artstore.aws.job_locks."""

    def holder(self, kind: str) -> UUID | None: ...
    def take(self, kind: str, job_id: UUID, before: UUID | None, transaction: Any) -> None: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class JobStarter:
    """Starts jobs of one deployment."""

    def __init__(
        self, *, jobs: Jobs, wake: Wake, outbox: Outbox, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        """Take the ports."""
        self._jobs = jobs
        self._wake = wake
        self._outbox = outbox
        self._clock = clock

    def start(
        self,
        kind: str,
        asked: msgspec.Struct,
        caller: Principal,
        request: Request,
        *,
        about: str | None = None,
        space: str | None = None,
        priority: Priority = Priority.NORMAL,
        audited: dict[str, Any] | None = None,
        locks: Locks | None = None,
    ) -> Job:
        """Start a job of the kind with ``asked`` as its request, unless this very request has started one.

        ``audited``: it goes to the audit log as ``<kind>.started``, with these words besides. ``locks``: one job
        of the kind runs at a time. Raises Invalid (``invalid_header``), Conflict (``idempotency_key_reused``,
        ``job_running``), Unavailable.
        """
        key = idempotency_key(request)
        job = new_job(
            uuid4() if key is None else derived_id(_JOBS, caller.client_id, key),
            kind,
            msgspec.to_builtins(asked),
            self._clock(),
            priority=priority,
            about=about,
            space=space,
            created_by_id=caller.client_id,
            source_ip=request.source_ip,
            request_id=request.request_id,
        )
        alongside = None
        if audited is not None:
            event = AuditEvent(
                action=f"{kind}.started",
                actor=caller.client_id,
                object=about or "archive",
                outcome=SUCCESS,
                source_ip=request.source_ip,
                request_id=request.request_id,
                after={"job_id": str(job.job_id), **audited},
            )

            def alongside(transaction: Any) -> None:
                self._outbox.leave(event, transaction)

        if locks is not None:
            return self._start_alone(job, asked, alongside, locks)
        if not self._jobs.create(job, alongside):
            return self._meet(job, asked)
        self.tell(job)
        return job

    def _start_alone(self, job: Job, asked: msgspec.Struct, alongside: Alongside | None, locks: Locks) -> Job:
        """Start the job where none of its kind runs, or meet the one that this request has started."""
        for _ in range(_TRIES):
            before = locks.holder(job.kind)
            if self._jobs.find(job.job_id) is not None:
                return self._meet(job, asked)
            running = None if before is None else self._jobs.find(before)
            if running is not None and not running.is_over:
                break

            def with_lock(transaction: Any, before: UUID | None = before) -> None:
                locks.take(job.kind, job.job_id, before, transaction)
                if alongside is not None:
                    alongside(transaction)

            if self._jobs.create(job, with_lock):
                self.tell(job)
                return job
        raise Conflict(f"a job of the kind {job.kind} is running already", code="job_running")

    def start_turn(self, job: Job) -> bool:
        """Start what the clock starts, whose id is made of its turn; False where it was. Raises Unavailable."""
        if self._jobs.find(job.job_id) is not None or not self._jobs.create(job):
            return False
        self.tell(job)
        return True

    def is_under_way(self, job_id: UUID) -> bool:
        """Tell whether there is such a job, and it is not over. Raises Unavailable."""
        job = self._jobs.find(job_id)
        return job is not None and not job.is_over

    def tell(self, job: Job) -> None:
        """Wake whoever does it."""
        with contextlib.suppress(Unavailable):  # it is due, and found by the clock
            self._wake(job.job_id)

    def _meet(self, job: Job, asked: msgspec.Struct) -> Job:
        """Give the job that the first request under the key has started."""
        known = self._jobs.find(job.job_id)
        if known is None:
            raise Unavailable("the job could not be written down; try again")
        # An earlier version kept no members that have been added since: they have their defaults.
        if known.kind != job.kind or msgspec.convert(known.request, type(asked)) != asked:
            raise key_reused()
        return known


def reply(job: Job) -> Reply[JobStarted]:
    """Give the answer to whoever has started a job."""
    headers = {"Location": f"jobs/{job.job_id}", "Cache-Control": "no-store"}
    return Reply(JobStarted(job_id=job.job_id, kind=job.kind, status=job.status), headers)
