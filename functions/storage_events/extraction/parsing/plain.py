"""What readers of text share: decoding with its doubts reported, and what a terminal would not show."""

from __future__ import annotations

import re

from functions.storage_events.extraction.contract import Document, Report, StopReading
from functions.storage_events.extraction.parsing.charsets import Decoded, decode, is_text

_TERMINAL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # control sequences: colours, cursor (ECMA-48 §5.4)
    r"|\x1b\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)"  # operating system commands: titles, links
    r"|\x1b[PX^_][^\x1b]{0,2000}\x1b\\"  # control strings
    r"|\x1b[ -/]*[0-~]"
)
_OVERSTRUCK = re.compile(r".\x08")


def understood(document: Document) -> Decoded:
    """Decode the document. Raises StopReading when it is no text."""
    decoded = decode(document.body, document.charset)
    if not is_text(decoded.text):
        raise StopReading("failed", "not_text")
    return decoded


def report_state(decoded: Decoded, document: Document, report: Report) -> None:
    """Report that the text is not wholly understood, or not wholly there."""
    if decoded.reason is not None:
        report.lacking(decoded.reason)
    if not document.complete:
        report.lacking("too_large")


def plain(text: str) -> str:
    """Take out what a terminal acts upon and does not show."""
    if "\x1b" in text:
        text = _TERMINAL.sub("", text)
    if "\x08" in text:
        text = _OVERSTRUCK.sub("", text)
    return text
