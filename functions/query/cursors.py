"""Cursors of a search for documents."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from artstore import cursors
from artstore.cursors import CursorKeys
from artstore.index import Position


class _Payload(msgspec.Struct):
    t: datetime
    i: UUID


class Cursors:
    """Seals positions and opens them again."""

    def __init__(self, keys: CursorKeys) -> None:
        """Seal under ``keys``."""
        self._cursors = cursors.Cursors(keys)

    def seal(self, position: Position, search: object) -> str:
        """Give the cursor of ``position`` in ``search``: the query, and how far its caller reaches."""
        return self._cursors.seal(_Payload(position.created_at, position.file_id), search)

    def open(self, cursor: str, search: object) -> Position:
        """Give the position in ``cursor``. Raises Invalid (``invalid_cursor``) unless it was sealed here for
        ``search``."""
        position = self._cursors.open(cursor, search, _Payload)
        return Position(created_at=position.t, file_id=position.i)
