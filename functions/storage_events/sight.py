"""One look at a place in storage: its attr.json and its object, each asked for at most once."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.errors import ArtStoreError, Conflict, Invalid, NotFound, TooLarge
from artstore.index import ObjectVersion
from artstore.index.claims import Place
from artstore.index.kept_back import MAX_DETAIL, Damage
from artstore.naming import attributes_key, file_id_of
from artstore.objects import StoredObject
from functions.storage_events.reading import Bytes


class Objects(Bytes, Protocol):
    """The calls on storage that ingesting makes; see artstore.objects."""

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject: ...
    def create(self, bucket: str, key: str, body: bytes) -> str | None: ...
    def replace(self, bucket: str, key: str, body: bytes, if_match: str) -> str: ...


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What lies beside an object as its attr.json; ``damage`` says why it is none, and then it says nothing."""

    attributes: Attributes | None
    etag: str
    damage: Damage | None = None


class Look:
    """A place as it is found; what was seen once is not asked for again."""

    def __init__(self, objects: Objects, place: Place) -> None:
        """Take the place; nothing is asked before it is needed."""
        self._objects = objects
        self._place = place
        self._seen: dict[str | None, StoredObject | None] = {}

    def attributes(self) -> Beside | None:
        """Give the attr.json, or None. Raises Unavailable."""
        bucket, key = self._place
        try:
            content = self._objects.read(bucket, attributes_key(key), attr.MAX_BYTES + 1)
        except NotFound:
            return None
        except (Conflict, Invalid) as error:
            return Beside(attributes=None, etag="", damage=damage_of(error, "", None, file_id_of(key)))
        try:
            return Beside(attributes=attr.parse(content.body), etag=content.etag)
        except (Invalid, TooLarge) as error:
            file_id = _file_id_in(content.body) or file_id_of(key)
            damage = damage_of(error, content.etag, content.last_modified, file_id)
            return Beside(attributes=None, etag=content.etag, damage=damage)

    def object(self, version_id: str | None = None) -> StoredObject | None:
        """Give the object, or a version of it; None when it is not there or not to be seen. Raises
        Unavailable."""
        if version_id not in self._seen:
            try:
                self._seen[version_id] = self._objects.head(*self._place, version_id)
            except (NotFound, Invalid):
                self._seen[version_id] = None
        return self._seen[version_id]


def damage_of(error: ArtStoreError, etag: str, since: datetime | None, file_id: UUID | None) -> Damage:
    """Tell why an attr.json is none, in words that the index can hold."""
    detail = str(error).replace("\0", "")[:MAX_DETAIL]
    return Damage(code=error.code, detail=detail, etag=etag, since=since, file_id=file_id)


def _file_id_in(raw: bytes) -> UUID | None:
    """Read the id out of what is JSON at least."""
    try:
        return UUID(msgspec.json.decode(raw, type=_Named).file_id)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


class _Named(msgspec.Struct):
    file_id: str


def version_of(stored: StoredObject) -> str | None:
    """Give the object's version, None where the bucket keeps none (S3 then says nothing, or ``null``)."""
    return None if stored.version_id == "null" else stored.version_id


def identify(stored: StoredObject, sha256: str | None = None) -> ObjectVersion:
    """Give what tells these bytes from others that lay or will lie at their place."""
    return ObjectVersion(
        etag=stored.etag,
        modified=stored.last_modified,
        version_id=version_of(stored),
        sha256=sha256 or stored.sha256,
    )
