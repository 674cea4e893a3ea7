"""Starting reconciliations: when somebody asks, and by the clock, once a day."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol
from uuid import UUID, uuid4, uuid5

import msgspec
from msgspec import Meta

from artstore.audit import SUCCESS, AuditEvent
from artstore.elements import ElementId
from artstore.errors import Unavailable
from artstore.http import Request
from artstore.jobs import Job, Jobs, Priority, Wake, new_job
from artstore.security import Principal

KIND = "reconcile"
EVERY = timedelta(days=1)
GRACE_SECONDS = 900
_TURNS = UUID("9d6c8a0e-3a2f-5c0e-b7b9-2f3b0f4f1c77")
"""The namespace (RFC 9562 §5.5) of the ids of reconciliations that the clock starts."""


class ReconcileRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to be compared, and whether it is to be repaired."""

    element_id: ElementId | None = None
    """One storage element; without it, all of them."""
    repair: bool = False
    """Have ingest look at every place that differs."""
    grace_seconds: Annotated[int, Meta(ge=0, le=604_800)] = GRACE_SECONDS
    """What changed in the last so many seconds may have its event on the way, and is no difference."""


class Outbox(Protocol):
    """Where events wait for the audit log; see artstore.aws.audit_outbox."""

    def leave(self, event: AuditEvent, transaction: Any = None) -> None: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ReconciliationStarter:
    """Starts the reconciliations of one deployment."""

    def __init__(
        self, *, jobs: Jobs, wake: Wake, outbox: Outbox, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        """Take the ports."""
        self._jobs = jobs
        self._wake = wake
        self._outbox = outbox
        self._clock = clock

    def start(self, asked: ReconcileRequest, caller: Principal, request: Request) -> Job:
        """Start one now; a repair is written to the audit log with it. Raises Unavailable."""
        about = None if asked.element_id is None else f"storage-element/{asked.element_id}"
        job = new_job(
            uuid4(),
            KIND,
            msgspec.to_builtins(asked),
            self._clock(),
            about=about,
            created_by_id=caller.client_id,
            source_ip=request.source_ip,
            request_id=request.request_id,
        )
        event = AuditEvent(
            action="reconcile.started",
            actor=caller.client_id,
            object=about or "archive",
            outcome=SUCCESS,
            source_ip=request.source_ip,
            request_id=request.request_id,
            after={"job_id": str(job.job_id), "repair": asked.repair},
        )
        if asked.repair:
            self._jobs.create(job, lambda transaction: self._outbox.leave(event, transaction))
        else:
            self._jobs.create(job)
        self._tell(job)
        return job

    def start_due(self, *, repair: bool) -> bool:
        """Start the one of this day, unless it was started; tell whether. Raises Unavailable."""
        now = self._clock()
        turn = int(now.timestamp() // EVERY.total_seconds())
        asked = ReconcileRequest(repair=repair)
        job = new_job(uuid5(_TURNS, str(turn)), KIND, msgspec.to_builtins(asked), now, priority=Priority.LOW)
        if self._jobs.find(job.job_id) is not None or not self._jobs.create(job):
            return False
        self._tell(job)
        return True

    def _tell(self, job: Job) -> None:
        with contextlib.suppress(Unavailable):  # it is due, and found by the clock
            self._wake(job.job_id)
