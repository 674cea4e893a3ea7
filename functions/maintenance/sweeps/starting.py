"""Starting sweeps: when somebody asks, and by the clock.

What the clock starts has an id that is made of the sweep and its turn, so that a run that comes twice, or late,
starts nothing twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID, uuid4, uuid5

import msgspec
from msgspec import Meta

from artstore.audit import SUCCESS, AuditEvent
from artstore.errors import Unavailable
from artstore.http import Request
from artstore.jobs import Job, Jobs, Priority, Wake, new_job
from artstore.security import Principal

KIND = "sweep"
_TURNS = UUID("1c9a6a52-6a0c-5d0f-8f2b-0b2c5f8f6c11")
"""The namespace (RFC 9562 §5.5) of the ids of sweeps that the clock starts."""


class Schedule(msgspec.Struct, frozen=True):
    """How often a sweep is started, and what it may wait behind."""

    every: timedelta
    priority: Priority


SCHEDULES: Mapping[str, Schedule] = {
    "uploads": Schedule(timedelta(minutes=15), Priority.HIGH),
    "temporary": Schedule(timedelta(hours=1), Priority.NORMAL),
    "trash": Schedule(timedelta(hours=1), Priority.NORMAL),
    "finalized": Schedule(timedelta(hours=1), Priority.LOW),
    "orphans": Schedule(timedelta(days=1), Priority.LOW),
}

SweepName = Literal["uploads", "temporary", "trash", "finalized", "orphans"]


class SweepRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which sweep, and whether it is only to tell what it would do."""

    sweep: Annotated[SweepName, Meta(description="what is looked for: see docs/maintenance.md")]
    dry_run: bool = False
    """Only tell what would become of each candidate."""


class Outbox(Protocol):
    """Where events wait for the audit log; see artstore.aws.audit_outbox."""

    def leave(self, event: AuditEvent, transaction: Any = None) -> None: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SweepStarter:
    """Starts the sweeps of one deployment."""

    def __init__(
        self, *, jobs: Jobs, wake: Wake, outbox: Outbox, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        """Take the ports."""
        self._jobs = jobs
        self._wake = wake
        self._outbox = outbox
        self._clock = clock

    def start(self, asked: SweepRequest, caller: Principal, request: Request) -> Job:
        """Start a sweep now; written to the audit log with it, unless it only tells. Raises Unavailable."""
        job = new_job(
            uuid4(),
            KIND,
            {"sweep": asked.sweep, "dry_run": asked.dry_run},
            self._clock(),
            priority=SCHEDULES[asked.sweep].priority,
            about=f"sweep/{asked.sweep}",
            created_by_id=caller.client_id,
            source_ip=request.source_ip,
            request_id=request.request_id,
        )
        event = AuditEvent(
            action="sweep.started",
            actor=caller.client_id,
            object=f"sweep/{asked.sweep}",
            outcome=SUCCESS,
            source_ip=request.source_ip,
            request_id=request.request_id,
            after={"job_id": str(job.job_id), "dry_run": asked.dry_run},
        )
        self._jobs.create(job, lambda transaction: self._outbox.leave(event, transaction))
        self._tell(job)
        return job

    def start_due(self) -> list[str]:
        """Start the sweeps whose turn has come, and name them. Raises Unavailable."""
        now = self._clock()
        started = []
        for name, schedule in SCHEDULES.items():
            turn = int(now.timestamp() // schedule.every.total_seconds())
            job = new_job(
                uuid5(_TURNS, f"{name} {turn}"),
                KIND,
                {"sweep": name, "dry_run": False},
                now,
                priority=schedule.priority,
                about=f"sweep/{name}",
            )
            if self._jobs.find(job.job_id) is None and self._jobs.create(job):
                started.append(name)
                self._tell(job)
        return started

    def _tell(self, job: Job) -> None:
        with contextlib.suppress(Unavailable):  # it is due, and found by the clock
            self._wake(job.job_id)
