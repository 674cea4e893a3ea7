"""Which of the places that claim one file_id is shown.

An attr.json claims its file_id for the place it lies at. A copy of a document, made with any tool, claims the same
one, and so does a document on its way from one place to another. One claim is shown, the others wait. The rule
looks at the claims alone, never at what was shown before or came first, so events in any order and a rebuild end
with the same document.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec


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
