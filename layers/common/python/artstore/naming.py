"""Object keys: where a document and its attributes lie.

Keys keep the form of the first ArtStore, so that its archives and ours read alike::

    {prefix}YYYY/MM/DD/HH/{stem}_{username}_{YYYYMMDDTHHMMSS}_{uuid}{ext}
    {prefix}YYYY/MM/DD/HH/{stem}_{username}_{YYYYMMDDTHHMMSS}_{uuid}{ext}.attr.json

What begins with ``.artstore/`` at the top of a bucket is reserved for ArtStore's own records.

The name has at most 200 characters. The uuid is the file_id: an event finds its upload record by it.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

RESERVED_PREFIX = ".artstore/"
"""Keys of a bucket that begin so are ArtStore's own records, never documents; see ``is_reserved``."""
ATTRIBUTES_SUFFIX = ".attr.json"
MAX_KEY_BYTES = 1024
"""The longest key of S3, in UTF-8. A document's key leaves room for the suffix of its attributes."""
MAX_NAME_LENGTH = 200
_MAX_EXTENSION_LENGTH = 20
_MAX_USERNAME_LENGTH = 50

_RESERVED = frozenset('<>:"/\\|?*')
_FILE_ID = re.compile(r"_\d{8}T\d{6}_([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:\.[^/]*)?\Z")


def sanitize(text: str) -> str:
    """Make ``text`` (NFC) safe inside a key: reserved, control and invisible characters become ``_``."""
    if text.isascii() and text.isprintable() and _RESERVED.isdisjoint(text):
        return text
    return "".join(
        "_" if character in _RESERVED or unicodedata.category(character).startswith("C") else character
        for character in unicodedata.normalize("NFC", text)
    )


def is_reserved(key: str) -> bool:
    """Tell whether ``key`` lies where no document may: exports of the audit log and whatever else is ours."""
    return key.startswith(RESERVED_PREFIX)


def object_key(prefix: str, filename: str, username: str, at: datetime, file_id: UUID) -> str:
    """Build the key of a new document. ``at`` is aware; the folder and stamp are in UTC.

    Raises ValueError for a ``prefix`` that is reserved.
    """
    if is_reserved(prefix):
        raise ValueError(f"{prefix!r} is reserved")
    folder, stamp = _folder_and_stamp(at.astimezone(UTC))
    name = sanitize(filename)
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension) > _MAX_EXTENSION_LENGTH:
        stem, extension = name, ""
    suffix = f"_{sanitize(username)[:_MAX_USERNAME_LENGTH]}_{stamp}_{file_id}"
    suffix += f".{extension}" if extension else ""
    return f"{prefix}{folder}/{stem[: MAX_NAME_LENGTH - len(suffix)]}{suffix}"


@lru_cache(maxsize=8)
def _folder_and_stamp(at: datetime) -> tuple[str, str]:
    return f"{at:%Y/%m/%d/%H}", f"{at:%Y%m%dT%H%M%S}"


def attributes_key(key: str) -> str:
    """Give the key of the attributes beside the document ``key``."""
    return key + ATTRIBUTES_SUFFIX


def is_attributes_key(key: str) -> bool:
    """Tell whether ``key`` is a document's attributes rather than a document."""
    return key.endswith(ATTRIBUTES_SUFFIX)


def document_key(attributes: str) -> str:
    """Give the key of the document that the attributes key ``attributes`` describes."""
    return attributes.removesuffix(ATTRIBUTES_SUFFIX)


def file_id_of(key: str) -> UUID | None:
    """Read the file_id out of a document's key, or None for a key that is not of our form."""
    match = _FILE_ID.search(key)
    return UUID(match[1]) if match else None
