"""The bytes of a document: their checksum, and what can be read out of them."""

from __future__ import annotations

from typing import Protocol

from artstore.attributes import Extracted
from artstore.errors import Conflict
from artstore.objects import Content, StoredObject
from functions.storage_events.extraction import Document, Kind, Reading, sniff

MAX_FETCH = 32 * 1024 * 1024
"""The most bytes of a document that are read to extract from; sizes and checksums have no such limit."""
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


class Reader:
    """Reads the very bytes that a HEAD described: every call raises PreconditionFailed once they are others."""

    def __init__(self, objects: Bytes, extraction: Extracting) -> None:
        """Take the ports."""
        self._objects = objects
        self._extraction = extraction

    def checksum(self, stored: StoredObject) -> str:
        """Give the SHA-256 (hex): storage's own, or else by reading the object through.

        Raises NotFound, PreconditionFailed, Conflict (``archived``), Unavailable.
        """
        if stored.archived and stored.sha256 is None:
            raise Conflict("the object has to be restored before it is read", code="archived")
        return stored.sha256 or self._objects.sha256(
            stored.bucket, stored.key, if_match=stored.etag, version_id=stored.version_id
        )

    def read(self, stored: StoredObject, declared: str) -> Reading:
        """Look at the first bytes, and extract what a reader for them can; never more than MAX_FETCH.

        Raises NotFound, PreconditionFailed, Unavailable.
        """
        if stored.archived:
            return Reading(extracted=Extracted(status="unsupported", reason="archived"))
        if stored.content_encoding:
            return Reading(extracted=Extracted(status="unsupported", reason="content_encoding"))
        try:
            return self._read(stored, declared)
        except Conflict as error:
            return Reading(extracted=Extracted(status="unsupported", reason=error.code))

    def _read(self, stored: StoredObject, declared: str) -> Reading:
        body = self._fetch(stored, _FIRST_FETCH) if stored.size else b""
        kind = sniff(body, declared, stored.key)
        if len(body) < stored.size and self._extraction.supports(kind):
            body = self._fetch(stored, MAX_FETCH)
        return self._extraction.read(Document(body=body, complete=len(body) == stored.size), kind)

    def _fetch(self, stored: StoredObject, limit: int) -> bytes:
        return self._objects.read(
            stored.bucket, stored.key, limit, if_match=stored.etag, version_id=stored.version_id
        ).body
