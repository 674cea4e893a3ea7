"""Whether a space takes another document: it has to be there, to allow the type, and to have room.

What a space holds is what the index counts, foreign objects and the trash included, and what uploads on their way
have reserved in the registry. A reservation is written in one transaction with the upload's record, on condition
that the room is still there, that the limits are those that were read, and that no reservation has ended since: an
upload that is stored goes from the one count into the other, and must not be missed by both. It is counted by both
for a moment instead, so a space can seem full a moment too early, and never takes more than its limits.

A space without limits costs nothing: its entry is remembered for ten seconds. So limits that are set hold from ten
seconds later on at the latest; what was started until then is not refused, and counts once it is stored.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from artstore.aws.space_table import Room
from artstore.elements import Limits
from artstore.errors import Conflict
from artstore.index.usage import Dimension, UsageReport
from artstore.spaces import Reach, name_of, not_found
from artstore.tables import SpaceItem

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

REMEMBERED_SECONDS = 10
_MOST_REMEMBERED = 1000


class Spaces(Protocol):
    """What is asked of the registry; see ``artstore.aws.space_table``."""

    def find(self, name: str) -> SpaceItem | None: ...
    def reserve(self, item: SpaceItem, size: int, room: Room, transaction: TransactWrite) -> None: ...


class Index(Protocol):
    """What is asked of the index."""

    def usage(self, by: Dimension, reach: Reach, limit: int) -> UsageReport: ...


@dataclass(frozen=True)
class Reservation:
    """Room for one document in a space with limits, to be written with its upload's record."""

    spaces: Spaces
    item: SpaceItem
    size: int
    room: Room

    def join(self, transaction: TransactWrite) -> None:
        """Add the reservation to the transaction."""
        self.spaces.reserve(self.item, self.size, self.room, transaction)


class Admission:
    """Admits documents to the spaces of one deployment."""

    def __init__(
        self, spaces: Spaces, index: Callable[[], Index], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the registry, and the index for spaces with limits."""
        self._spaces = spaces
        self._index = index
        self._clock = clock
        self._known: dict[str, tuple[float, SpaceItem]] = {}

    def admit(self, space: str | None, size: int, content_type: str) -> Reservation | None:
        """Give the reservation that a document of ``size`` bytes needs, None where the space has no limits.

        Raises NotFound (``space_not_found``), Conflict (``space_type_not_allowed``, ``space_full``), Unavailable.
        """
        name = name_of(space)
        item = self._remembered(name)
        if item.max_documents is not None or item.max_bytes is not None:
            item = self._read(name)
        _check_type(item, content_type)
        if item.max_documents is None and item.max_bytes is None:
            return None
        used = self._index().usage(Dimension.SPACE, Reach(frozenset({name})), 1).total
        room = Room(
            documents=_left(item.max_documents, used.documents + used.trashed_documents),
            bytes=_left(item.max_bytes, used.bytes + used.trashed_bytes),
        )
        if room.documents is not None and int(item.reserved_documents) + 1 > room.documents:
            raise _full("max_documents")
        if room.bytes is not None and int(item.reserved_bytes) + size > room.bytes:
            raise _full("max_bytes")
        return Reservation(self._spaces, item, size, room)

    def default_schedule(self, space: str | None) -> str | None:
        """Give the retention schedule of what is uploaded into a space without naming one, as it was seconds ago.

        Raises NotFound (``space_not_found``) and Unavailable.
        """
        named: str | None = self._remembered(name_of(space)).retention_schedule
        return named

    def _remembered(self, name: str) -> SpaceItem:
        known = self._known.get(name)
        if known is not None and 0 <= self._clock() - known[0] < REMEMBERED_SECONDS:
            return known[1]
        return self._read(name)

    def _read(self, name: str) -> SpaceItem:
        """Read an entry and remember it; a space that is not there is not remembered, since it may be made."""
        item = self._spaces.find(name)
        if item is None:
            self._known.pop(name, None)
            raise not_found("space")
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[name] = (self._clock(), item)
        return item


def _check_type(item: SpaceItem, content_type: str) -> None:
    allowed = tuple(item.allowed_types or ())
    if not Limits(allowed_types=allowed).takes_type(content_type):
        raise Conflict(
            f"the space takes no {content_type}, only {', '.join(allowed)}",
            code="space_type_not_allowed",
            field="content_type",
        )


def _left(limit: float | None, used: int) -> int | None:
    return None if limit is None else int(limit) - used


def _full(limit: str) -> Conflict:
    return Conflict(f"the space has no room for this document: {limit} is reached", code="space_full")
