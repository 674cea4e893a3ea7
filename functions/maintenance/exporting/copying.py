"""One document into a bag: whether it may go, and its copy.

The attr.json that is copied is the one that was judged. Its checksum is what the manifest will say, so the bytes
have to be the ones that it was proven of: the described version where there are versions, else an object whose
SHA-256 storage knows or computes of the copy, or whose ETag is the one that was read when it was proven.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol
from uuid import UUID

import msgspec

from artstore import attributes as attr
from artstore import deadline
from artstore.attributes import MAX_BYTES, Attributes
from artstore.errors import ArtStoreError, Conflict, Invalid, NotFound, PreconditionFailed
from artstore.index import IndexedDocument
from artstore.index.claims import Place
from artstore.naming import attributes_key
from artstore.objects import JSON_TYPE, Content, StoredObject
from artstore.spaces import Reach
from functions.maintenance.exporting.bag import PAYLOAD
from functions.maintenance.exporting.models import EXPORTED, Exported, Large
from functions.maintenance.exporting.names import portable_name

MAX_PARTS = 10_000
AT_ONCE = 8
"""Copies that are made side by side; storage does the work."""


class Objects(Protocol):
    """Reading where documents lie; see ``artstore.objects``."""

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject: ...
    def read(self, bucket: str, key: str, limit: int) -> Content: ...


class Bags(Protocol):
    """The bucket of exports; see ``functions.maintenance.exporting.storage``."""

    def copy(
        self, source: Place, version_id: str | None, if_match: str, key: str, content_type: str
    ) -> str | None: ...
    def begin(self, key: str, content_type: str) -> str: ...
    def copy_part(
        self,
        source: Place,
        version_id: str | None,
        if_match: str,
        key: str,
        upload_id: str,
        number: int,
        first: int,
        last: int,
    ) -> None: ...
    def finish(self, key: str, upload_id: str, parts: int, size: int) -> bool: ...
    def give_up(self, key: str, upload_id: str) -> None: ...
    def write(self, key: str, body: bytes, content_type: str = ...) -> None: ...
    def remove(self, keys: list[str]) -> None: ...


class LeftOut(Exception):
    """The document does not go into the bag; ``reason`` is part of the API."""

    def __init__(self, reason: str) -> None:
        """Take the reason."""
        super().__init__(reason)
        self.reason = reason


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A document that may go. ``proven``: its checksum was found of these very bytes."""

    attributes: Attributes
    raw: bytes
    place: Place
    etag: str
    proven: bool

    @property
    def path(self) -> str:
        """Where it lies in the bag."""
        return f"{PAYLOAD}{self.attributes.file_id}/{portable_name(self.attributes.original_filename)}"

    @property
    def exported(self) -> Exported:
        """Give the result of its copy."""
        said = self.attributes
        return Exported(
            file_id=said.file_id,
            outcome=EXPORTED,
            path=self.path,
            size=said.file_size,
            sha256=said.checksum or "",
            attributes_size=len(self.raw),
            attributes_sha256=hashlib.sha256(self.raw).hexdigest(),
        )


class Copying:
    """Copies documents into bags. ``whole_bytes`` is the most that is copied by one call, ``part_bytes`` the least
    part."""

    def __init__(
        self, objects: Objects, bags: Bags, *, whole_bytes: int, part_bytes: int, at_once: int = AT_ONCE
    ) -> None:
        """Take the ports; sizes are bytes."""
        self._objects = objects
        self._bags = bags
        self._whole_bytes = whole_bytes
        self._part_bytes = part_bytes
        self._at_once = at_once

    def many(
        self, bag: str, documents: list[tuple[UUID, IndexedDocument | None]], reach: Reach
    ) -> list[Exported | Ready]:
        """Copy documents side by side; one that takes parts is only made ready. ``bag`` is the prefix of its keys.

        Raises Unavailable.
        """
        ends_in = deadline.remaining()

        def copy(each: tuple[UUID, IndexedDocument | None]) -> Exported | Ready:
            with deadline.within(ends_in):  # a deadline belongs to its thread
                return self._one(bag, *each, reach)

        if self._at_once == 1 or len(documents) == 1:
            return [copy(each) for each in documents]
        with ThreadPoolExecutor(self._at_once) as threads:
            return list(threads.map(copy, documents))

    def onward(self, bag: str, ready: Ready, large: Large | None) -> Large | Exported:
        """Begin a copy in parts, or go on with one; the result once it is there. Raises Unavailable."""
        key = bag + ready.path
        if large is not None and (large.etag, large.path, large.file_id) != _meant(ready):
            self._bags.give_up(bag + large.path, large.upload_id)
            large = None
        try:
            if large is None:
                return self._begin(key, ready)
            if large.copied < large.parts:
                return self._parts(key, ready, large)
            if not self._bags.finish(key, large.upload_id, large.parts, large.size):
                return msgspec.structs.replace(large, copied=0)  # whatever became of them
        except (NotFound, PreconditionFailed, Conflict):
            # It was finished by a step that was stopped, dropped by the bucket's rules, or the source is another.
            if large is not None:
                self._bags.give_up(key, large.upload_id)
            return self._settle(key, ready)
        return self._beside(key, ready)

    def give_up(self, bag: str, large: Large) -> None:
        """Drop a copy in parts. Raises Unavailable."""
        self._bags.give_up(bag + large.path, large.upload_id)

    def _one(self, bag: str, file_id: UUID, found: IndexedDocument | None, reach: Reach) -> Exported | Ready:
        try:
            ready = self._ready(file_id, found, reach)
            if ready.attributes.file_size <= self._whole_bytes:
                return self._copy(bag + ready.path, ready)
        except LeftOut as left_out:
            return Exported(file_id=file_id, outcome=left_out.reason)
        return ready if ready.proven else Exported(file_id=file_id, outcome="unproven")

    def _ready(self, file_id: UUID, found: IndexedDocument | None, reach: Reach) -> Ready:
        """Look at a document where it lies. Raises LeftOut, Unavailable."""
        if found is None:
            raise LeftOut("not_found")
        place = Place(found.bucket, found.key)
        said, raw = self._attributes(place)
        if said.file_id != file_id or not reach.shows(said):
            raise LeftOut("not_found")
        if said.deleted_at is not None:
            raise LeftOut("trashed")
        if said.quarantine is not None:
            raise LeftOut("quarantined")
        if said.checksum is None or said.checksum_verified is False:
            raise LeftOut("unproven")
        stored = self._stored(place, said.storage_version_id)
        if stored.archived:
            raise LeftOut("archived")
        is_described = stored.size == said.file_size and stored.sha256 in (None, said.checksum)
        if not is_described or said.storage_etag not in (None, stored.etag):
            raise LeftOut("changed")
        proven = any((stored.sha256, said.storage_etag, said.storage_version_id))
        return Ready(attributes=said, raw=raw, place=place, etag=stored.etag, proven=proven)

    def _attributes(self, place: Place) -> tuple[Attributes, bytes]:
        try:
            raw = self._objects.read(place.bucket, attributes_key(place.key), MAX_BYTES + 1).body
        except NotFound:
            raise LeftOut("not_found") from None
        try:
            return attr.parse(raw), raw
        except ArtStoreError:
            raise LeftOut("damaged_attributes") from None

    def _stored(self, place: Place, version_id: str | None) -> StoredObject:
        try:
            return self._objects.head(*place, version_id)
        except NotFound:
            raise LeftOut("missing") from None
        except Invalid as error:
            raise LeftOut(error.code) from None

    def _copy(self, key: str, ready: Ready) -> Exported:
        said = ready.attributes
        try:
            sha256 = self._bags.copy(ready.place, said.storage_version_id, ready.etag, key, said.content_type)
        except NotFound:
            raise LeftOut("missing") from None
        except PreconditionFailed:
            raise LeftOut("changed") from None
        except Conflict as error:
            raise LeftOut(error.code) from None
        if sha256 is None and not ready.proven:
            self._bags.remove([key])
            raise LeftOut("unproven")
        if sha256 not in (None, said.checksum):
            self._bags.remove([key])
            raise LeftOut("checksum_mismatch")
        return self._beside(key, ready)

    def _beside(self, key: str, ready: Ready) -> Exported:
        self._bags.write(attributes_key(key), ready.raw, JSON_TYPE)
        return ready.exported

    def _begin(self, key: str, ready: Ready) -> Large:
        """Begin in parts, as few as may be and no more than storage takes."""
        size = ready.attributes.file_size
        etag, path, file_id = _meant(ready)
        return Large(
            file_id=file_id,
            path=path,
            etag=etag,
            upload_id=self._bags.begin(key, ready.attributes.content_type),
            size=size,
            part_size=max(self._part_bytes, -(-size // MAX_PARTS)),
        )

    def _parts(self, key: str, ready: Ready, large: Large) -> Large:
        """Copy the next parts side by side; a part that is there already is copied again."""
        following = range(large.copied, min(large.copied + self._at_once, large.parts))
        ends_in = deadline.remaining()
        version_id = ready.attributes.storage_version_id

        def copy(number: int) -> None:
            first = number * large.part_size
            last = min(first + large.part_size, large.size) - 1
            with deadline.within(ends_in):
                self._bags.copy_part(
                    ready.place, version_id, large.etag, key, large.upload_id, number + 1, first, last
                )

        if len(following) == 1:
            copy(following[0])
        else:
            with ThreadPoolExecutor(self._at_once) as threads:
                list(threads.map(copy, following))
        return msgspec.structs.replace(large, copied=following[-1] + 1)

    def _settle(self, key: str, ready: Ready) -> Large | Exported:
        """Go on without the upload: begin anew while the source is the one that was meant."""
        try:
            stored = self._stored(ready.place, ready.attributes.storage_version_id)
        except LeftOut as left_out:
            return Exported(file_id=ready.attributes.file_id, outcome=left_out.reason)
        if stored.archived or stored.etag != ready.etag:
            outcome = "archived" if stored.archived else "changed"
            return Exported(file_id=ready.attributes.file_id, outcome=outcome)
        return self._begin(key, ready)


def _meant(ready: Ready) -> tuple[str, str, UUID]:
    return ready.etag, ready.path, ready.attributes.file_id
