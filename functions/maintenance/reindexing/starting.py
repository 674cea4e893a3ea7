"""Starting a rebuild of the index, one at a time."""

from __future__ import annotations

import msgspec

from artstore.http import Request
from artstore.jobs import Job, Priority
from artstore.security import Principal
from functions.maintenance.started import JobStarter, Locks

KIND = "reindex"


class ReindexRequest(msgspec.Struct, kw_only=True):
    """What a rebuild is told: nothing, it is of all that the archive has."""


class ReindexStarter:
    """Starts the rebuilds of one deployment."""

    def __init__(self, starter: JobStarter, locks: Locks) -> None:
        """Take what starts jobs, and the locks of those that run alone."""
        self._starter = starter
        self._locks = locks

    def start(self, caller: Principal, request: Request) -> Job:
        """Start one, written to the audit log with it. Raises Conflict (``job_running``), and what starting
        raises."""
        return self._starter.start(
            KIND,
            ReindexRequest(),
            caller,
            request,
            about="index",
            priority=Priority.HIGH,
            audited={},
            locks=self._locks,
        )
