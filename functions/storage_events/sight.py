"""One look at a place in storage: its attr.json and its object, each asked for at most once."""

from __future__ import annotations

from typing import Protocol

import msgspec

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.errors import Conflict, Invalid, NotFound, TooLarge
from artstore.index import ObjectVersion
from artstore.index.claims import Place
from artstore.naming import attributes_key
from artstore.objects import StoredObject
from functions.storage_events.reading import Bytes


class Objects(Bytes, Protocol):
    """The calls on storage that ingesting makes; see artstore.objects."""

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject: ...
    def create(self, bucket: str, key: str, body: bytes) -> str | None: ...
    def replace(self, bucket: str, key: str, body: bytes, if_match: str) -> str: ...


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What lies beside an object as its attr.json; ``fault`` says why it is none, and then it says nothing."""

    attributes: Attributes | None
    etag: str
    fault: str | None = None


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
            return Beside(attributes=None, etag="", fault=error.code)
        try:
            return Beside(attributes=attr.parse(content.body), etag=content.etag)
        except (Invalid, TooLarge) as error:
            return Beside(attributes=None, etag=content.etag, fault=error.code)

    def object(self, version_id: str | None = None) -> StoredObject | None:
        """Give the object, or a version of it; None when it is not there or not to be seen. Raises
        Unavailable."""
        if version_id not in self._seen:
            try:
                self._seen[version_id] = self._objects.head(*self._place, version_id)
            except (NotFound, Invalid):
                self._seen[version_id] = None
        return self._seen[version_id]


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
