"""Starting migrations: only when somebody asks."""

from __future__ import annotations

from typing import Any

import msgspec

from artstore.elements import ElementId
from artstore.http import Request
from artstore.jobs import Job, Priority
from artstore.security import Principal
from functions.maintenance.started import JobStarter

KIND = "migrate"


class MigrationRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to be rewritten."""

    element_id: ElementId | None = None
    """One storage element; without it, all of them."""
    dry_run: bool = False
    """Tell what would be rewritten, and write nothing."""


class MigrationStarter:
    """Starts the migrations of one deployment."""

    def __init__(self, starter: JobStarter) -> None:
        """Take what starts jobs."""
        self._starter = starter

    def start(self, asked: MigrationRequest, caller: Principal, request: Request) -> Job:
        """Start one; unless it is to write nothing, the audit log has it with it. Raises what starting raises."""
        about = None if asked.element_id is None else f"storage-element/{asked.element_id}"
        audited: dict[str, Any] | None = None if asked.dry_run else {}
        return self._starter.start(
            KIND, asked, caller, request, about=about, priority=Priority.LOW, audited=audited
        )
