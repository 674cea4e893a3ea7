"""What a sweep is: how it finds what is due, and what it says became of each.

A sweep finds candidates page by page and settles them one by one. Everything it learned when it found one may be
old when it settles it, so settling looks at storage and records anew. Settling may happen twice.
"""

from __future__ import annotations

import enum
from typing import Any, Protocol

import msgspec

from artstore.jobs import Priority


class Candidate(msgspec.Struct, frozen=True):
    """Something that may be due. ``name`` is how a report calls it; ``where`` is what the sweep finds it by."""

    name: str
    where: dict[str, Any]


class Page(msgspec.Struct, frozen=True):
    """Some candidates, and where the next ones are found; None when these were the last."""

    candidates: list[Candidate]
    next: dict[str, Any] | None


class Did(enum.StrEnum):
    """What became of a candidate."""

    DELETED = "deleted"
    INGESTED = "ingested"
    EXPIRED = "expired"
    SETTLED = "settled"
    """Nothing but its note was left to be corrected."""
    KEPT = "kept"
    """It must stay; the reason says why."""
    REPORTED = "reported"
    """Somebody should look at it; the reason says at what."""
    GONE = "gone"
    """There was nothing left to do."""
    LATER = "later"
    """It could not be settled now, and is found again."""
    FAILED = "failed"
    """It could not be settled three times."""


class Verdict(msgspec.Struct, frozen=True):
    """What became of a candidate, and why; of a dry run, what would have."""

    did: Did
    reason: str | None = None


class Sweep(Protocol):
    """One kind of sweep."""

    priority: Priority

    def find(self, cursor: dict[str, Any] | None, limit: int) -> Page:
        """Find up to ``limit`` candidates from where a page ended. Raises Unavailable."""
        ...

    def settle(self, candidate: Candidate, *, dry_run: bool) -> Verdict:
        """Look at a candidate anew, and do what is due, or only tell it. Raises Unavailable and others, and is
        tried again then."""
        ...
