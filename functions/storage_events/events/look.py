"""ArtStore's own message: a place is to be looked at, whatever happened there.

{"look": {"bucket": ..., "key": ...}}, the document's key as it is. Who sends it saw that the index and the bucket
differ, or cannot tell.
"""

from __future__ import annotations

from typing import Any

import msgspec

from functions.storage_events.events.contract import EventKind, StorageEvent, UnknownMessage


class _Place(msgspec.Struct):
    bucket: str
    key: str


class _Message(msgspec.Struct):
    look: _Place


def is_look(message: dict[str, Any]) -> bool:
    """Tell whether the message asks for a look."""
    return "look" in message


def read_look(message: dict[str, Any]) -> StorageEvent:
    """Read it as the event of an object that may be new. Raises UnknownMessage."""
    try:
        place = msgspec.convert(message, _Message).look
    except msgspec.ValidationError as error:
        raise UnknownMessage(f"no place to look at: {error}") from error
    return StorageEvent(kind=EventKind.CREATED, name="Look", bucket=place.bucket, key=place.key, at=None)
