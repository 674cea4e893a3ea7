"""Reading one document, as ingest does: its first bytes, its declared type and its name choose the reader."""

from __future__ import annotations

import time

from functions.storage_events.extraction import Document, Extraction, Reading, sniff
from functions.storage_events.extraction.process.confinement import Limits

QUICK = Limits(memory_bytes=256 * 1024 * 1024, cpu_seconds=1, wall_seconds=10.0)
UNDECLARED = "application/octet-stream"
EXTRACTION = Extraction(QUICK, keep_place=True)


def read(body: bytes, declared: str = UNDECLARED, name: str = "", *, complete: bool = True) -> Reading:
    return EXTRACTION.read(Document(body=body, complete=complete), sniff(body, declared, name))


def text_of(body: bytes, declared: str = UNDECLARED, name: str = "") -> str:
    """Give the text on one line, of a document that is read without a doubt."""
    reading = read(body, declared, name)
    assert (reading.extracted.status, reading.extracted.reason) == ("ok", None)
    assert reading.extracted.characters == len(reading.text)
    return " ".join(reading.text.split())


def outcome(
    body: bytes, declared: str = UNDECLARED, name: str = "", *, complete: bool = True
) -> tuple[str, str | None]:
    """Give status and reason, which come within the limits."""
    started = time.monotonic()
    extracted = read(body, declared, name, complete=complete).extracted
    assert time.monotonic() - started < QUICK.wall_seconds + 2
    return extracted.status, extracted.reason
