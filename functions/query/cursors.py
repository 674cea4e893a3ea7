"""Cursors of a search for documents."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from artstore.cursors import CursorSealer
from artstore.index import Position


class _Payload(msgspec.Struct):
    t: datetime
    i: UUID


class Cursors:
    """Seals positions and opens them again."""

    def __init__(self, secret: str) -> None:
        """Derive the key from a secret of the deployment."""
        self._sealer = CursorSealer(lambda: [secret.encode()])

    def seal(self, position: Position, query: str | None) -> str:
        """Give the cursor of ``position`` in the search ``query``."""
        return self._sealer.seal(_Payload(position.created_at, position.file_id), query)

    def open(self, cursor: str, query: str | None) -> Position:
        """Give the position in ``cursor``. Raises Invalid (``invalid_cursor``) unless it was sealed here for
        ``query``."""
        position = self._sealer.open(cursor, query, _Payload)
        return Position(created_at=position.t, file_id=position.i)
