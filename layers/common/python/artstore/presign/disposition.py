"""The Content-Disposition of a download: RFC 6266, with the ``filename*`` of RFC 8187 (once RFC 5987)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

_FALLBACK_NAME: Final = "document"
# Control characters, line and paragraph separators, lone surrogates, and the marks that turn text around:
# with those, "gpj.exe" can be shown as "exe.jpg".
_UNWANTED: Final = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)
_ATTR_CHAR: Final = "!#$&+-.^_`|~"


def attachment(filename: str) -> str:
    """Say "save this, under that name" in ASCII, for any name a document may have.

    Both forms are given: ``filename`` for old readers, where everything but plain ASCII becomes ``_``, and
    ``filename*`` with the whole name (RFC 6266 §4.3, appendix D). Path separators become ``_``; double
    quotes, line breaks, other control characters and direction marks are dropped.
    """
    name = re.sub(r"[/\\]", "_", _UNWANTED.sub("", filename)).replace('"', "").strip() or _FALLBACK_NAME
    plain = re.sub(r"[^\x20-\x7e]|%", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_ATTR_CHAR)}"
