"""The bytes of a document: their checksum, and what can be read out of them."""

from __future__ import annotations

from typing import Protocol

import msgspec

from artstore.attributes import Extracted
from artstore.errors import Conflict
from artstore.objects import Content, StoredObject
from functions.storage_events.encodings import Original, can_decode, coding_of, decode
from functions.storage_events.extraction import Document, Kind, Reading, sniff

MAX_FETCH = 32 * 1024 * 1024
"""The most bytes of a document that are read to extract from; sizes and checksums have no such limit."""
BEGINNING = 1024 * 1024
"""How much is read of what is larger: as many characters as are indexed, whatever they are written in."""
_FIRST_FETCH = 256 * 1024


class Bytes(Protocol):
    """The calls on storage that reading makes; see artstore.objects."""

    def read(
        self, bucket: str, key: str, limit: int, *, if_match: str | None = None, version_id: str | None = None
    ) -> Content: ...
    def sha256(self, bucket: str, key: str, *, if_match: str, version_id: str | None = None) -> str: ...


class Extracting(Protocol):
    """What reads documents; see functions.storage_events.extraction."""

    def supports(self, kind: Kind) -> bool: ...
    def read(self, document: Document, kind: Kind) -> Reading: ...


class Read(msgspec.Struct, frozen=True):
    """What was read of a document. Where its bytes were sent compressed: ``original``, what they were before, if
    that could be read whole, and ``is_damaged``, that they do not follow their encoding."""

    reading: Reading
    original: Original | None = None
    is_damaged: bool = False
    decoded: bytes | None = None

    @property
    def extracted(self) -> Extracted:
        """Give what goes into attr.json."""
        return self.reading.extracted

    @property
    def text(self) -> str:
        """Give what goes into the index."""
        return self.reading.text


class Reader:
    """Reads the very bytes that a HEAD described: every call raises PreconditionFailed once they are others."""

    def __init__(self, objects: Bytes, extraction: Extracting, read_at_once: int) -> None:
        """Take the ports; objects of more than ``read_at_once`` bytes are never read through here."""
        self._objects = objects
        self._extraction = extraction
        self._read_at_once = read_at_once

    def is_read_later(self, stored: StoredObject) -> bool:
        """Tell whether storage does not know the SHA-256 of the whole, and it cannot be read through at once: it
        is too large, or lies in an archive. Then somebody else does, see functions.storage_events.proving."""
        return stored.sha256 is None and (stored.archived or stored.size > self._read_at_once)

    def checksum(self, stored: StoredObject) -> str | None:
        """Give the SHA-256 (hex): storage's own, or else by reading the object through; None where it is read
        later.

        Raises NotFound, PreconditionFailed, Unavailable.
        """
        if self.is_read_later(stored):
            return None
        return stored.sha256 or self._objects.sha256(
            stored.bucket, stored.key, if_match=stored.etag, version_id=stored.version_id
        )

    def read(self, stored: StoredObject, declared: str) -> Read:
        """Look at the first bytes, and extract what a reader for them can; never more than MAX_FETCH.

        Of bytes that were sent compressed, those before are looked at, up to as many. Raises NotFound,
        PreconditionFailed, Unavailable.
        """
        if stored.archived:
            return _unsupported("archived")
        coding = coding_of(stored.content_encoding)
        if coding is not None and not can_decode(coding):
            return _unsupported("content_encoding")
        try:
            return self._read(stored, declared) if coding is None else self._read_encoded(stored, declared, coding)
        except Conflict as error:
            return _unsupported(error.code)

    def _read(self, stored: StoredObject, declared: str) -> Read:
        body = self._fetch(stored, _FIRST_FETCH) if stored.size else b""
        kind = sniff(body, declared, stored.key)
        if len(body) < stored.size and self._extraction.supports(kind):
            body = self._fetch(stored, _wanted(stored.size))
        return Read(self._extraction.read(Document(body=body, complete=len(body) == stored.size), kind))

    def _read_encoded(self, stored: StoredObject, declared: str, coding: str) -> Read:
        """Read what was there before the encoding; when that is all of it, tell what it was."""
        encoded = self._fetch(stored, _FIRST_FETCH) if stored.size else b""
        decoded = decode(encoded, coding, MAX_FETCH, whole=len(encoded) == stored.size)
        kind = sniff(decoded.body, declared, stored.key)
        if len(encoded) < stored.size and self._extraction.supports(kind):
            encoded = self._fetch(stored, _wanted(stored.size))
            decoded = decode(encoded, coding, MAX_FETCH, whole=len(encoded) == stored.size)
        if decoded.reason == "damaged" and not decoded.body:
            extracted = Extracted(status="failed", reason="content_encoding_damaged")
            return Read(Reading(extracted=extracted), is_damaged=True)
        reading = self._extraction.read(Document(body=decoded.body, complete=decoded.complete), kind)
        if decoded.reason is not None and reading.extracted.status in ("ok", "partial"):
            extracted = msgspec.structs.replace(reading.extracted, status="partial", reason=decoded.reason)
            reading = msgspec.structs.replace(reading, extracted=extracted)
        is_damaged = decoded.reason == "damaged"
        if not decoded.complete:
            return Read(reading, None, is_damaged)
        return Read(reading, Original.of(decoded.body), is_damaged, decoded.body)

    def _fetch(self, stored: StoredObject, limit: int) -> bytes:
        return self._objects.read(
            stored.bucket, stored.key, limit, if_match=stored.etag, version_id=stored.version_id
        ).body


def _wanted(size: int) -> int:
    """Tell how many bytes are read of a document: the cost of a large one does not grow with its size."""
    return MAX_FETCH if size <= MAX_FETCH else min(BEGINNING, MAX_FETCH)


def _unsupported(reason: str) -> Read:
    return Read(Reading(extracted=Extracted(status="unsupported", reason=reason)))
