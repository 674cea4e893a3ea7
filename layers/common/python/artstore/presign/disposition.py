"""The Content-Disposition of a download: RFC 6266, with the ``filename*`` of RFC 8187 (once RFC 5987)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from artstore.presign.transliteration import to_ascii

_FALLBACK_NAME: Final = "document"
# Control characters, line and paragraph separators, lone surrogates, and the marks that turn text around:
# with those, "gpj.exe" can be shown as "exe.jpg".
_UNWANTED: Final = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)
_READABLE: Final = re.compile("[0-9A-Za-z]")
_ATTR_CHAR: Final = "!#$&+-.^_`|~"


def attachment(filename: str) -> str:
    """Say "save this, under that name" in ASCII, for any name a document may have.

    Both forms are given: ``filename`` in ASCII letters for old readers (``curl -J`` is one), and ``filename*``
    with the whole name (RFC 6266 §4.3, appendix D). Path separators become ``_``; double quotes, line breaks,
    other control characters and direction marks are dropped.
    """
    name = re.sub(r"[/\\]", "_", _UNWANTED.sub("", filename)).replace('"', "").strip() or _FALLBACK_NAME
    return f"attachment; filename=\"{_plain(name)}\"; filename*=UTF-8''{quote(name, safe=_ATTR_CHAR)}"


def _plain(name: str) -> str:
    """Give the name for readers of ``filename`` alone: where nothing of it can be read, its extension at least."""
    plain = re.sub(r'["%/\\]', "_", to_ascii(name))
    stem, dot, extension = plain.rpartition(".")
    if _READABLE.search(stem if dot and not name.isascii() else plain):
        return plain
    return f"{_FALLBACK_NAME}.{extension}" if _READABLE.search(extension) else _FALLBACK_NAME
