"""A client's own uploads, newest first, by where they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import msgspec

from artstore.cursors import Cursors
from artstore.security import Principal, Scope
from artstore.tables import UploadRecord
from functions.upload.uploads.models import UploadList, UploadsQuery, UploadState
from functions.upload.uploads.views import show

MAX_EXAMINED = 1000
"""Uploads that one page may look at; a page that finds few among so many is short."""


class Position(msgspec.Struct, frozen=True):
    """Where a page ended."""

    created_at: str
    file_id: UUID


class OwnRecords(Protocol):
    """What is asked of the upload records; see functions.upload.uploads.records."""

    def of_owner(self, client_id: str, after: tuple[str, UUID] | None, page: int) -> Iterator[UploadRecord]:
        """Give the owner's uploads, newest first, or those that come after one; ``page`` are read at a time."""
        ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class OwnUploads:
    """The uploads of one deployment, for those who started them."""

    def __init__(self, records: OwnRecords, cursors: Cursors, clock: Callable[[], datetime] = _utc_now) -> None:
        """Read ``records``; ``cursors`` seals where a page ended."""
        self._records = records
        self._cursors = cursors
        self._clock = clock

    def page(self, asked: UploadsQuery, caller: Principal) -> UploadList:
        """Give one page. Raises Invalid (``invalid_cursor``) for a cursor of another list."""
        reach = caller.reach(Scope.FILES_WRITE)
        search = ["uploads", caller.client_id, asked.status, *reach.key]
        last = self._cursors.open(asked.cursor, search, Position) if asked.cursor else None
        after = None if last is None else (last.created_at, last.file_id)
        now = self._clock()
        items: list[UploadState] = []
        page = asked.limit + 1 if asked.status is None else MAX_EXAMINED // 4
        for examined, record in enumerate(self._records.of_owner(caller.client_id, after, page)):
            if len(items) == asked.limit or examined == MAX_EXAMINED:
                return UploadList(items, self._cursors.seal(last, search))
            last = Position(record.created_at, UUID(record.file_id))
            state = show(record, now)
            if reach.includes(record.space) and asked.status in (None, state.status):
                items.append(state)
        return UploadList(items, None)
