"""Reading what happened to a document, newest first: what its attr.json tells among what the audit log does.

Who may read the document reads its history; of one in the trash, who may take it out or administers its space; of
one that is gone, who administers the space that it was in, as far as the audit log knows of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore.attributes import Attributes
from artstore.audit import AuditEntry, AuditPage, AuditQuery
from artstore.cursors import Cursors
from artstore.fixity import Fixity
from artstore.index import IndexedDocument
from artstore.index.claims import Place
from artstore.security import Principal, Scope
from artstore.spaces import EVERYWHERE, Reach, not_found
from functions.query.history.events import from_attributes, from_check, from_entry, order
from functions.query.history.models import History, HistoryEvent, HistoryQuery

_LOOKED_THROUGH = 100
"""Entries of a document that is gone in which its space is looked for."""


class Index(Protocol):
    """What is asked of the index; see artstore.index.DocumentIndex."""

    def find(self, file_id: UUID, reach: Reach) -> IndexedDocument | None: ...
    def find_any(self, file_id: UUID, reach: Reach) -> IndexedDocument | None: ...


class Log(Protocol):
    """What is asked of the audit log; see artstore.aws.audit_table."""

    def search(self, query: AuditQuery) -> AuditPage: ...


class Checks(Protocol):
    """What is asked of fixity checks; see artstore.fixity."""

    def last(self, place: Place, file_id: UUID, checksum: str) -> Fixity | None: ...


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The document whose history it is, as far as it is known: whole, or what the audit log kept of it."""

    file_id: UUID
    attributes: Attributes | None
    fixity: Fixity | None = None
    """The last check of the bytes."""
    original_filename: str | None = None
    checksum: str | None = None
    file_size: int | None = None
    content_type: str | None = None


class _Cursor(msgspec.Struct, frozen=True):
    """Where a page ended: at which event, and where the audit log is read on."""

    at: datetime
    event_id: str
    before: str | None


class Histories:
    """The histories of one deployment's documents."""

    def __init__(self, *, index: Index, checks: Checks, log: Log, cursors: Cursors) -> None:
        """Take the ports."""
        self._index = index
        self._checks = checks
        self._log = log
        self._cursors = cursors

    def read(self, file_id: UUID, asked: HistoryQuery, caller: Principal) -> tuple[History, Subject]:
        """Give one page, and the document it is about.

        Raises NotFound (``document_not_found``), Invalid (``invalid_cursor``) and Unavailable.
        """
        subject = self._subject(file_id, caller)
        search = ["history", str(file_id)]
        after = self._cursors.open(asked.cursor, search, _Cursor) if asked.cursor else None
        entries = self._entries(file_id, asked.limit + 1, after.before if after else None)
        told = from_attributes(subject.attributes) if subject.attributes is not None else []
        told += from_check(subject.fixity)
        logged = {event.event_id: entry for entry in entries for event in [from_entry(entry)]}
        events = sorted([*told, *map(from_entry, entries)], key=order, reverse=True)
        if after is not None:
            events = [each for each in events if order(each) < (after.at, after.event_id)]
        page = events[: asked.limit]
        cursor = None
        if len(events) > asked.limit:
            cursor = self._cursors.seal(_end(page, logged, after), search)
        return History(file_id=file_id, items=page, next_cursor=cursor), subject

    def _subject(self, file_id: UUID, caller: Principal) -> Subject:
        found = self._index.find(file_id, caller.reach(Scope.FILES_READ))
        for scope in (Scope.FILES_DELETE, Scope.ELEMENTS_ADMIN):
            found = found or self._index.find_any(file_id, caller.reach(scope))
        if found is not None:
            place, checksum = Place(found.bucket, found.key), found.attributes.checksum
            fixity = None if checksum is None else self._checks.last(place, file_id, checksum)
            return Subject(file_id=file_id, attributes=found.attributes, fixity=fixity)
        if self._index.find_any(file_id, EVERYWHERE) is not None:
            raise not_found("document")
        return self._gone(file_id, caller)

    def _gone(self, file_id: UUID, caller: Principal) -> Subject:
        """Give what the audit log knows of a document that is not there."""
        mine = caller.administers()
        if mine.names == frozenset():
            raise not_found("document")
        told: dict[str, Any] = {}
        entries = self._entries(file_id, _LOOKED_THROUGH, None)
        for entry in entries:
            told = {**(entry.before or {}), **told}
        space = told.get("space")
        seen = mine == EVERYWHERE if space is None else mine.includes(str(space))
        if not entries or not seen:
            raise not_found("document")
        kept = {name: told.get(name) for name in ("original_filename", "checksum", "file_size", "content_type")}
        return Subject(file_id=file_id, attributes=None, **kept)

    def _entries(self, file_id: UUID, wanted: int, before: str | None) -> Sequence[AuditEntry]:
        """Read the next entries about a document, ``wanted`` unless there are fewer."""
        found: list[AuditEntry] = []
        while True:
            asked = AuditQuery(object=f"file/{file_id}", before=before, limit=wanted - len(found))
            page = self._log.search(asked)
            found += page.entries
            before = page.next
            if before is None or len(found) >= wanted:
                return found


def _end(page: list[HistoryEvent], logged: dict[str, AuditEntry], after: _Cursor | None) -> _Cursor:
    """Give where a page ended."""
    before = after.before if after is not None else None
    for event in reversed(page):
        entry = logged.get(event.event_id)
        if entry is not None:
            before = f"{entry.at}#{entry.seq:012d}"
            break
    return _Cursor(page[-1].at, page[-1].event_id, before)
