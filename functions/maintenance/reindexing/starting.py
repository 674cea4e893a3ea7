"""Starting a rebuild of the index, one at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

from artstore.audit import SUCCESS, AuditEvent
from artstore.errors import Conflict, Unavailable
from artstore.http import Request
from artstore.jobs import Job, Jobs, Priority, Wake, new_job
from artstore.security import Principal

KIND = "reindex"
_TRIES = 3


class Outbox(Protocol):
    """Where events wait for the audit log; see artstore.aws.audit_outbox."""

    def leave(self, event: AuditEvent, transaction: Any = None) -> None: ...


class Locks(Protocol):
    """Which job of a kind is the one that runs; see artstore.aws.job_locks."""

    def holder(self, kind: str) -> UUID | None: ...
    def take(self, kind: str, job_id: UUID, before: UUID | None, transaction: Any) -> None: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ReindexStarter:
    """Starts the rebuilds of one deployment."""

    def __init__(
        self, *, jobs: Jobs, wake: Wake, outbox: Outbox, locks: Locks, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        """Take the ports."""
        self._jobs = jobs
        self._wake = wake
        self._outbox = outbox
        self._locks = locks
        self._clock = clock

    def start(self, caller: Principal, request: Request) -> Job:
        """Start one, written to the audit log with it. Raises Conflict (``job_running``), Unavailable."""
        job = new_job(
            uuid4(),
            KIND,
            {},
            self._clock(),
            priority=Priority.HIGH,
            about="index",
            created_by_id=caller.client_id,
            source_ip=request.source_ip,
            request_id=request.request_id,
        )
        event = AuditEvent(
            action="reindex.started",
            actor=caller.client_id,
            object="index",
            outcome=SUCCESS,
            source_ip=request.source_ip,
            request_id=request.request_id,
            after={"job_id": str(job.job_id)},
        )
        for _ in range(_TRIES):
            before = self._locks.holder(KIND)
            running = None if before is None else self._jobs.find(before)
            if running is not None and not running.is_over:
                break

            def alongside(transaction: Any, before: UUID | None = before) -> None:
                self._locks.take(KIND, job.job_id, before, transaction)
                self._outbox.leave(event, transaction)

            if self._jobs.create(job, alongside):
                with contextlib.suppress(Unavailable):  # it is due, and found by the clock
                    self._wake(job.job_id)
                return job
        raise Conflict("the index is being rebuilt already", code="job_running")
