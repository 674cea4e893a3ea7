"""What follows from an event: a document is verified, described and indexed, or its index row follows attr.json.

The order is what makes a crash harmless. attr.json is written first and only once: from then on the document
exists. The index follows, the upload record comes last. An event that comes again finds attr.json there and does
what is left; attr.json's own event heals an index that was missed. Nothing is ever deleted here.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import msgspec

from artstore import attributes as attr
from artstore.attributes import Attributes, Extracted
from artstore.elements import StorageElement, StorageElements
from artstore.errors import Invalid, NotFound, PreconditionFailed, TooLarge
from artstore.index import DocumentIndex, Projection
from artstore.naming import attributes_key, document_key, file_id_of, is_attributes_key, is_reserved
from artstore.objects import Content, StoredObject
from artstore.tables import UploadRecord
from functions.storage_events.description import describe_stranger, describe_upload, stranger_id
from functions.storage_events.events import EventKind, StorageEvent
from functions.storage_events.extraction import Document, Extraction, Reading, sniff

MAX_FETCH = 32 * 1024 * 1024
"""The most bytes of a document that are read to extract from; sizes and checksums have no such limit."""
_FIRST_FETCH = 256 * 1024


class Outcome(enum.StrEnum):
    """What became of an event."""

    STORED = "stored"
    REJECTED = "rejected"
    ALREADY_STORED = "already_stored"
    PROJECTED = "projected"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    GONE = "gone"
    INVALID_ATTRIBUTES = "invalid_attributes"
    IGNORED = "ignored"


class Result(msgspec.Struct, frozen=True):
    """The outcome, the document it concerns, and a reason when there is more to say.

    ``unread`` is True for a stored document that a processor should have read and could not, so that only its
    name and attributes can be searched for.
    """

    outcome: Outcome
    file_id: UUID | None = None
    reason: str | None = None
    unread: bool = False


class Objects(Protocol):
    """The calls on storage that ingesting makes; see artstore.objects."""

    def head(self, bucket: str, key: str) -> StoredObject: ...
    def read(self, bucket: str, key: str, limit: int, *, if_match: str | None = None) -> Content: ...
    def sha256(self, bucket: str, key: str, *, if_match: str) -> str: ...
    def create(self, bucket: str, key: str, body: bytes) -> str | None: ...


class Records(Protocol):
    """The upload records; see functions.storage_events.records."""

    def find(self, file_id: UUID) -> UploadRecord | None: ...
    def mark_stored(self, record: UploadRecord, version_id: str | None, at: datetime) -> bool: ...
    def mark_rejected(self, record: UploadRecord, reason: str) -> bool: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ingest:
    """Handles one storage event at a time; every method may be called twice for the same event."""

    def __init__(
        self,
        *,
        elements: StorageElements,
        objects: Objects,
        records: Records,
        index: DocumentIndex,
        extraction: Extraction,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take the ports of one deployment."""
        self._elements = elements
        self._objects = objects
        self._records = records
        self._index = index
        self._extraction = extraction
        self._clock = clock

    def handle(self, event: StorageEvent) -> Result:
        """Do what follows from the event. Raises Unavailable: then it is to be tried again."""
        if is_reserved(event.key):
            return Result(Outcome.IGNORED, reason="reserved")
        element = self._elements.locate(event.bucket, event.key)
        if element is None:
            return Result(Outcome.IGNORED, reason="not_in_a_storage_element")
        if event.key.endswith("/"):
            return Result(Outcome.IGNORED, reason="folder_marker")
        if event.kind is EventKind.CREATED:
            if is_attributes_key(event.key):
                return self._follow_attributes(event.bucket, event.key)
            return self._ingest(element, event.bucket, event.key)
        if event.kind is EventKind.REMOVED and is_attributes_key(event.key):
            return self._follow_removal(event)
        return Result(Outcome.IGNORED, reason="nothing_follows")

    def _ingest(self, element: StorageElement, bucket: str, key: str) -> Result:
        """Verify, describe and index the document under ``key``."""
        try:
            stored = self._objects.head(bucket, key)
            record = self._find_record(bucket, key)
            if record is not None and record.status == "REJECTED":
                return Result(Outcome.REJECTED, UUID(record.file_id), record.reason)
            if record is None or record.status == "STORED":
                known = self._settled(bucket, key, record)
                if known is not None:
                    return known
            if record is not None and (reason := self._mismatch(record, stored)) is not None:
                return self._reject(record, reason)
            return self._store(element, stored, record)
        except (NotFound, PreconditionFailed):
            # Removed, or replaced, since: whatever is there now has an event of its own.
            return Result(Outcome.GONE, file_id_of(key))

    def _find_record(self, bucket: str, key: str) -> UploadRecord | None:
        """Find the record by the id in the key; a copy of the object elsewhere is not what it permitted."""
        file_id = file_id_of(key)
        record = None if file_id is None else self._records.find(file_id)
        if record is None or (record.bucket, record.key) != (bucket, key):
            return None
        return record

    def _settled(self, bucket: str, key: str, record: UploadRecord | None) -> Result | None:
        """Finish what an earlier event left; None when there was no earlier one."""
        followed = self._follow_attributes(bucket, attributes_key(key))
        if followed.outcome is Outcome.GONE:
            # Stored, but attr.json is gone: the document was deleted, and a late event does not bring it back.
            return None if record is None else Result(Outcome.GONE, UUID(record.file_id), "deleted")
        if followed.outcome is Outcome.INVALID_ATTRIBUTES:
            return followed
        return Result(Outcome.ALREADY_STORED, followed.file_id)

    def _mismatch(self, record: UploadRecord, stored: StoredObject) -> str | None:
        """Compare what storage holds with what was announced, by the headers too that no URL signs.

        Storage would serve an encoding to every download, and refuses bytes of an archival class. Whatever else a
        client may have told it (disposition, caching, metadata, tags, locks) nothing here looks at.
        """
        if stored.size != int(record.size):
            return "size_mismatch"
        if stored.content_encoding is not None:
            return "content_encoding_mismatch"
        if stored.archived:
            return "storage_class_mismatch"
        return None if self._checksum(stored) == record.sha256 else "checksum_mismatch"

    def _reject(self, record: UploadRecord, reason: str) -> Result:
        self._records.mark_rejected(record, reason)
        return Result(Outcome.REJECTED, UUID(record.file_id), reason)

    def _store(self, element: StorageElement, stored: StoredObject, record: UploadRecord | None) -> Result:
        """Write attr.json, then the index, then the record."""
        bucket, key = stored.bucket, stored.key
        if stored.archived and stored.sha256 is None:
            return Result(Outcome.REJECTED, reason="archived")
        reading = self._read(stored, stored.content_type)
        if record is not None:
            described = describe_upload(record, stored, element, reading.extracted)
        else:
            file_id = self._stranger_id(bucket, key)
            described = describe_stranger(file_id, self._checksum(stored), stored, element, reading.extracted)
        try:
            raw = attr.dump(described)
        except (Invalid, TooLarge) as error:
            if record is None:
                return Result(Outcome.REJECTED, described.file_id, error.code)
            return self._reject(record, error.code)
        etag = self._objects.create(bucket, attributes_key(key), raw)
        if etag is None:
            described, etag = self._read_attributes(bucket, attributes_key(key))
        self._project(described, bucket, key, etag, reading.text)
        if record is not None:
            self._records.mark_stored(record, stored.version_id, self._clock())
        return Result(Outcome.STORED, described.file_id, unread=reading.extracted.status == "failed")

    def _stranger_id(self, bucket: str, key: str) -> UUID:
        """Give the id in a key of our form, unless it is the id of an upload to another place."""
        file_id = file_id_of(key)
        if file_id is None or self._records.find(file_id) is not None:
            return stranger_id(bucket, key)
        return file_id

    def _follow_attributes(self, bucket: str, key: str) -> Result:
        """Project attr.json as it is now, with the document's text, unless the index has it."""
        try:
            described, etag = self._read_attributes(bucket, key)
        except NotFound:
            return Result(Outcome.GONE)
        except (Invalid, TooLarge) as error:
            return Result(Outcome.INVALID_ATTRIBUTES, reason=error.code)
        if self._is_current(described, etag):
            return Result(Outcome.UNCHANGED, described.file_id)
        text = self._text_of(described, bucket, document_key(key))
        written = self._project(described, bucket, document_key(key), etag, text)
        return Result(Outcome.PROJECTED if written else Outcome.UNCHANGED, described.file_id)

    def _follow_removal(self, event: StorageEvent) -> Result:
        """Take a document whose attr.json is really gone out of the index."""
        try:
            self._objects.head(event.bucket, event.key)
        except NotFound:
            at = event.at or self._clock()
            removed = self._index.remove(event.bucket, document_key(event.key), at)
            return Result(Outcome.REMOVED if removed else Outcome.UNCHANGED, file_id_of(document_key(event.key)))
        return Result(Outcome.UNCHANGED, reason="still_there")

    def _read_attributes(self, bucket: str, key: str) -> tuple[Attributes, str]:
        content = self._objects.read(bucket, key, attr.MAX_BYTES + 1)
        return attr.parse(content.body), content.etag

    def _is_current(self, described: Attributes, etag: str) -> bool:
        """Tell whether projecting would change nothing, so that the document need not be read."""
        known = self._index.find(described.file_id)
        if known is not None and known.attributes.revision == described.revision:
            return known.attributes_etag == etag
        revision = self._index.revision(described.file_id)
        return revision is not None and revision >= described.revision

    def _text_of(self, described: Attributes, bucket: str, key: str) -> str:
        if described.deleted_at is not None:
            return ""
        try:
            return self._read(self._objects.head(bucket, key), described.content_type).text
        except (NotFound, PreconditionFailed):
            return ""

    def _project(self, described: Attributes, bucket: str, key: str, etag: str, text: str) -> bool:
        return self._index.project(
            Projection(attributes=described, bucket=bucket, key=key, attributes_etag=etag, text=text)
        )

    def _checksum(self, stored: StoredObject) -> str:
        return stored.sha256 or self._objects.sha256(stored.bucket, stored.key, if_match=stored.etag)

    def _read(self, stored: StoredObject, declared: str) -> Reading:
        """Look at the first bytes, and extract what a processor for them can; never more than MAX_FETCH."""
        if stored.archived:
            return Reading(extracted=Extracted(status="unsupported", reason="archived"))
        if stored.content_encoding:
            return Reading(extracted=Extracted(status="unsupported", reason="content_encoding"))
        body = self._fetch(stored, _FIRST_FETCH) if stored.size else b""
        kind = sniff(body, declared, stored.key)
        if len(body) < stored.size and self._extraction.supports(kind):
            body = self._fetch(stored, MAX_FETCH)
        return self._extraction.read(Document(body=body, complete=len(body) == stored.size), kind)

    def _fetch(self, stored: StoredObject, limit: int) -> bytes:
        return self._objects.read(stored.bucket, stored.key, limit, if_match=stored.etag).body
