"""What finalized documents have left behind in their edit elements, past the safety margin."""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

from artstore.jobs import Priority
from functions.maintenance.sweeping import Candidate, Did, Page, Verdict

AT_ONCE = 500
"""Sources that one sweep settles; the next one goes on."""


class Sources(Protocol):
    """The sources of finalized documents; see functions.maintenance.finalizing."""

    def due(self, limit: int) -> list[UUID]: ...
    def look_at(self, file_id: UUID, *, dry_run: bool) -> Any: ...


_DID = {"removed": Did.DELETED, "already_gone": Did.GONE, "undone": Did.SETTLED, "completed": Did.SETTLED}
_QUIET = {"under_way": Did.KEPT, "overtaken": Did.GONE, "held": Did.KEPT, "not_allowed": Did.KEPT}


class FinalizedSources:
    """The sweep ``finalized``."""

    priority = Priority.LOW

    def __init__(self, sources: Sources) -> None:
        """Take what judges and removes a source."""
        self._sources = sources

    def find(self, cursor: dict[str, Any] | None, limit: int) -> Page:  # noqa: ARG002  # see below
        """See Sweep. One page: what is looked at is put off or released, and would not be found where it was."""
        due = self._sources.due(AT_ONCE) if cursor is None else []
        return Page([Candidate(f"file/{each}", {"file_id": str(each)}) for each in due], None)

    def settle(self, candidate: Candidate, *, dry_run: bool) -> Verdict:
        """See Sweep."""
        verdict = str(self._sources.look_at(UUID(candidate.where["file_id"]), dry_run=dry_run))
        return Verdict(_DID.get(verdict) or _QUIET.get(verdict, Did.REPORTED), verdict)
