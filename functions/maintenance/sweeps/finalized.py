"""What finalized documents have left behind in their edit elements, past the safety margin: sources, and seals."""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

from artstore.index.claims import Place
from artstore.index.ended import Ended
from artstore.jobs import Priority
from functions.maintenance.sweeping import Candidate, Did, Page, Verdict

AT_ONCE = 500
"""Sources that one sweep settles; the next one goes on."""


class Sources(Protocol):
    """The sources of finalized documents; see functions.maintenance.finalizing."""

    def due(self, limit: int) -> list[UUID]: ...
    def look_at(self, file_id: UUID, *, dry_run: bool) -> Any: ...


class Seals(Protocol):
    """Seals that nobody breaks; see functions.maintenance.finalizing.seals."""

    def find(self, limit: int, after: UUID | None) -> list[Ended]: ...
    def look_at(self, file_id: UUID, place: Place, *, dry_run: bool) -> Any: ...


_DID = {
    "removed": Did.DELETED,
    "already_gone": Did.GONE,
    "undone": Did.SETTLED,
    "completed": Did.SETTLED,
    "unsealed": Did.SETTLED,
}
_QUIET = {"under_way": Did.KEPT, "overtaken": Did.GONE, "held": Did.KEPT, "not_allowed": Did.KEPT}


class FinalizedSources:
    """The sweep ``finalized``."""

    priority = Priority.LOW

    def __init__(self, sources: Sources, seals: Seals) -> None:
        """Take what judges and removes a source, and what judges and breaks a seal."""
        self._sources = sources
        self._seals = seals

    def find(self, cursor: dict[str, Any] | None, limit: int) -> Page:
        """See Sweep. Sources come on one page: what is looked at is put off or released, and would not be found
        where it was. Seals follow."""
        if cursor is None:
            due = self._sources.due(AT_ONCE)
            return Page([Candidate(f"file/{each}", {"file_id": str(each)}) for each in due], {"after": None})
        found = self._seals.find(limit, cursor["after"] and UUID(cursor["after"]))
        candidates = [
            Candidate(f"file/{each.file_id}", {"file_id": str(each.file_id), "seal": [each.bucket, each.key]})
            for each in found
        ]
        return Page(candidates, {"after": str(found[-1].file_id)} if len(found) == limit else None)

    def settle(self, candidate: Candidate, *, dry_run: bool) -> Verdict:
        """See Sweep."""
        where = candidate.where
        file_id, seal = UUID(where["file_id"]), where.get("seal")
        if seal is None:
            verdict = str(self._sources.look_at(file_id, dry_run=dry_run))
        else:
            verdict = str(self._seals.look_at(file_id, Place(*seal), dry_run=dry_run))
        return Verdict(_DID.get(verdict) or _QUIET.get(verdict, Did.REPORTED), verdict)
