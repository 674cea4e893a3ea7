"""Whether an object without an attr.json is what a deleted document left behind, or something new.

A document is deleted by deleting its attr.json; its object may stay. An event that tells of that object again must
not describe it anew, and a new object under the same key must be a document. To lose a new object is worse than to
show a deleted one again, so what cannot be told apart is new.
"""

from __future__ import annotations

from datetime import datetime

from artstore.index import KnownPlace, ObjectVersion
from artstore.tables import UploadRecord
from functions.storage_events.events import StorageEvent

_PUTS = ("ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:Copy", "ObjectCreated:CompleteMultipartUpload")
"""Events of bytes that were written. MinIO calls a change of tags or of retention a creation, too."""


def is_left_behind(
    held: ObjectVersion, known: KnownPlace | None, record: UploadRecord | None, event: StorageEvent
) -> bool:
    """Tell whether the object ``held`` was there when the attr.json beside it was removed.

    ``known`` is what the index holds of the place, ``event`` the one that tells of the object. Storage tells when
    an object was written in whole seconds, events tell milliseconds; both are storage's own clock.
    """
    if known is None:
        return record is not None and _was_stored(held, record)
    if known.removed_at is None:
        return held.is_same(known.object)
    if held.modified > known.removed_at:
        return False
    if event.at is not None and event.name in _PUTS:
        return event.at <= known.removed_at
    return held.is_same(known.object)


def _was_stored(held: ObjectVersion, record: UploadRecord) -> bool:
    """Tell whether the object is the one whose upload was settled: then only a deletion can explain that it has
    no attr.json, which is written before the record."""
    return record.stored_at is not None and held.modified <= datetime.fromisoformat(record.stored_at)
