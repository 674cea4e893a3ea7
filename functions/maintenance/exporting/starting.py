"""Starting an export: how far it reaches, and whose it is."""

from __future__ import annotations

from artstore.errors import Invalid
from artstore.http import Request
from artstore.jobs import Job
from artstore.security import Principal, Scope
from artstore.spaces import Reach, stored_as
from functions.maintenance.exporting.models import KIND, ExportJob, ExportRequest, check_export
from functions.maintenance.started import JobStarter


class ExportStarter:
    """Starts the exports of one deployment."""

    def __init__(self, starter: JobStarter) -> None:
        """Take what starts jobs."""
        self._starter = starter

    def start(self, asked: ExportRequest, caller: Principal, request: Request) -> Job:
        """Start one, with the caller's reach as it is now; written to the audit log with it.

        What leaves the archive is read: the caller needs files:read as well, and reaches the spaces where it has
        both scopes. Raises Invalid, Forbidden (``insufficient_scope``), and what starting raises.
        """
        asked = check_export(asked)
        caller.require(Scope.FILES_READ)
        reach = _both(caller.reach(Scope.FILES_READ), caller.administers()).within(asked.space)
        told = {
            "spaces": reach.key,
            "ids": len(asked.ids) if asked.ids is not None else None,
            "query": asked.search.query if asked.search is not None else None,
        }
        export = ExportJob(asked=asked, spaces=reach.key)
        return self._starter.start(KIND, export, caller, request, space=_space_of(reach), audited=told)


def _both(one: Reach, other: Reach) -> Reach:
    """Give the spaces that lie within both."""
    if one.names is None:
        return other
    return one if other.names is None else Reach(one.names & other.names)


def _space_of(reach: Reach) -> str | None:
    """Give the space whose administrators see the job. Raises Invalid where it would be several, not all."""
    if reach.names is None:
        return None
    if len(reach.names) > 1:
        raise Invalid("name the space: the token is for several", code="invalid_body", field="space")
    return stored_as(next(iter(reach.names))) if reach.names else None
