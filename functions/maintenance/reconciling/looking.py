"""Looks at one place: its attr.json, its bytes, what the index holds, what its upload was; and says what differs.

The rules are those of ingest (docs/architecture.md, "What the archive shows"), which alone writes: here is only
told what an event of the place would come to.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.elements import Right, StorageElement
from artstore.errors import Conflict, Invalid, NotFound, TooLarge
from artstore.index import KnownPlace
from artstore.index.claims import Place
from artstore.naming import attributes_key, file_id_of
from artstore.objects import Content, StoredObject
from functions.maintenance.reconciling.findings import Explained, Found, Kind
from functions.maintenance.reconciling.ports import Finalizations, Index, Objects, Records, Version

_REFUSED = ("REJECTED", "ABORTED")


class Looking:
    """Looks at places one by one; may be shared by threads."""

    def __init__(self, *, objects: Objects, index: Index, records: Records, finalizations: Finalizations) -> None:
        """Take the ports."""
        self._objects = objects
        self._index = index
        self._records = records
        self._finalizations = finalizations

    def is_unseen(self, place: Place) -> bool:
        """Tell whether neither an object nor the index has anything of a place. Raises Unavailable."""
        return self._index.at(*place) is None and self._head(place) is None

    def at(
        self, place: Place, element: StorageElement, listed: Version | None, settled_before: datetime
    ) -> Found | None:
        """Say what differs, None when nothing does; ``listed`` is its attr.json as a listing showed it.

        What is no older than ``settled_before`` may have its event on the way. Raises Unavailable.
        """
        content = None
        try:
            content = self._objects.read(place.bucket, attributes_key(place.key), attr.MAX_BYTES + 1)
            found = self._described(place, element, attr.parse(content.body), content)
        except NotFound:
            return self._without_attributes(place, element, settled_before)
        except (Conflict, Invalid, TooLarge) as error:
            found = self._damaged(place, error.code, content.etag if content else "")
        if found is not None and found.kind in (Kind.NOT_INDEXED, Kind.STALE) and listed is not None:
            stored = self._head(place)
            changed = max(listed.modified, stored.last_modified if stored else listed.modified)
            if changed > settled_before:
                return Found(place=place, kind=Explained.RECENT)
        return found

    def _damaged(self, place: Place, code: str, etag: str) -> Found:
        known = self._index.at(*place)
        damage = None if known is None else known.damage
        if damage is None or (damage.code, damage.etag) != (code, etag):
            return Found(place=place, kind=Kind.STALE, reason="damaged")
        return Found(place=place, kind=Kind.DAMAGED, reason=code, can_be_mended=False)

    def _described(
        self, place: Place, element: StorageElement, described: Attributes, content: Content
    ) -> Found | None:
        known, file_id = self._index.at(*place), str(described.file_id)
        if known is not None and known.damage is not None and known.damage.etag == content.etag:
            return Found(place=place, kind=Kind.DAMAGED, reason=known.damage.code, can_be_mended=False)
        if known is None or known.file_id is None:
            return Found(place=place, kind=Kind.NOT_INDEXED, file_id=file_id)
        if (known.file_id, known.attributes_etag) != (described.file_id, content.etag):
            return Found(place=place, kind=Kind.STALE, file_id=file_id, reason="attributes")
        if described.deleted_at is not None:
            return None
        stored = self._find_bytes(place, element, described)
        if stored is None and known.missing:
            return Found(place=place, kind=Kind.OBJECT_MISSING, file_id=file_id, can_be_mended=False)
        reason = _difference(known, stored)
        return None if reason is None else Found(place=place, kind=Kind.STALE, file_id=file_id, reason=reason)

    def _find_bytes(self, place: Place, element: StorageElement, described: Attributes) -> StoredObject | None:
        """Find the bytes that the attr.json describes; what lies over them elsewhere is somebody else's."""
        if element.may(Right.OVERWRITE):
            return self._head(place)
        named = described.storage_version_id
        version = self._head(place, named) if named else None
        if version is not None:
            return version
        stored = self._head(place)
        if stored is None or stored.size != described.file_size:
            return None
        if described.checksum is None:
            return stored
        return stored if stored.sha256 in (None, described.checksum) else None

    def _without_attributes(self, place: Place, element: StorageElement, settled_before: datetime) -> Found | None:
        known = self._index.at(*place)
        if known is not None and known.file_id is not None:
            return Found(place=place, kind=Kind.GHOST, file_id=str(known.file_id))
        if known is not None and known.damage is not None:
            return Found(place=place, kind=Kind.STALE, reason="damaged")
        stored = self._head(place)
        if stored is None:
            return None
        why = self._explain(place, element, known, stored, settled_before)
        return Found(place=place, kind=Kind.UNDESCRIBED if why is None else why)

    def _explain(
        self,
        place: Place,
        element: StorageElement,
        known: KnownPlace | None,
        stored: StoredObject,
        settled_before: datetime,
    ) -> Explained | None:
        """Say why an object has no attr.json; None when it should have one."""
        file_id = file_id_of(place.key)
        record = None if file_id is None else self._records.find(file_id)
        if record is not None and (record.bucket, record.key) != place:
            record = None
        if record is not None and record.status in _REFUSED:
            return Explained.REFUSED
        if file_id is not None and record is None and self._is_on_its_way(file_id, place, stored):
            return Explained.FINALIZING
        if _is_left_behind(known, stored, record.stored_at if record is not None else None):
            return Explained.LEFT_BEHIND
        if not element.may(Right.INGEST):
            return Explained.CLOSED
        return Explained.RECENT if stored.last_modified > settled_before else None

    def _is_on_its_way(self, file_id: UUID, place: Place, stored: StoredObject) -> bool:
        known = self._finalizations.find(file_id)
        return known is not None and known.brought(place, stored.etag, stored.last_modified)

    def _head(self, place: Place, version_id: str | None = None) -> StoredObject | None:
        try:
            return self._objects.head(*place, version_id)
        except (NotFound, Invalid):
            return None


def _difference(known: KnownPlace, stored: StoredObject | None) -> str | None:
    if stored is None:
        return "object_gone"
    if known.missing or known.object is None:
        return "object_returned"
    if not known.object.was_read:
        return "unread"
    version_id = None if stored.version_id == "null" else stored.version_id
    same = (stored.etag, version_id) == (known.object.etag, known.object.version_id)
    return None if same else "object"


def _is_left_behind(known: KnownPlace | None, stored: StoredObject, stored_at: str | None) -> bool:
    """Tell whether the object was there when the attr.json beside it was removed; see ingest's rule."""
    if known is None:
        return stored_at is not None and stored.last_modified <= datetime.fromisoformat(stored_at)
    if known.removed_at is not None:
        return stored.last_modified <= known.removed_at
    held = known.object
    return held is not None and (stored.etag, stored.last_modified) == (held.etag, held.modified)
