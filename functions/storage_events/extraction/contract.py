"""What a reader of one format is given, and how it reports what it finds.

A reader is a module in ``formats`` with a function ``read(document, report)``. It runs confined, may raise
StopReading to end early with a reason, and may raise anything else: that is a damaged document.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from artstore.attributes import Extracted


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of a document, or its beginning when not ``complete``; ``charset`` is the one declared for it."""

    body: bytes
    complete: bool = True
    charset: str | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What was read: ``extracted`` goes into attr.json, ``text`` into the index."""

    extracted: Extracted
    text: str = ""


class Facts(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of a document besides its text; None says nothing. See artstore.attributes.Extracted."""

    title: str | None = None
    author: str | None = None
    pages: int | None = None
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    album: str | None = None
    taken_at: str | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    entries: int | None = None


class StopReading(Exception):
    """Ends the work of a reader, with what it reported so far."""

    def __init__(self, status: str, reason: str) -> None:
        """Take ``partial``, ``failed`` or ``unsupported``, and why."""
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Report(Protocol):
    """Where a reader reports what it finds."""

    def is_a(self, format_name: str) -> None:
        """Report that the document is of another format than it was taken for (a ZIP that is a DOCX)."""
        ...

    def facts(self, facts: Facts) -> None:
        """Report what is known of the document; later facts add to earlier ones."""
        ...

    def text(self, text: str) -> None:
        """Report the next piece of text. Raises StopReading when there is enough, or no time left."""
        ...

    def lacking(self, reason: str) -> None:
        """Report that something could not be read, so that the outcome is ``partial``; the first reason counts."""
        ...
