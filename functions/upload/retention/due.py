"""Listing what is due: schedule by schedule, and in each the documents in the order of their creation.

One page asks the index about as many schedules as it takes to fill it, within bounds, so that a page costs the
same whether a thousand documents name schedules or a hundred million.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import msgspec

from artstore.cursors import Cursors
from artstore.elements import RetentionPolicy
from artstore.errors import Invalid
from artstore.index import IndexedDocument, Position, ScheduledPage
from artstore.schedules import Due, Schedule, reckon
from artstore.spaces import Reach
from functions.upload.retention.models import DueDocument, DueList, DueQuery, DueState

MOST_SCHEDULES = 1000
"""Names that are asked for: those of the deployment, and some that tools have made up."""
MOST_QUESTIONS = 8
"""Questions to the index for one page."""
_FIRST_YEAR, _LAST_YEAR = 1001, 9999


class Schedules(Protocol):
    """Where schedules are kept."""

    def all(self) -> dict[str, Schedule]:
        """Give all, by their names. Raises Unavailable."""
        ...


class Index(Protocol):
    """What is asked of the index; see artstore.index.DocumentIndex."""

    def schedules_named(self, limit: int) -> list[str]: ...
    def scheduled(
        self,
        name: str,
        schedule: Schedule | None,
        until: datetime,
        limit: int,
        after: Position | None,
        reach: Reach,
    ) -> ScheduledPage: ...


class _Cursor(msgspec.Struct, frozen=True):
    """Where a page ended: in which schedule, and there behind what; by the time that the list is of."""

    until: datetime
    schedule: str
    created_at: datetime | None
    file_id: UUID | None


class DueDocuments:
    """What is due in one deployment."""

    def __init__(
        self,
        *,
        schedules: Schedules,
        index: Callable[[], Index],
        cursors: Cursors,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports."""
        self._schedules = schedules
        self._index = index
        self._cursors = cursors
        self._clock = clock

    def list(self, asked: DueQuery, reach: Reach) -> DueList:
        """Give one page of what is due within ``reach``, or cannot be computed.

        Raises Invalid (``invalid_cursor``, ``invalid_parameter``) and Unavailable.
        """
        if asked.schedule is not None and not asked.schedule.isprintable():
            raise Invalid("a schedule has no such name", code="invalid_parameter", field="schedule")
        if asked.before is not None and not _FIRST_YEAR <= asked.before.year < _LAST_YEAR:
            raise Invalid("before is a time of this calendar", code="invalid_parameter", field="before")
        reach = reach.within(asked.space)
        filters = ["due", asked.before, asked.schedule, asked.state, *reach.key]
        begin = self._cursors.open(asked.cursor, filters, _Cursor) if asked.cursor else None
        until = begin.until if begin else asked.before or self._clock()
        known = self._schedules.all()
        names = [asked.schedule] if asked.schedule else sorted(self._index().schedules_named(MOST_SCHEDULES))
        items: list[DueDocument] = []
        questions = 0
        for name in names:
            if begin is not None and name < begin.schedule:
                continue
            after = None
            if begin is not None and name == begin.schedule and begin.created_at and begin.file_id:
                after = Position(created_at=begin.created_at, file_id=begin.file_id)
            while True:
                if questions == MOST_QUESTIONS or len(items) == asked.limit:
                    here = _Cursor(until, name, *((after.created_at, after.file_id) if after else (None, None)))
                    return DueList(items, self._cursors.seal(here, filters))
                page = self._index().scheduled(
                    name, known.get(name), until, asked.limit - len(items), after, reach
                )
                questions += 1
                told = [_show(each, known.get(name), until, self._clock()) for each in page.items]
                items += [each for each in told if each is not None and asked.state in (None, each.state)]
                after = page.next
                if after is None:
                    break
        return DueList(items, None)


def _show(
    document: IndexedDocument, schedule: Schedule | None, until: datetime, now: datetime
) -> DueDocument | None:
    attributes = document.attributes
    retention = attributes.retention
    if retention is None or retention.schedule is None or retention.kept_at is not None:
        return None
    found = reckon(attributes, schedule)
    due = found if isinstance(found, Due) else None
    if due is not None and due.at > until:
        return None
    waits = retention.policy == RetentionPolicy.PERMANENT and retention.expires_at is not None
    return DueDocument(
        file_id=attributes.file_id,
        original_filename=attributes.original_filename,
        space=attributes.space,
        schedule=retention.schedule,
        state=DueState.DUE if due is not None else DueState.NOT_COMPUTABLE,
        due_at=None if due is None else due.at,
        why=found.why,
        code=None if isinstance(found, Due) else found.code,
        action=None if schedule is None else schedule.action,
        automatic=schedule is not None and schedule.automatic,
        held=retention.legal_hold,
        hold_reason=retention.hold_reason,
        waits_until=retention.expires_at
        if waits and retention.expires_at and retention.expires_at > now
        else None,
        extended_until=retention.extended_until,
        file_size=attributes.file_size,
        checksum=attributes.checksum,
        created_at=attributes.created_at,
        storage_element_id=attributes.storage_element_id,
    )
