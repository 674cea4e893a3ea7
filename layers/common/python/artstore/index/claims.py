"""Which of the places that claim one file_id is shown.

An attr.json claims its file_id for the place it lies at. A copy of a document, made with any tool, claims the same
one, and so does a document on its way from one place to another. One claim is shown, the others wait. The rule
looks at the claims alone, never at what was shown before or came first, so events in any order and a rebuild end
with the same document.

Of the documents that are shown, those are current that no other one takes the place of. That rule, too, looks at
what is shown and at nothing else: two documents that name the same predecessor both take its place, and both are
current.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import msgspec

if TYPE_CHECKING:
    from artstore.attributes import Attributes
    from artstore.elements import StorageElement


class Place(NamedTuple):
    """Where a document lies: its bucket and its own key, not its attr.json's."""

    bucket: str
    key: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What decides between claims, and whether the one that wins is visible.

    ``missing``: the document's bytes are gone. ``at_home``: the place is the one that the attr.json itself names.
    ``sealed``: the attr.json names a finalization, so the document is on its way elsewhere, and there already if
    anything claims it there.
    ``deleted``: the attr.json says that its document is deleted; such a claim wins like any other, so that a copy
    does not bring back what was deleted.
    """

    place: Place
    revision: int
    missing: bool
    at_home: bool
    deleted: bool
    sealed: bool = False


def rank(claim: Claim) -> tuple[bool, bool, bool, int, Place]:
    """Give what sorts claims, the best first: bytes before none, home before elsewhere, what stays before what is
    on its way, the newest, the place."""
    return claim.missing, not claim.at_home, claim.sealed, -claim.revision, claim.place


def winner(*claims: Claim | None) -> Claim | None:
    """Give the claim that is shown, unless it is deleted; None without any claim."""
    return min((each for each in claims if each is not None), key=rank, default=None)


class Standing(NamedTuple):
    """What decides between versions: when a document came, its id, and the id of the one that it names."""

    created_at: datetime
    file_id: UUID
    supersedes: UUID | None


def takes_the_place(newer: Standing, older: Standing) -> bool:
    """Tell whether one document takes the place of another: it names it, and came later.

    Later by the time, and by the id where that is the same: so no circle of documents can hide all of its members,
    and nobody hides itself.
    """
    return newer.supersedes == older.file_id and (newer.created_at, newer.file_id) > (
        older.created_at,
        older.file_id,
    )


def is_at_home(described: Attributes, key: str, element: StorageElement) -> bool:
    """Tell whether the attr.json names the place it lies at: its element, folder and name."""
    if described.storage_element_id not in (None, element.element_id):
        return False
    folder = described.storage_path.strip("/")
    named = f"{folder}/{described.storage_filename}" if folder else described.storage_filename
    return key.removeprefix(element.prefix).lstrip("/") == named
