"""Fixity: whether the bytes of a document still are what its attr.json says (PREMIS "fixity check").

What a check found is kept beside the index, in a table of its own: it comes from reading all the bytes there are,
so no rebuild of the index can make it anew. ``artstore.index.fixity_checks`` implements the port.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from artstore.index.claims import Place


class FixityOutcome(enum.StrEnum):
    """What a check found."""

    OK = "ok"
    MISMATCH = "mismatch"
    """The bytes are not those that the checksum was made of."""
    MISSING = "missing"
    """There are none."""
    UNREADABLE = "unreadable"
    """Storage did not give them, three times."""


class Fixity(msgspec.Struct, frozen=True):
    """The last check of a document: when (UTC), and what it found."""

    checked_at: datetime
    outcome: FixityOutcome


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared: the document's checksum (hex) with that of the bytes, ``sha256``, None without any."""

    file_id: UUID
    checksum: str
    sha256: str | None


class Enrolled(msgspec.Struct, frozen=True):
    """How many documents a stretch of the index has, and the place where the next begins; None: there is none."""

    documents: int
    next: Place | None


class Within(msgspec.Struct, frozen=True):
    """Part of a bucket."""

    bucket: str
    prefix: str = ""


class FixityChecks(Protocol):
    """The checks of one deployment. Every method raises Unavailable."""

    def enrol(self, after: Place | None, limit: int, within: Within | None) -> Enrolled:
        """Go through up to ``limit`` places of the index from ``after`` on, and have each document that is shown
        there, and is new here, be the next to be looked at; count those ``within`` a part, or all."""
        ...

    def oldest(self, before: datetime, limit: int, within: Within | None) -> Sequence[Place]:
        """Give up to ``limit`` places that nobody has looked at since ``before``, the longest ago first."""
        ...

    def note(self, place: Place, at: datetime, outcome: FixityOutcome, compared: Compared) -> None:
        """Keep what a check found."""
        ...

    def pass_over(self, place: Place, at: datetime) -> None:
        """Keep that a place was looked at without being checked; what the check before found stays."""
        ...

    def forget(self, place: Place) -> None:
        """Drop a place that is no document's any more."""
        ...

    def last(self, place: Place, file_id: UUID, checksum: str) -> Fixity | None:
        """Give what the last check of this document's bytes found; None where none was of these."""
        ...
