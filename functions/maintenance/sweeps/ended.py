"""Documents whose time is over: temporary ones past their end, and those that lay in the trash long enough."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from artstore.attributes import Attributes
from artstore.elements import RetentionPolicy
from artstore.index.claims import Place
from artstore.index.ended import EndedPage, EndedPosition
from artstore.jobs import Priority
from functions.maintenance.sweeping import Candidate, Page, Verdict
from functions.maintenance.sweeps.ports import Index
from functions.maintenance.sweeps.purging import Purge

TRASH_MARGIN = timedelta(hours=1)
"""What a document stays beyond the time in which it can be taken out again, so that nobody is taking it out."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TemporaryDocuments:
    """The sweep ``temporary``: what was to be kept for a while, and that is over; also what lies in the trash."""

    priority = Priority.NORMAL

    def __init__(self, *, index: Index, purge: Purge, clock: Callable[[], datetime] = _utc_now) -> None:
        """Take the ports."""
        self._index = index
        self._purge = purge
        self._clock = clock

    def find(self, cursor: dict[str, Any] | None, limit: int) -> Page:
        """See Sweep: those that ended longest ago first."""
        return _page(self._index.expired(self._clock(), limit, _position(cursor)))

    def settle(self, candidate: Candidate, *, dry_run: bool) -> Verdict:
        """See Sweep."""
        return self._purge.purge(*_where(candidate), self._due, why="expired", dry_run=dry_run)

    def _due(self, attributes: Attributes) -> str | None:
        retention = attributes.retention
        if retention is None or retention.policy != RetentionPolicy.TEMPORARY or retention.expires_at is None:
            return "not_temporary"
        return None if retention.expires_at <= self._clock() else "not_expired"


class Trash:
    """The sweep ``trash``: what was deleted so long ago that nobody can take it out again."""

    priority = Priority.NORMAL

    def __init__(
        self, *, index: Index, purge: Purge, kept: timedelta, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        """Take the ports; ``kept`` is how long a document can be taken out of the trash again."""
        self._index = index
        self._purge = purge
        self._kept = kept + TRASH_MARGIN
        self._clock = clock

    def find(self, cursor: dict[str, Any] | None, limit: int) -> Page:
        """See Sweep: those deleted longest ago first."""
        return _page(self._index.trashed(self._clock() - self._kept, limit, _position(cursor)))

    def settle(self, candidate: Candidate, *, dry_run: bool) -> Verdict:
        """See Sweep."""
        return self._purge.purge(*_where(candidate), self._due, why="trash", dry_run=dry_run)

    def _due(self, attributes: Attributes) -> str | None:
        if attributes.deleted_at is None:
            return "not_deleted"
        return None if attributes.deleted_at <= self._clock() - self._kept else "not_long_enough"


def _page(found: EndedPage) -> Page:
    candidates = [
        Candidate(f"file/{each.file_id}", {"file_id": str(each.file_id), "bucket": each.bucket, "key": each.key})
        for each in found.items
    ]
    return Page(candidates, msgspec.to_builtins(found.next) if found.next is not None else None)


def _position(cursor: dict[str, Any] | None) -> EndedPosition | None:
    return None if cursor is None else msgspec.convert(cursor, EndedPosition)


def _where(candidate: Candidate) -> tuple[UUID, Place]:
    where = candidate.where
    return UUID(where["file_id"]), Place(where["bucket"], where["key"])
