"""Checking one document: are its bytes what its attr.json says?

The attr.json in the bucket is what they are compared with, not the index. Nothing is ever changed: whoever
finds a difference tells it. Three things look like damage and are none, and are left to others: bytes that were
written over since the index saw them (their event is on its way), a document that moves or goes meanwhile, and an
attr.json that cannot be read. So a difference counts only if, after it was found, attr.json and object still are
those that were compared, and of what was read in several pieces only a second reading is believed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.errors import Conflict, Invalid, NotFound, PreconditionFailed, TooLarge
from artstore.fixity import Compared, FixityOutcome
from artstore.hashing import ResumableSha256, Streams, hash_onward
from artstore.index import KnownPlace, ObjectVersion
from artstore.index.claims import Place
from artstore.naming import attributes_key
from artstore.objects import Content, StoredObject


class Objects(Streams, Protocol):
    """The calls on storage that are made; see artstore.objects."""

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject: ...
    def read(self, bucket: str, key: str, limit: int) -> Content: ...


class Index(Protocol):
    """What is asked of the index; see artstore.index.DocumentIndex."""

    def at(self, bucket: str, key: str) -> KnownPlace | None: ...


class Passed(msgspec.Struct, frozen=True):
    """The document was not checked. ``why``: archived, unproven, quarantined, trashed, changed, damaged (its
    attr.json), or, where there is none any more, gone."""

    why: str


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found."""

    outcome: FixityOutcome
    compared: Compared
    described: Attributes
    bytes: int = 0
    """How many were compared."""


class Hashing(msgspec.Struct, frozen=True, kw_only=True):
    """How far the reading of a document has come that takes more than one step. ``again``: it is read for the
    second time, since its first reading was done in pieces and did not agree."""

    etag: str
    hash: dict[str, Any] | None = None
    again: bool = False


class Checking:
    """Checks documents of one deployment."""

    def __init__(self, objects: Objects, index: Index) -> None:
        """Take the ports."""
        self._objects = objects
        self._index = index

    def check(
        self, place: Place, begun: Hashing | None, time_left: Callable[[], float]
    ) -> Checked | Passed | Hashing:
        """Check the document at a place, or go on with it. Raises Unavailable."""
        described = self._describe(place)
        if isinstance(described, Passed):
            return described
        found, etag = described
        if (reason := _passed_over(found)) is not None:
            return Passed(reason)
        version_id = found.storage_version_id
        try:
            stored = self._objects.head(*place, version_id)
        except NotFound:
            return self._differs(place, found, etag, FixityOutcome.MISSING, None)
        except Invalid:
            return self._differs(place, found, etag, FixityOutcome.UNREADABLE, None)
        if stored.archived:
            return Passed("archived")
        if version_id is None and self._was_replaced(place, found, stored):
            return Passed("changed")
        if stored.size != found.file_size:
            return self._differs(place, found, etag, FixityOutcome.MISMATCH, stored)
        return self._hash(place, found, etag, stored, begun, time_left)

    def _describe(self, place: Place) -> tuple[Attributes, str] | Passed:
        try:
            content = self._objects.read(place.bucket, attributes_key(place.key), attr.MAX_BYTES + 1)
            return attr.parse(content.body), content.etag
        except NotFound:
            return Passed("gone")
        except (Conflict, Invalid, TooLarge):
            return Passed("damaged")

    def _was_replaced(self, place: Place, found: Attributes, stored: StoredObject) -> bool:
        """Tell whether other bytes were put there than the index has seen beside this attr.json: an event tells
        of them, or a reconciliation."""
        known = self._index.at(*place)
        if known is None or known.file_id != found.file_id or known.missing:
            return True
        version_id = None if stored.version_id == "null" else stored.version_id
        held = ObjectVersion(etag=stored.etag, modified=stored.last_modified, version_id=version_id)
        return known.object is not None and not known.object.is_same(held)

    def _hash(
        self,
        place: Place,
        found: Attributes,
        etag: str,
        stored: StoredObject,
        begun: Hashing | None,
        time_left: Callable[[], float],
    ) -> Checked | Passed | Hashing:
        before = begun if begun is not None and begun.etag == stored.etag else Hashing(etag=stored.etag)
        hasher = ResumableSha256.restore(before.hash)
        in_pieces = hasher.offset > 0
        try:
            is_whole = hash_onward(
                hasher,
                self._objects,
                *place,
                stored.size,
                if_match=stored.etag,
                version_id=found.storage_version_id,
                time_left=time_left,
            )
        except (NotFound, PreconditionFailed):
            return Passed("changed")
        except Conflict:
            return Passed("archived")
        if not is_whole:
            return msgspec.structs.replace(before, hash=hasher.save())
        sha256 = hasher.hexdigest()
        if sha256 == found.checksum:
            compared = Compared(file_id=found.file_id, checksum=sha256, sha256=sha256)
            return Checked(outcome=FixityOutcome.OK, compared=compared, described=found, bytes=stored.size)
        if in_pieces and not before.again:
            return Hashing(etag=stored.etag, again=True)
        return self._differs(place, found, etag, FixityOutcome.MISMATCH, stored, sha256)

    def _differs(
        self,
        place: Place,
        found: Attributes,
        etag: str,
        outcome: FixityOutcome,
        stored: StoredObject | None,
        sha256: str | None = None,
    ) -> Checked | Passed:
        """Look once more: it counts if attr.json and object are still those that were compared."""
        again = self._describe(place)
        if isinstance(again, Passed) or again[1] != etag:
            return Passed("changed")
        if stored is not None:
            try:
                if self._objects.head(*place, found.storage_version_id).etag != stored.etag:
                    return Passed("changed")
            except NotFound:
                return Passed("changed")
        compared = Compared(file_id=found.file_id, checksum=found.checksum or "", sha256=sha256)
        read = 0 if stored is None or sha256 is None else stored.size
        return Checked(outcome=outcome, compared=compared, described=found, bytes=read)

    def unreadable(self, place: Place) -> Checked | Passed:
        """Tell of a document whose bytes storage has not given, however often."""
        described = self._describe(place)
        if isinstance(described, Passed):
            return described
        return self._differs(place, *described, FixityOutcome.UNREADABLE, None)


def _passed_over(found: Attributes) -> str | None:
    if found.deleted_at is not None:
        return "trashed"
    if found.quarantine is not None:
        return "quarantined"
    if found.checksum is None or found.checksum_verified is False:
        return "unproven"  # the job hash reads it
    return None
