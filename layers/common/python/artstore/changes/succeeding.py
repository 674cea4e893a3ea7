"""Taking the place of a document: one of several rivals does, the first whose bytes are stored.

Which document is current says attr.json alone (``artstore.index.claims``). This is how two attr.json files that
name the same predecessor are avoided: before one is written, its document takes the place in a table. An entry
there may outlive its document, which any tool may delete or edit; then the place is free, and is taken from it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from artstore.attributes import Attributes
from artstore.index import IndexedDocument
from artstore.spaces import EVERYWHERE, Reach

SETTLING = timedelta(minutes=15)
"""How long a document may be on its way from its place in the table into the index."""
PREDECESSOR_TAKEN = "predecessor_taken"
"""What the client is told whose document was stored and could not take the place it was to have."""


class Holder(Protocol):
    """Who has the place."""

    @property
    def successor(self) -> str: ...
    @property
    def settled_at(self) -> float | None: ...


class Successions(Protocol):
    """See artstore.aws.successions."""

    def find(self, predecessor: UUID) -> Holder | None: ...
    def settle(self, predecessor: UUID, successor: UUID) -> bool: ...
    def take_over(self, predecessor: UUID, successor: UUID, gone: UUID) -> bool: ...
    def release(self, predecessor: UUID, successor: UUID) -> None: ...


class Index(Protocol):
    """See artstore.index.DocumentIndex."""

    def find_any(self, file_id: UUID, reach: Reach) -> IndexedDocument | None: ...


Present = Callable[[IndexedDocument], Attributes | None]
"""Reads the attr.json of a document that the index knows; None where there is none. Raises Unavailable."""


def take_place(
    successions: Successions, index: Index, present: Present, predecessor: UUID, successor: UUID, now: datetime
) -> bool:
    """Take the place of ``predecessor`` for a document whose bytes are there; False when another one has it.

    May be done again. Raises Unavailable.
    """
    if successions.settle(predecessor, successor):
        return True
    holder = successions.find(predecessor)
    if holder is None:
        return successions.settle(predecessor, successor)
    return is_gone(index, present, holder, predecessor, now) and successions.take_over(
        predecessor, successor, UUID(holder.successor)
    )


def is_gone(index: Index, present: Present, holder: Holder, predecessor: UUID, now: datetime) -> bool:
    """Tell whether the document that had taken the place has left it: it is deleted, is withheld, or says so
    no longer.

    The index may be behind, so what it says of a document that left is looked up. One that took the place after
    it was deleted is on its way out of the trash.
    """
    if holder.settled_at is None:
        return False
    settled_at = datetime.fromtimestamp(holder.settled_at, now.tzinfo)
    has_settled = settled_at + SETTLING <= now
    found = index.find_any(UUID(holder.successor), EVERYWHERE)
    if found is None:
        return has_settled
    if _holds(found.attributes, predecessor):
        return False
    attributes = present(found)
    if attributes is None or _holds(attributes, predecessor):
        return attributes is None and has_settled
    if attributes.deleted_at is not None:
        return has_settled or attributes.deleted_at >= settled_at
    return has_settled or attributes.is_withheld


def _holds(attributes: Attributes, predecessor: UUID) -> bool:
    return attributes.supersedes == predecessor and attributes.deleted_at is None and not attributes.is_withheld
