"""The sweep ``retention``: documents whose schedules say that they are deleted, and that nobody has to decide
it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore.audit import SYSTEM, Actor
from artstore.changes.bulk import DocumentResult
from artstore.changes.disposition import Outcome
from artstore.index import Position, ScheduledPage
from artstore.jobs import Priority
from artstore.schedules import Due, Schedule, ScheduleAction, reckon
from artstore.spaces import EVERYWHERE, Reach
from functions.maintenance.retention.disposing import Case
from functions.maintenance.sweeping import Candidate, Did, Page, Verdict

_DID = {Outcome.DISPOSED: Did.DELETED, Outcome.HELD: Did.KEPT, Outcome.WAITS: Did.KEPT}


class Index(Protocol):
    """What is asked of the index; see artstore.index.DocumentIndex."""

    def scheduled(
        self,
        name: str,
        schedule: Schedule | None,
        until: datetime,
        limit: int,
        after: Position | None,
        reach: Reach,
    ) -> ScheduledPage: ...


class Schedules(Protocol):
    """Where schedules are kept."""

    def all(self) -> dict[str, Schedule]: ...


class Approving(Protocol):
    """See functions.maintenance.retention.disposing."""

    def approve(self, case: Case) -> DocumentResult: ...


class _Cursor(msgspec.Struct, frozen=True):
    """Where the next candidates are found: in which schedule, and there behind what."""

    schedule: str
    after: Position | None = None


class AutomaticDisposal:
    """See functions.maintenance.sweeping.Sweep."""

    priority = Priority.LOW

    def __init__(
        self,
        *,
        index: Index,
        schedules: Schedules,
        disposal: Approving,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports."""
        self._index = index
        self._schedules = schedules
        self._disposal = disposal
        self._clock = clock

    def find(self, cursor: dict[str, Any] | None, limit: int) -> Page:
        """See Sweep: schedule by schedule, in each those created first first."""
        here = msgspec.convert(cursor, _Cursor) if cursor is not None else None
        known = self._schedules.all()
        automatic = sorted(
            name for name, each in known.items() if each.automatic and each.action is ScheduleAction.DELETE
        )
        automatic = [name for name in automatic if here is None or name >= here.schedule]
        if not automatic:
            return Page([], None)
        name, now = automatic[0], self._clock()
        after = here.after if here is not None and here.schedule == name else None
        page = self._index.scheduled(name, known[name], now, limit, after, EVERYWHERE)
        candidates = [
            Candidate(f"file/{each.attributes.file_id}", {"file_id": str(each.attributes.file_id)})
            for each in page.items
            if isinstance(due := reckon(each.attributes, known[name]), Due) and due.at <= now
        ]
        following = _Cursor(name, page.next) if page.next is not None else None
        if following is None and len(automatic) > 1:
            following = _Cursor(automatic[1])
        return Page(candidates, None if following is None else msgspec.to_builtins(following))

    def settle(self, candidate: Candidate, *, dry_run: bool) -> Verdict:
        """See Sweep."""
        file_id = UUID(candidate.where["file_id"])
        actor = Actor(SYSTEM, "", "")
        case = Case(file_id, EVERYWHERE, actor, "its retention schedule", automatic=True, dry_run=dry_run)
        result = self._disposal.approve(case)
        if result.code == "document_not_found":
            return Verdict(Did.GONE)
        return Verdict(_DID.get(Outcome(result.outcome), Did.KEPT), result.code)
