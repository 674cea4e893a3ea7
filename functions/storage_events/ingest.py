"""What follows from an event: the index, and where one is due an attr.json, follow what lies in the bucket now.

An event says where to look, and hardly more: it may come twice, late, or after others. Whoever handles it looks at
the place, writes what is there, and looks again when the index had a row for the place already, until there is
nothing left to write. A row that is new needs no second look: had the place changed in between, that change's own
event would have left a row, a tombstone at least. So an upload costs no call to storage twice.

The order is what makes a crash harmless. attr.json is written first, and only where none is: from then on the
document exists. The index follows, the upload record comes last. An event that comes again finds attr.json there
and does what is left. Nothing is ever deleted here. docs/architecture.md ("What the archive shows") has the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID, uuid4

import msgspec

from artstore.attributes import INFECTED, Attributes
from artstore.changes.succeeding import PREDECESSOR_TAKEN, Successions, take_place
from artstore.elements import Right, StorageElements
from artstore.elements.watch import StorageWatch
from artstore.errors import Invalid, NotFound, PreconditionFailed, TooLarge, Unavailable
from artstore.finalizations import Finalization
from artstore.index import DocumentIndex, IndexedDocument, KnownPlace
from artstore.index.claims import Place
from artstore.naming import attributes_key, file_id_of
from artstore.objects import StoredObject
from artstore.tables import UploadRecord
from functions.storage_events.deletion import is_left_behind
from functions.storage_events.description import (
    describe_stranger,
    describe_upload,
    stranger_id,
    write_attributes,
)
from functions.storage_events.encodings import coding_of
from functions.storage_events.events import StorageEvent
from functions.storage_events.following import Follower
from functions.storage_events.outcomes import Outcome, Result, Step
from functions.storage_events.places import NO_ELEMENT, Spot, find_spot
from functions.storage_events.proving import Prover, has_other_parts, is_unproven
from functions.storage_events.reading import Extracting, Reader
from functions.storage_events.restored import note_restore
from functions.storage_events.sight import Look, Objects, identify

if TYPE_CHECKING:
    from functions.storage_events.scanning import Scanning

MOST_LOOKS = 8
"""How often a place is looked at for one event; one that changes faster is left to the event coming again."""
READ_AT_ONCE = 32 * 1024 * 1024
_OPEN = ("PENDING", "EXPIRED")
_ABORTED = "ABORTED"
_REFUSED = ("REJECTED", _ABORTED)


class Records(Protocol):
    """The upload records; see functions.storage_events.records."""

    def find(self, file_id: UUID) -> UploadRecord | None: ...
    def find_finalization(self, file_id: UUID) -> Finalization | None: ...
    def mark_stored(
        self, record: UploadRecord, version_id: str | None, at: datetime, notice: str | None = None
    ) -> bool: ...
    def mark_rejected(self, record: UploadRecord, reason: str) -> bool: ...


class _ElementUnfamiliar(Exception):
    """An element has been made since the elements were read."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ingest:
    """Handles one storage event at a time; every method may be called twice for the same event."""

    def __init__(
        self,
        *,
        elements: Callable[[], StorageElements],
        objects: Objects,
        records: Records,
        index: DocumentIndex,
        successions: Successions,
        extraction: Extracting,
        prover: Prover,
        read_at_once: int = READ_AT_ONCE,
        present_elements: Callable[[], StorageElements] | None = None,
        watch: StorageWatch | None = None,
        scanning: Scanning | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take the ports of one deployment; objects of more than ``read_at_once`` bytes whose SHA-256 storage
        does not know are described before they are read through. ``elements`` may be some seconds old;
        ``present_elements`` are not, and raise Unavailable sooner than that."""
        self._elements = elements
        self._present_elements = present_elements or elements
        self._objects = objects
        self._records = records
        self._index = index
        self._watch = watch
        self._successions = successions
        self._clock = clock
        self._reader = Reader(objects, extraction, read_at_once)
        self._follower = Follower(objects, index, self._reader, prover, scanning)
        self._scanning = scanning

    def handle(self, event: StorageEvent) -> Result:
        """Do what follows from the event. Raises Unavailable: then it is to be tried again."""
        spot = find_spot(self._elements(), event)
        if isinstance(spot, Result) and spot.reason == NO_ELEMENT:
            spot = self._find_anew(event)
        if isinstance(spot, Result):
            return spot
        try:
            return self._watched(spot)
        except _ElementUnfamiliar:
            spot = self._find_anew(event)
            return spot if isinstance(spot, Result) else self._watched(spot, is_familiar=True)

    def _find_anew(self, event: StorageEvent) -> Spot | Result:
        """Find the place by the elements as they are now: one may have been made since they were read."""
        return find_spot(self._present_elements(), event)

    def _watched(self, spot: Spot, *, is_familiar: bool = False) -> Result:
        if self._watch is None:
            return self._handle(spot, is_familiar=is_familiar)
        with self._watch.over(spot.element):
            return self._handle(spot, is_familiar=is_familiar)

    def _handle(self, spot: Spot, *, is_familiar: bool) -> Result:
        result: Result | None = None
        for number in range(MOST_LOOKS):
            try:
                step = self._step(spot, is_first=number == 0, is_familiar=is_familiar)
            except (NotFound, PreconditionFailed):
                continue  # removed or replaced between two calls
            if step.wrote or result is None:
                result = step.result
            if step.settled:
                return result
        raise Unavailable("the object changes faster than it can be described")

    def _step(self, spot: Spot, *, is_first: bool, is_familiar: bool) -> Step:
        """Look once, and write what is not yet as it was seen.

        Raises _ElementUnfamiliar where the upload went into another element than the one that is known here.
        """
        look = Look(self._objects, spot.place)
        if spot.is_restore:
            return note_restore(spot, look, self._index)
        record = self._find_record(spot.place) if spot.is_new_object else None
        if record is not None and record.element_id != spot.element.element_id and not is_familiar:
            raise _ElementUnfamiliar
        is_open = record is not None and record.status in _OPEN and look.object() is not None
        known = self._index.at(*spot.place)
        # Where an upload is expected for the first time, no attr.json is: creating it will tell.
        beside = None if is_first and is_open and known is None else look.attributes()
        if beside is None:
            return self._without_attributes(spot, look, known, record)
        step = self._follower.follow(spot, look, known, beside)
        if record is None or beside.attributes is None or record.status not in (*_OPEN, _ABORTED):
            return step
        return self._settle(record, beside.attributes, look.object(), step)

    def _settle(
        self, record: UploadRecord, described: Attributes, stored: StoredObject | None, step: Step
    ) -> Step:
        """Settle the record of an upload beside whose bytes an attr.json is already: whoever wrote it was stopped
        before it came to the record, or it is another's, and the bytes are those that were announced.

        Once it was stored, a document is STORED, whatever has become of its bytes, of its place and of itself.
        """
        is_there = step.result.outcome is Outcome.ALREADY_STORED
        if not _was_stored(record, described):
            if stored is None or not is_there or record.status not in _OPEN:
                return step
            if (reason := self._mismatch(record, stored)) is not None:
                return self._reject(record, reason, settled=step.settled)
        version_id = described.storage_version_id or (stored.version_id if stored else None)
        self._records.mark_stored(record, version_id, self._clock(), _notice(record, described))
        if not is_there:
            return step
        return Step(Result(Outcome.STORED, step.result.file_id), wrote=True, settled=step.settled)

    def _find_record(self, place: Place) -> UploadRecord | None:
        """Find the record by the id in the key; a copy of the object elsewhere is not what it permitted."""
        file_id = file_id_of(place.key)
        record = None if file_id is None else self._records.find(file_id)
        return record if record is not None and (record.bucket, record.key) == place else None

    def _without_attributes(
        self, spot: Spot, look: Look, known: KnownPlace | None, record: UploadRecord | None
    ) -> Step:
        """Ingest an object that is new; otherwise see to it that nothing is shown."""
        file_id = file_id_of(spot.place.key)
        may_describe = spot.element.may(Right.INGEST)
        stored = look.object() if spot.is_new_object and may_describe else None
        reason = "deleted" if stored is not None else None if may_describe else "element_read_only"
        gone = Result(Outcome.GONE, file_id, reason)
        if stored is not None:
            if record is not None and record.status in _REFUSED:
                return Step(Result(Outcome.REJECTED, file_id, record.reason or record.status.lower()))
            if record is None and self._is_on_its_way(spot.place, stored):
                gone = Result(Outcome.IGNORED, file_id, "finalization")
            elif not is_left_behind(identify(stored), known, record, spot.event):
                return self._ingest(spot, look, stored, known, record)
            elif record is not None:
                self._records.mark_stored(record, stored.version_id, self._clock())
        at = spot.event.at if spot.is_removal and spot.is_about_attributes else None
        if known is None and not spot.is_removal:
            return Step(gone)
        is_told = known is not None and known.file_id is None and known.damage is None
        if known is not None and is_told and not _is_later(at, known.removed_at):
            return Step(Result(Outcome.UNCHANGED, file_id) if spot.is_removal else gone)
        written = self._index.remove(*spot.place, at)
        outcome = Outcome.UNCHANGED if written.file_id is None else Outcome.REMOVED
        return Step(Result(outcome, written.file_id or file_id), wrote=True, settled=written.first)

    def _is_on_its_way(self, place: Place, stored: StoredObject) -> bool:
        """Tell whether a finalization put the object there: it is a document once that one writes its attr.json.

        The item is written before the bytes are, so whoever has seen the bytes finds it.
        """
        file_id = file_id_of(place.key)
        known = None if file_id is None else self._records.find_finalization(file_id)
        return known is not None and known.brought(place, stored.etag, stored.last_modified)

    def _ingest(
        self,
        spot: Spot,
        look: Look,
        stored: StoredObject,
        known: KnownPlace | None,
        record: UploadRecord | None,
    ) -> Step:
        """Verify, describe and index an object, then settle its record."""
        upload = record if record is not None and record.status in _OPEN else None
        if upload is not None and (reason := self._mismatch(upload, stored)) is not None:
            if look.attributes() is not None:  # others may have been put over what was announced
                return Step(Result(Outcome.UNCHANGED), settled=False)
            return self._reject(upload, reason, settled=False)
        checksum = upload.sha256 if upload else self._reader.checksum(stored)
        read = self._reader.read(stored, stored.content_type)
        if upload is not None:
            is_proven = not self._reader.is_read_later(stored)
            described = describe_upload(upload, stored, spot.element, read, is_proven=is_proven)
            described = msgspec.structs.replace(described, supersedes=self._take_place(upload))
        else:
            file_id = self._new_id(spot.place, known)
            described = describe_stranger(file_id, checksum, stored, spot.element, read)
        if self._scanning is not None:
            described = self._scanning.describe(described, stored, read)
        try:
            described, raw = write_attributes(described)
        except (Invalid, TooLarge) as error:
            if upload is None:
                return Step(Result(Outcome.REJECTED, described.file_id, error.code))
            return self._reject(upload, error.code, settled=False)
        etag = self._objects.create(spot.place.bucket, attributes_key(spot.place.key), raw)
        if etag is None:
            return Step(Result(Outcome.UNCHANGED), settled=False)
        proven = None if is_unproven(described) else checksum
        step = self._follower.project(
            spot, described, etag, known, identify(stored, proven), text=read.text, outcome=Outcome.STORED
        )
        if upload is not None:
            at, notice = self._clock(), _notice(upload, described)
            if not self._records.mark_stored(upload, stored.version_id, at, notice):
                # Others settled it since it was read: by these bytes, or by some that lie over them now.
                step = msgspec.structs.replace(step, settled=False)
        if step.result.outcome is not Outcome.STORED:
            return step
        unread = read.extracted.status == "failed"
        scanned = described.scan.status if described.scan is not None else None
        result = Result(Outcome.STORED, described.file_id, unread=unread, scanned=scanned)
        return Step(result, wrote=True, settled=step.settled)

    def _take_place(self, upload: UploadRecord) -> UUID | None:
        """Give the document whose place the upload takes; None when it is to take none, or another was stored
        first."""
        if upload.supersedes is None:
            return None
        predecessor = UUID(upload.supersedes)
        taken = take_place(
            self._successions, self._index, self._present, predecessor, UUID(upload.file_id), self._clock()
        )
        return predecessor if taken else None

    def _present(self, indexed: IndexedDocument) -> Attributes | None:
        beside = Look(self._objects, Place(indexed.bucket, indexed.key)).attributes()
        return None if beside is None else beside.attributes

    def _mismatch(self, record: UploadRecord, stored: StoredObject) -> str | None:
        """Compare what storage holds with what was announced, by the headers too that no URL signs.

        Storage would serve an encoding to every download, and refuses bytes of an archival class. Whatever else a
        client may have told it (disposition, caching, metadata, tags, locks) nothing here looks at.
        """
        if stored.size != int(record.size):
            return "size_mismatch"
        if coding_of(stored.content_encoding) != record.content_encoding:
            return "content_encoding_mismatch"
        if stored.archived:
            return "storage_class_mismatch"
        if self._reader.is_read_later(stored):
            return "checksum_mismatch" if has_other_parts(record, stored) else None
        return None if self._reader.checksum(stored) == record.sha256 else "checksum_mismatch"

    def _reject(self, record: UploadRecord, reason: str, *, settled: bool) -> Step:
        if record.supersedes is not None:
            self._successions.release(UUID(record.supersedes), UUID(record.file_id))
        self._records.mark_rejected(record, reason)
        return Step(Result(Outcome.REJECTED, UUID(record.file_id), reason), wrote=True, settled=settled)

    def _new_id(self, place: Place, known: KnownPlace | None) -> UUID:
        """Give an object without an upload its id: the one in a key of our form, or one made of the place.

        Neither, where an upload or an attr.json anywhere has it, nor where the place held a document before,
        which may have moved on with its id: then any.
        """
        named = file_id_of(place.key)
        if named is not None and self._records.find(named) is not None:
            named = None
        if known is None:
            for file_id in (named, stranger_id(*place)):
                if file_id is not None and not self._index.is_claimed(file_id):
                    return file_id
        return uuid4()


def _was_stored(record: UploadRecord, described: Attributes) -> bool:
    """Tell whether the attr.json is the upload's own: its first revision tells the bytes that were announced, and
    a later one may tell others, which were written over them."""
    if str(described.file_id) != record.file_id:
        return False
    return described.checksum == record.sha256 or described.revision > 1


def _notice(record: UploadRecord, described: Attributes) -> str | None:
    """Tell what the client is to know of its document, by what became of what it had announced."""
    if described.is_withheld:
        return INFECTED
    if record.supersedes is not None and UUID(record.supersedes) != described.supersedes:
        return PREDECESSOR_TAKEN
    if record.original_sha256 is not None:
        if described.original_checksum is None:
            return "content_encoding_damaged"
        if (described.original_checksum, described.original_size) != (
            record.original_sha256,
            record.original_size,
        ):
            return "original_mismatch"
    return None


def _is_later(at: datetime | None, known: datetime | None) -> bool:
    return at is not None and (known is None or at > known)
