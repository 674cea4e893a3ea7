"""Reads plain text and what is written as such: Markdown, CSV, JSON, XML, logs."""

from __future__ import annotations

import codecs

from functions.storage_events.extraction import Document, Report, StopReading

_TYPES = frozenset(
    {"application/json", "application/xml", "application/yaml", "application/x-yaml", "application/csv"}
)
_MARKUP = frozenset({"text/html", "text/rtf", "text/css", "text/javascript"})
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class PlainTextProcessor:
    """A Processor for text whose markup, if any, reads as words."""

    format = "text"

    def can_process(self, content_type: str) -> bool:
        """See Processor."""
        return content_type in _TYPES or (content_type.startswith("text/") and content_type not in _MARKUP)

    def process(self, document: Document, report: Report) -> None:
        """See Processor. Bytes that are no text in any encoding tried are ``failed: not_text``."""
        text = _decode(document.body)
        if text.count("\0") > len(text) // 100:
            raise StopReading("failed", "not_text")
        report.text(text)
        if not document.complete:
            raise StopReading("partial", "too_large")


def _decode(body: bytes) -> str:
    """Decode by the byte order mark, or as UTF-8, or else as Windows-1251, in which old Russian text is."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body.decode(encoding, "replace")
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        return body.decode("cp1251", "replace")
