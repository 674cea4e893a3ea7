"""Starting sweeps: when somebody asks, and by the clock.

What the clock starts has an id that is made of the sweep and its turn, so that a run that comes twice, or late,
starts nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID, uuid5

import msgspec
from msgspec import Meta

from artstore.http import Request
from artstore.jobs import Job, Priority, new_job
from artstore.security import Principal
from functions.maintenance.started import JobStarter

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
    "retention": Schedule(timedelta(days=1), Priority.LOW),
}

SweepName = Literal["uploads", "temporary", "trash", "finalized", "orphans", "retention"]


class SweepRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which sweep, and whether it is only to tell what it would do."""

    sweep: Annotated[SweepName, Meta(description="what is looked for: see docs/maintenance.md")]
    dry_run: bool = False
    """Only tell what would become of each candidate."""


class SweepStarter:
    """Starts the sweeps of one deployment."""

    def __init__(self, starter: JobStarter, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Take what starts jobs."""
        self._starter = starter
        self._clock = clock

    def start(self, asked: SweepRequest, caller: Principal, request: Request) -> Job:
        """Start a sweep now; written to the audit log with it. Raises what starting raises."""
        return self._starter.start(
            KIND,
            asked,
            caller,
            request,
            about=f"sweep/{asked.sweep}",
            priority=SCHEDULES[asked.sweep].priority,
            audited={"dry_run": asked.dry_run},
        )

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
            if self._starter.start_turn(job):
                started.append(name)
        return started
