"""Whether a virus scanner has looked at a document's bytes, and what follows from what it said.

A scanner is a program of its own that is asked over a socket (``artstore.scanning.clamd``). What it says becomes
``scan`` in attr.json (``described_as_scanned``): something found keeps the bytes from everybody, and the document
from all but those who administer its space, until one of them answers for it (``released``). A scanner that does
not answer is no reason to lose a document: it is stored, marked ``failed``, and looked at later by a job; only
where scanning is required its bytes are kept back until then.

A deployment without a scanner imports nothing of this package.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec

from artstore.attributes import INFECTED, Attributes, Quarantine, Scan

if TYPE_CHECKING:
    from artstore.objects import StoredObject

CLEAN: Final = "clean"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"
NOT_SCANNED = "not_scanned"
"""Why a document is in quarantine that no scanner has looked at, where scanning is required."""
RELEASABLE = frozenset({INFECTED, NOT_SCANNED})
"""Reasons of a quarantine that somebody may end by answering for the document."""
STRETCH_BYTES = 64 * 1024**2
"""An object is read in stretches, so that no connection to storage has to last as long as the scanner takes."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking a scanner; the fields are those of ``artstore.attributes.Scan``."""

    status: Literal["clean", "infected", "failed", "skipped"]
    signature: str | None = None
    reason: str | None = None
    engine: str | None = None


class Scanner(Protocol):
    """Looks at bytes; see ``artstore.scanning.clamd``."""

    def scan(self, chunks: Iterator[bytes]) -> Verdict:
        """Give a verdict on these bytes. Raises only what ``chunks`` raise."""
        ...


class Streams(Protocol):
    """What gives an object's bytes; see ``artstore.objects.ObjectStore.stream``."""

    def stream(
        self,
        bucket: str,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        if_match: str | None = None,
        version_id: str | None = None,
    ) -> AbstractContextManager[Iterator[bytes]]: ...


class ObjectScanning:
    """Has a scanner look at objects in storage, in constant memory."""

    def __init__(self, scanner: Scanner, objects: Streams, max_bytes: int) -> None:
        """Take the ports; nothing that is larger than ``max_bytes`` is sent."""
        self._scanner = scanner
        self._objects = objects
        self._max_bytes = max_bytes

    def scan(self, stored: StoredObject, *, decoded: bytes | None = None) -> Verdict:
        """Scan the very bytes that a HEAD described; ``decoded`` are those before their encoding, where somebody
        has them all, and are scanned instead.

        Raises NotFound, PreconditionFailed, Unavailable: where storage does not give the bytes.
        """
        if stored.archived:
            return Verdict(status=SKIPPED, reason="archived")
        if max(stored.size, len(decoded or b"")) > self._max_bytes:
            return Verdict(status=SKIPPED, reason="too_large")
        if decoded is not None:
            return self._scanner.scan(iter((decoded,)))
        if not _is_readable(stored.content_encoding):
            return Verdict(status=SKIPPED, reason="content_encoding")
        return self._scanner.scan(self._chunks(stored))

    def _chunks(self, stored: StoredObject) -> Iterator[bytes]:
        for start in range(0, stored.size, STRETCH_BYTES):
            length = min(STRETCH_BYTES, stored.size - start)
            with self._objects.stream(
                stored.bucket,
                stored.key,
                start=start,
                length=length,
                if_match=stored.etag,
                version_id=stored.version_id,
            ) as chunks:
                for chunk in chunks:
                    yield chunk[:length]  # a server that heeds no Range gives more
                    length -= len(chunk[:length])


def described_as_scanned(
    described: Attributes, verdict: Verdict, at: datetime, *, is_required: bool
) -> Attributes:
    """Give what attr.json says once a scanner was asked; it says nothing anew of bytes that were released.

    A quarantine for another reason stays. One that kept bytes back until they would be scanned ends when they are
    clean.
    """
    if described.scan is not None and described.scan.released_at is not None:
        return described
    scan = Scan(
        status=verdict.status,
        at=at,
        signature=verdict.signature,
        reason=verdict.reason,
        engine=verdict.engine,
    )
    return msgspec.structs.replace(
        described, scan=scan, quarantine=_quarantine(described.quarantine, verdict, at, is_required=is_required)
    )


def released(described: Attributes, by_id: str, at: datetime) -> Attributes:
    """Give what attr.json says once somebody answers for the document whose quarantine is ``RELEASABLE``."""
    scan = described.scan or Scan(status=SKIPPED, at=at, reason=NOT_SCANNED)
    scan = msgspec.structs.replace(scan, released_at=at, released_by_id=by_id)
    return msgspec.structs.replace(described, scan=scan, quarantine=None)


def _quarantine(
    before: Quarantine | None, verdict: Verdict, at: datetime, *, is_required: bool
) -> Quarantine | None:
    if before is not None and before.reason not in RELEASABLE:
        return before  # nobody may answer for these bytes, whatever else is wrong with them
    if verdict.status == INFECTED:
        return before if before is not None and before.reason == INFECTED else Quarantine(reason=INFECTED, at=at)
    if before is not None and before.reason == INFECTED:
        return before
    if verdict.status == CLEAN or not is_required:
        return None
    return before or Quarantine(reason=NOT_SCANNED, at=at)


def _is_readable(content_encoding: str | None) -> bool:
    """Tell whether a scanner can look into bytes of this Content-Encoding: gzip is a format of archives, too."""
    named = {each.strip().lower() for each in (content_encoding or "").split(",")}
    return named <= {"", "aws-chunked", "identity", "gzip"}


def told(verdict: Verdict | Scan) -> dict[str, Any]:
    """Give what logs and reports tell of a verdict."""
    return {
        name: value
        for name in ("status", "signature", "reason", "engine")
        if (value := getattr(verdict, name)) is not None
    }
