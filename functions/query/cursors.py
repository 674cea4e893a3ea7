"""Cursors of a search for documents, and the key that seals them.

The key is a secret of the deployment, made with it and for nothing else, so that it can be replaced at any time: a
process that meets a cursor it cannot open reads the key again, and the one before is honoured as well. A cursor
therefore holds until the key has been replaced twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import msgspec

from artstore.aws.secret_store import CURRENT, PREVIOUS
from artstore.cursors import CursorSealer
from artstore.errors import Invalid, Misconfigured
from artstore.index import Position

_READ_AGAIN_AFTER_SECONDS = 5
"""Made-up cursors make a process read the key at most so often, whatever a client sends."""


class _Payload(msgspec.Struct):
    t: datetime
    i: UUID


class CursorKeys:
    """The key of this deployment's cursors, and the one before."""

    def __init__(self, read: Callable[[str], str | None], clock: Callable[[], float] = time.monotonic) -> None:
        """Take what reads the secret at a stage (``secret_store.CURRENT``, ``PREVIOUS``); nothing is read yet."""
        self._read = read
        self._clock = clock
        self._keys: tuple[bytes, ...] = ()
        self._read_at = float("-inf")

    def get(self) -> tuple[bytes, ...]:
        """Give the keys, the present one first. Raises Unavailable, and Misconfigured when there is none."""
        if not self._keys:
            self.refresh()
        return self._keys

    def refresh(self) -> bool:
        """Read the keys again, unless that was seconds ago; tell whether they are others now."""
        now = self._clock()
        if now - self._read_at < _READ_AGAIN_AFTER_SECONDS:
            return False
        current, previous = self._read(CURRENT), self._read(PREVIOUS)
        if not current:
            raise Misconfigured("the secret in ARTSTORE_CURSOR_KEY_SECRET_ID has no value")
        before, self._keys = self._keys, tuple(each.encode() for each in (current, previous) if each)
        self._read_at = now
        return self._keys != before


class Cursors:
    """Seals positions and opens them again."""

    def __init__(self, keys: CursorKeys) -> None:
        """Seal under ``keys``."""
        self._keys = keys
        self._sealer = CursorSealer(keys.get)

    def seal(self, position: Position, search: object) -> str:
        """Give the cursor of ``position`` in ``search``: the query, and how far its caller reaches."""
        return self._sealer.seal(_Payload(position.created_at, position.file_id), search)

    def open(self, cursor: str, search: object) -> Position:
        """Give the position in ``cursor``. Raises Invalid (``invalid_cursor``) unless it was sealed here for
        ``search``."""
        try:
            position = self._sealer.open(cursor, search, _Payload)
        except Invalid:
            if not self._keys.refresh():
                raise
            position = self._sealer.open(cursor, search, _Payload)
        return Position(created_at=position.t, file_id=position.i)
