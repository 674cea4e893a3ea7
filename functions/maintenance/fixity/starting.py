"""Starting fixity jobs: when somebody asks, and by the clock, once a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid5

import msgspec
from msgspec import Meta

from artstore.elements import ElementId
from artstore.errors import Invalid
from artstore.http import Request
from artstore.jobs import Job, Priority, new_job
from artstore.security import Principal
from functions.maintenance.started import JobStarter

KIND = "fixity"
EVERY = timedelta(days=1)
_TURNS = UUID("5d3a1c7e-94b6-5f0a-a8a2-0e6b1f2d7c48")
"""The namespace (RFC 9562 §5.5) of the ids of the jobs that the clock starts."""


class FixityRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which documents are to be read, the longest unchecked first."""

    element_id: ElementId | None = None
    """Those of one storage element; without it, of all of them."""
    file_id: UUID | None = None
    """This one, whenever it was checked."""
    share: Annotated[float, Meta(ge=0.000001, le=1)] | None = None
    """What part of them, 1 for all; without it, a day's share (FixityDays)."""


class FixityStarter:
    """Starts the fixity jobs of one deployment."""

    def __init__(self, starter: JobStarter, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Take what starts jobs."""
        self._starter = starter
        self._clock = clock

    def start(self, asked: FixityRequest, caller: Principal, request: Request) -> Job:
        """Start one now. Raises Invalid (``invalid_body``) and what starting raises."""
        if asked.file_id is not None and (asked.element_id, asked.share) != (None, None):
            raise Invalid(
                "file_id is one document: of no element, and no share", code="invalid_body", field="file_id"
            )
        about = None
        if asked.file_id is not None:
            about = f"file/{asked.file_id}"
        elif asked.element_id is not None:
            about = f"storage-element/{asked.element_id}"
        return self._starter.start(KIND, asked, caller, request, about=about)

    def start_due(self) -> bool:
        """Start the one of this day, unless it was started, or that of the day before is still at work."""
        now = self._clock()
        turn = int(now.timestamp() // EVERY.total_seconds())
        if self._starter.is_under_way(uuid5(_TURNS, str(turn - 1))):
            return False
        job = new_job(
            uuid5(_TURNS, str(turn)), KIND, msgspec.to_builtins(FixityRequest()), now, priority=Priority.LOW
        )
        return self._starter.start_turn(job)
