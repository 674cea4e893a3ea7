"""Folders: where people look for a document, said in its attr.json and nowhere else.

``/a/b`` is absolute, has no empty segment, none of ``.`` and ``..``, no control characters, and is kept in NFC, so
that what looks alike is the same. Folders are no things of their own: one is there as long as a document is in it,
and no object's key changes with it.
"""

from __future__ import annotations

import re
import unicodedata

from artstore.errors import Invalid

MAX_FOLDER = 1000
"""The most characters of a folder."""

# Control characters, line and paragraph separators, and halves of surrogate pairs.
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def parse_folder(text: str) -> str:
    """Give the folder as it is kept. Raises Invalid (``invalid_folder``)."""
    folder = unicodedata.normalize("NFC", text)
    segments = folder.split("/")
    if segments[0] or len(segments) < 2 or len(folder) > MAX_FOLDER or _UNWANTED.search(folder):
        raise _invalid()
    if any(not each.strip() or each in (".", "..") for each in segments[1:]):
        raise _invalid()
    return folder


def _invalid() -> Invalid:
    return Invalid(
        f"folder must be like /a/b: absolute, at most {MAX_FOLDER} characters, no segment empty, . or .., and no "
        "control characters",
        code="invalid_folder",
        field="folder",
    )
