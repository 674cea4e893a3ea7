"""Starting jobs that scan what is there: when somebody asks, and by the clock, once an hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid5

import msgspec
from msgspec import Meta

from artstore.elements import ElementId
from artstore.http import Request
from artstore.index.unscanned import Which
from artstore.jobs import Job, Priority, new_job
from artstore.security import Principal
from functions.maintenance.started import JobStarter

KIND = "scan"
EVERY = timedelta(hours=1)
_TURNS = UUID("5f0b1c52-8f58-5f2e-9b0a-6a3d3c1f7e21")
"""The namespace (RFC 9562 §5.5) of the ids of scans that the clock starts."""


class ScanRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to be scanned."""

    which: Annotated[Which, Meta(description="what a scanner has said of them; see docs/scanning.md")] = (
        Which.UNSCANNED
    )
    element_id: ElementId | None = None
    """One storage element; without it, all of them."""


class ScanStarter:
    """Starts the scans of one deployment."""

    def __init__(self, starter: JobStarter, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Take what starts jobs."""
        self._starter = starter
        self._clock = clock

    def start(self, asked: ScanRequest, caller: Principal, request: Request) -> Job:
        """Start one now; written to the audit log with it. Raises what starting raises."""
        about = None if asked.element_id is None else f"storage-element/{asked.element_id}"
        audited = {"which": str(asked.which)}
        return self._starter.start(
            KIND, asked, caller, request, about=about, priority=Priority.LOW, audited=audited
        )

    def start_due(self) -> bool:
        """Start the one of this hour, which scans what the scanner failed at, unless it was started, or that of
        the hour before is still at work."""
        now = self._clock()
        turn = int(now.timestamp() // EVERY.total_seconds())
        if self._starter.is_under_way(uuid5(_TURNS, str(turn - 1))):
            return False
        asked = msgspec.to_builtins(ScanRequest(which=Which.FAILED))
        return self._starter.start_turn(new_job(uuid5(_TURNS, str(turn)), KIND, asked, now, priority=Priority.LOW))
