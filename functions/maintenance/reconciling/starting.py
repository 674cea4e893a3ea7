"""Starting reconciliations: when somebody asks, and by the clock, once a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid5

import msgspec
from msgspec import Meta

from artstore.elements import ElementId
from artstore.http import Request
from artstore.jobs import Job, Priority, new_job
from artstore.security import Principal
from functions.maintenance.started import JobStarter

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


class ReconciliationStarter:
    """Starts the reconciliations of one deployment."""

    def __init__(self, starter: JobStarter, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Take what starts jobs."""
        self._starter = starter
        self._clock = clock

    def start(self, asked: ReconcileRequest, caller: Principal, request: Request) -> Job:
        """Start one now; a repair is written to the audit log with it. Raises what starting raises."""
        about = None if asked.element_id is None else f"storage-element/{asked.element_id}"
        audited = {"repair": True} if asked.repair else None
        return self._starter.start(KIND, asked, caller, request, about=about, audited=audited)

    def start_due(self, *, repair: bool) -> bool:
        """Start the one of this day, unless it was started; tell whether. Raises Unavailable."""
        now = self._clock()
        turn = int(now.timestamp() // EVERY.total_seconds())
        asked = ReconcileRequest(repair=repair)
        job = new_job(uuid5(_TURNS, str(turn)), KIND, msgspec.to_builtins(asked), now, priority=Priority.LOW)
        return self._starter.start_turn(job)
