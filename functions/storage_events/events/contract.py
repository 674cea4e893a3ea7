"""What is read out of every message, whoever sent it."""

from __future__ import annotations

import enum
from datetime import UTC, datetime

import msgspec


class UnknownMessage(ValueError):
    """The message is none that is understood; trying it again changes nothing."""


class EventKind(enum.StrEnum):
    """What happened, as far as ArtStore cares."""

    CREATED = "created"
    REMOVED = "removed"
    RESTORED = "restored"
    """Archived bytes are on their way back, have come, or have gone again."""
    OTHER = "other"


class StorageEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened to an object. ``key`` is decoded.

    ``at`` is UTC, None when the message does not tell. A clock that tells whole seconds leaves a second open: then
    it is the latest moment of a creation and the earliest of a removal, so that nothing that is new is taken for
    what a removal left.
    """

    kind: EventKind
    name: str
    bucket: str
    key: str
    at: datetime | None


_KINDS = {
    "ObjectCreated": EventKind.CREATED,
    "ObjectRemoved": EventKind.REMOVED,
    "LifecycleExpiration": EventKind.REMOVED,
    "LifecycleDelMarkerExpiration": EventKind.REMOVED,
    "ObjectRestore": EventKind.RESTORED,
}


def kind_of(name: str) -> EventKind:
    """Tell what an event of S3's is, by its name without ``s3:``; a name that is new is OTHER."""
    family, colon, _ = name.partition(":")
    return _KINDS.get(family, EventKind.OTHER) if colon else EventKind.OTHER


def read_time(text: str, kind: EventKind) -> datetime | None:
    """Read a time of ISO 8601, UTC unless it says otherwise, as StorageEvent keeps it; None when it is none."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        is_whole_second = "." not in text and kind is not EventKind.REMOVED
        return moment.replace(microsecond=999_999) if is_whole_second else moment
    except (ValueError, OverflowError):
        return None
