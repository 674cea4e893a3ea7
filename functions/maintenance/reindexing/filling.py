"""Fills new tables of the index from the attr.json files of a range, a page of its listing at a time.

The attr.json says what the row says. The listing says which bytes lie there, and a HEAD where a page shows only a
part of a place. The text of the same bytes is taken over from the index in use: it is nowhere else. Whatever is
not as the index in use has it is looked at by ingest in the end: it may be unread, overwritten, damaged, or in a
dispute that a listing cannot settle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol
from uuid import UUID

import msgspec

from artstore import attributes as attr
from artstore import deadline
from artstore.attributes import Attributes
from artstore.elements import Right, StorageElement, StorageElements
from artstore.errors import Conflict, Invalid, NotFound, TooLarge
from artstore.index import NEVER_READ, ObjectVersion, Projection
from artstore.index.claims import Place, is_at_home
from artstore.index.document_words import WORDS_VERSION
from artstore.index.rebuilding import Filled, Position, Present, Rebuild
from artstore.naming import attributes_key, document_key, is_attributes_key
from artstore.objects import Content, StoredObject
from functions.maintenance.ranges import Range
from functions.maintenance.reconciling.comparing import can_be_a_place
from functions.maintenance.reconciling.ports import Listing, Version

_AT_ONCE = 16
"""attr.json files that are read side by side."""


class Objects(Protocol):
    """The calls on storage that are made; see artstore.objects."""

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject: ...
    def read(self, bucket: str, key: str, limit: int) -> Content: ...


class _Read(msgspec.Struct, frozen=True):
    """A place as it was found; ``described`` is None for an attr.json that is none."""

    place: Place
    described: Attributes | None = None
    etag: str = ""
    held: ObjectVersion | None = None


class Filling:
    """Fills ranges; each page is written once, together with where the range stands."""

    def __init__(self, *, listing: Listing, objects: Objects, rebuild: Rebuild) -> None:
        """Take the ports."""
        self._listing = listing
        self._objects = objects
        self._rebuild = rebuild

    def advance(self, job_id: UUID, part: int, of: Range, elements: StorageElements) -> bool | None:
        """Fill in a page; True when the range is at its end, None when the rebuild is another's. Raises
        Unavailable."""
        before = self._rebuild.position(job_id, part)
        if before is None or before.over:
            return None if before is None else True
        element = elements.find(of.element_id)
        if element is None:
            self._rebuild.fill(job_id, part, [], [], before, Position(over=True))
            return True
        after = of.after if before.after is None else before.after
        page = self._listing.page(element.bucket, element.prefix, after, before.version)
        is_last = page.next is None or (of.until is not None and page.next > of.until)
        versions = [
            each
            for each in page.versions
            if (of.until is None or each.key <= of.until)
            and (after is None or before.version is not None or each.key > after)
        ]
        read = self._read(element, elements, versions, after or "")
        rows, looks = self._rows(element, read)
        stands = Position(after=page.next, version=page.next_version, over=is_last)
        refused = self._rebuild.fill(job_id, part, rows, looks, before, stands)
        return is_last if refused is not None else False

    def _read(
        self, element: StorageElement, elements: StorageElements, versions: Collection[Version], after: str
    ) -> list[_Read]:
        by_key: dict[str, list[Version]] = {}
        for each in versions:
            by_key.setdefault(each.key, []).append(each)
        named = [name for name, listed in by_key.items() if is_attributes_key(name) and listed[0].is_latest]
        keys = [key for key in map(document_key, named) if _is_ours(elements, element, key)]
        ends_in = deadline.remaining()

        def read(key: str) -> _Read | None:
            with deadline.within(ends_in):  # a deadline belongs to its thread
                return self._read_place(element, key, by_key.get(key, []), is_listed=key > after)

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return [each for each in threads.map(read, keys) if each is not None]

    def _read_place(
        self, element: StorageElement, key: str, listed: Collection[Version], *, is_listed: bool
    ) -> _Read | None:
        place = Place(element.bucket, key)
        try:
            content = self._objects.read(element.bucket, attributes_key(key), attr.MAX_BYTES + 1)
            described = attr.parse(content.body)
        except NotFound:
            return None  # gone since it was listed, which an event tells
        except (Conflict, Invalid, TooLarge):
            return _Read(place)
        held = None
        if described.deleted_at is None:
            held = self._find_bytes(element, place, described, listed, is_listed=is_listed)
        return _Read(place, described, content.etag, held)

    def _find_bytes(
        self,
        element: StorageElement,
        place: Place,
        described: Attributes,
        listed: Collection[Version],
        *,
        is_listed: bool,
    ) -> ObjectVersion | None:
        """Find the bytes that the attr.json describes, as ingest does ("What the archive shows")."""
        keeps_versions = not element.may(Right.OVERWRITE)
        named = described.storage_version_id if keeps_versions else None
        if named is not None:
            version = next((each for each in listed if each.version_id == named), None)
            found = _of(version) if version else self._head(place, named)
            if found is not None:
                return found[0]
        latest = next((each for each in listed if each.is_latest), None)
        found = _of(latest) if latest else None if is_listed else self._head(place, None)
        if found is None or (keeps_versions and found[1] != described.file_size):
            return None
        return found[0]

    def _head(self, place: Place, version_id: str | None) -> tuple[ObjectVersion, int] | None:
        try:
            stored = self._objects.head(*place, version_id)
        except (NotFound, Invalid):
            return None
        version = None if stored.version_id == "null" else stored.version_id
        held = ObjectVersion(
            etag=stored.etag, modified=stored.last_modified, version_id=version, sha256=stored.sha256
        )
        return held, stored.size

    def _rows(self, element: StorageElement, read: Collection[_Read]) -> tuple[list[Filled], list[Place]]:
        """Give the rows, and the places that are to be looked at in the end."""
        present = self._rebuild.present(element.bucket, [each.place.key for each in read])
        reworded = [
            each.place.key
            for each in read
            if _has_same_bytes(each, present.get(each.place.key))
            and not _has_same_words(each, present[each.place.key])
        ]
        texts = self._rebuild.texts(element.bucket, reworded) if reworded else {}
        rows: list[Filled] = []
        looks: list[Place] = []
        for each in read:
            known = present.get(each.place.key)
            if each.described is None or known is None or not _is_as_known(each, known):
                looks.append(each.place)
            if each.described is not None:
                rows.append(_fill(element, each, each.described, known, texts.get(each.place.key, "")))
        return rows, looks


def _is_ours(elements: StorageElements, element: StorageElement, key: str) -> bool:
    found = elements.locate(element.bucket, key)
    return can_be_a_place(key) and found is not None and found.element_id == element.element_id


def _of(listed: Version) -> tuple[ObjectVersion, int]:
    """Give a version as a HEAD tells it: its time in whole seconds."""
    modified = listed.modified.replace(microsecond=0)
    return ObjectVersion(etag=listed.etag, modified=modified, version_id=listed.version_id), listed.size


def _has_same_bytes(read: _Read, known: Present | None) -> bool:
    """Tell whether the index in use has the same bytes, and somebody has read them."""
    if read.held is None or known is None or known.object is None:
        return False
    return known.object.was_read and read.held.is_same(known.object)


def _has_same_words(read: _Read, known: Present) -> bool:
    return known.attributes_etag == read.etag and known.words_for == f"{WORDS_VERSION} {read.etag}"


def _is_as_known(read: _Read, known: Present) -> bool:
    if read.described is None or (known.file_id, known.attributes_etag) != (read.described.file_id, read.etag):
        return False
    if read.described.deleted_at is not None:
        return True
    return known.missing if read.held is None else _has_same_bytes(read, known) and not known.missing


def _fill(element: StorageElement, read: _Read, described: Attributes, known: Present | None, text: str) -> Filled:
    held = read.held
    is_same = _has_same_bytes(read, known)
    if held is not None and known is not None and known.object is not None and is_same:
        held = msgspec.structs.replace(held, sha256=held.sha256 or known.object.sha256)
    elif held is not None:
        held = msgspec.structs.replace(held, modified=NEVER_READ)
    projection = Projection(
        attributes=described,
        bucket=read.place.bucket,
        key=read.place.key,
        attributes_etag=read.etag,
        object=held,
        missing=held is None and described.deleted_at is None,
        at_home=is_at_home(described, read.place.key, element),
        text=text,
    )
    return Filled(projection=projection, takes_over=known is not None and is_same and _has_same_words(read, known))


Elements = Callable[[], StorageElements]
"""Gives the storage elements as they are now."""
