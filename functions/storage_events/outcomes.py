"""What can become of an event."""

from __future__ import annotations

import enum
from uuid import UUID

import msgspec


class Outcome(enum.StrEnum):
    """What became of an event; docs/monitoring.md explains each."""

    STORED = "stored"
    REJECTED = "rejected"
    ALREADY_STORED = "already_stored"
    PROJECTED = "projected"
    DESCRIBED_ANEW = "described_anew"
    DUPLICATE_ID = "duplicate_id"
    FOREIGN_VERSION = "foreign_version"
    MISSING = "missing"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    GONE = "gone"
    INVALID_ATTRIBUTES = "invalid_attributes"
    RESTORE_NOTED = "restore_noted"
    IGNORED = "ignored"


class Result(msgspec.Struct, frozen=True):
    """The outcome, the document it concerns, and a reason when there is more to say.

    ``unread`` is True for a stored document that a reader should have read and could not, so that only its
    name and attributes can be searched for. ``other`` is the place (``s3://bucket/key``) that is shown for a
    ``duplicate_id`` instead, ``scanned`` the status of a scan that was made now.
    """

    outcome: Outcome
    file_id: UUID | None = None
    reason: str | None = None
    unread: bool = False
    other: str | None = None
    scanned: str | None = None


class Step(msgspec.Struct, frozen=True):
    """What one look at a place came to: whether something was written, and whether that was all."""

    result: Result
    wrote: bool = False
    settled: bool = True
