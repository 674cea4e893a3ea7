"""What the first bytes of a document say it is.

The declared type stays the document's ``content_type``: the client signed it, storage serves it, and
downloads are attachments whatever it says. It gives way only when it declares nothing
(``application/octet-stream``). What the bytes say is kept beside it as ``extracted.detected_type``, and the
bytes, not the declaration, choose the parser: a program called report.pdf is archived as it was declared,
is never given to the PDF parser, and its attr.json shows both.
"""

from __future__ import annotations

import struct

import filetype

HEAD_BYTES = 8192
"""How many first bytes are looked at."""

_UNDECLARED = ("", "application/octet-stream", "binary/octet-stream")
_PDF_HEADER_WITHIN = 1024
_TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1b")


def detect_type(head: bytes) -> str | None:
    """Give the content type that the first bytes speak of, None when they do not tell or are plain text.

    A PDF may begin with other bytes before its header (ISO 32000-1, implementation note 13). Text is let
    through before two-letter signatures are tried, or a note that begins with "BM" would be an image.
    """
    head = head[:HEAD_BYTES]
    if b"%PDF-" in head[:_PDF_HEADER_WITHIN]:
        return "application/pdf"
    if not head or looks_like_text(head):
        return None
    try:
        kind = filetype.guess(head)
    except (ValueError, LookupError, struct.error):
        return None
    return None if kind is None else str(kind.mime)


def looks_like_text(head: bytes) -> bool:
    """Tell whether the bytes are UTF-8 (perhaps cut inside a character) without control characters."""
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(head) - error.start > 3 or error.reason != "unexpected end of data":
            return False
    return all(byte >= 0x20 or byte in _TEXT_CONTROLS for byte in head) and 0x7F not in head


def choose_type(declared: str, detected: str | None) -> str:
    """Give the document's content type: what was declared, or when nothing was, what was detected."""
    if declared.strip().lower() not in _UNDECLARED:
        return declared
    return detected or "application/octet-stream"
