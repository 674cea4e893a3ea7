"""What a document is read as: by its first bytes, then by what was declared, then by its name.

The declared type stays the document's ``content_type``: the client signed it, storage serves it, and
downloads are attachments whatever it says. It gives way only when it declares nothing
(``application/octet-stream``). What the bytes say is kept beside it as ``extracted.detected_type``, and the
bytes, not the declaration, choose the reader: a program called report.pdf is archived as it was declared,
is never given to the PDF reader, and its attr.json shows both. Bytes that are text are read as text whatever
was declared; which kind of text they are, the bytes seldom say, so there the declaration and the name decide.
"""

from __future__ import annotations

import re
import struct
from email.message import Message

import filetype
import msgspec

from functions.storage_events.extraction.parsing.text_bytes import looks_like_text
from functions.storage_events.extraction.registry import BY_NAME, Format, format_of_name, format_of_type

HEAD_BYTES = 8192
"""How many first bytes are looked at."""

_UNDECLARED = ("", "application/octet-stream", "binary/octet-stream")
_PDF_HEADER_WITHIN = 1024
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_COMPOUND_TYPE = "application/x-ole-storage"
_PAGE = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html)\b", re.I | re.S
)
_HEADER = re.compile(
    rb"^(?:return-path|received|from|to|delivered-to|message-id|mime-version|date|subject|dkim-signature):",
    re.I | re.M,
)


class Kind(msgspec.Struct, frozen=True):
    """What a document is: the type its bytes speak of, the format to read it as, and its declared charset."""

    detected: str | None = None
    format: Format | None = None
    charset: str | None = None


def sniff(head: bytes, declared: str, name: str = "") -> Kind:
    """Tell what a document with these first bytes, this declared type and this name is read as."""
    head = head[:HEAD_BYTES]
    bare, charset = _parse(declared)
    detected = detect_type(head)
    if detected is not None:
        return Kind(detected, format_of_type(detected), charset)
    by_type = format_of_type(bare)
    if not head:
        return Kind(None, by_type, charset)
    if looks_like_text(head):
        return Kind(None, _kind_of_text(head, bare, by_type, name), charset)
    if by_type is None and bare in _UNDECLARED:
        by_type = format_of_name(name)
    return Kind(None, by_type, charset)


def detect_type(head: bytes) -> str | None:
    """Give the content type that the first bytes speak of, None when they do not tell or are plain text.

    A PDF may begin with other bytes before its header (ISO 32000-1, implementation note 13), and a text may tell
    of one. Text is let
    through before two-letter signatures are tried, or a note that begins with "BM" would be an image.
    """
    head = head[:HEAD_BYTES]
    before, found, _ = head[:_PDF_HEADER_WITHIN].partition(b"%PDF-")
    if found and (not before.strip() or not looks_like_text(head)):
        return "application/pdf"
    if head.startswith(rb"{\rtf"):
        return "application/rtf"
    if head.startswith(_COMPOUND):
        return _COMPOUND_TYPE
    if not head or looks_like_text(head):
        return None
    try:
        kind = filetype.guess(head)
    except (ValueError, LookupError, struct.error):
        return None
    return None if kind is None else str(kind.mime)


def choose_type(declared: str, detected: str | None) -> str:
    """Give the document's content type: what was declared, or when nothing was, what was detected."""
    if declared.strip().lower() not in _UNDECLARED:
        return declared
    return detected or "application/octet-stream"


def _parse(declared: str) -> tuple[str, str | None]:
    """Take a media type apart (RFC 9110 §8.3.1): the type in lower case, and its charset."""
    message = Message()
    message["Content-Type"] = declared.replace("\r", " ").replace("\n", " ")
    charset = message.get_param("charset")
    bare = declared.partition(";")[0].strip().lower()
    return bare, charset if isinstance(charset, str) else None


def _kind_of_text(head: bytes, bare: str, by_type: Format | None, name: str) -> Format:
    """Tell which kind of text it is: what was declared, what its beginning shows, what its name says."""
    general = by_type is None or not by_type.is_text or by_type.name == "text"
    if by_type is not None and not general:
        return by_type
    if _PAGE.match(head):
        return BY_NAME["html"]
    if head.lstrip().startswith(b"<?xml"):
        return BY_NAME["xml"]
    by_name = format_of_name(name)
    if by_name is not None and by_name.is_text and (by_name.name != "text" or bare not in _UNDECLARED):
        return by_name
    if not bare.startswith("text/") and by_name is None and len(set(_HEADER.findall(head.split(b"\n\n")[0]))) > 2:
        return BY_NAME["eml"]
    return BY_NAME["text"]
