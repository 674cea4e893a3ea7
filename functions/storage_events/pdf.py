"""Reads PDF (ISO 32000) with pypdf: title, author, number of pages, text.

Meant to run confined: pypdf bounds the streams it unpacks, but neither its time nor its depth.
"""

from __future__ import annotations

import io

from pypdf import PasswordType, PdfReader
from pypdf.errors import DependencyError, PyPdfError

from functions.storage_events.extraction import Document, Report, StopReading

# What pypdf raises over damaged pages, besides its own errors. One bad page is not a bad document.
_DAMAGE = (
    PyPdfError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)


class PdfProcessor:
    """A Processor for PDF."""

    format = "pdf"

    def can_process(self, content_type: str) -> bool:
        """See Processor."""
        return content_type in ("application/pdf", "application/x-pdf")

    def process(self, document: Document, report: Report) -> None:
        """See Processor. A document that needs a password is ``failed: encrypted``, a cut one ``failed``."""
        if not document.complete:
            raise StopReading("failed", "too_large")
        try:
            reader = PdfReader(io.BytesIO(document.body), strict=False)
            if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
                raise StopReading("failed", "encrypted")
            pages = len(reader.pages)
        except DependencyError as error:
            raise StopReading("failed", "encrypted") from error
        except _DAMAGE as error:
            raise StopReading("failed", "damaged") from error
        title, author = _title_and_author(reader)
        report.facts(title=title, author=author, pages=pages)
        unreadable = 0
        for number in range(pages):
            try:
                text = reader.pages[number].extract_text()
            except _DAMAGE:
                unreadable += 1
                continue
            report.text(text + "\n")
        if unreadable:
            raise StopReading("partial" if unreadable < pages else "failed", "unreadable_pages")


def _title_and_author(reader: PdfReader) -> tuple[str | None, str | None]:
    """Read the document information (ISO 32000-1 §14.3.3); what cannot be read is not there."""
    found: list[str | None] = []
    for name in ("/Title", "/Author"):
        try:
            value = reader.metadata.get(name) if reader.metadata else None
            found.append(None if value is None else str(value))
        except _DAMAGE:
            found.append(None)
    return found[0], found[1]
