"""A little archive as the first ArtStore left it: objects and their attr.json files, in each of its formats.

Nothing here is made with the code that reads it.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

AT = datetime(2024, 12, 31, 23, 59, 58, tzinfo=UTC)


class Left(NamedTuple):
    """A document of the first ArtStore: its key (without the element's prefix), its bytes, its attr.json."""

    key: str
    body: bytes
    attributes: dict[str, Any]

    @property
    def file_id(self) -> UUID:
        """The document's id."""
        return UUID(self.attributes["file_id"])

    @property
    def raw(self) -> bytes:
        """The attr.json as it was written: indented, Cyrillic as it is."""
        return json.dumps(self.attributes, ensure_ascii=False, indent=2).encode()


def key_of(filename: str, username: str, file_id: str) -> str:
    """Give the key: a folder for the hour, a name of at most 200 characters that ends with the id."""
    stem, dot, extension = filename.rpartition(".")
    stem, extension = (stem, f".{extension}") if dot else (filename, "")
    end = f"_{username}_{AT:%Y%m%dT%H%M%S}_{file_id}{extension}"
    stem = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", stem)[: 200 - len(end)]
    return f"{AT:%Y/%m/%d/%H}/{stem}{end}"


def _v1(number: int, filename: str, body: bytes, **changes: Any) -> Left:
    file_id = f"7f000000-0000-4000-8000-{number:012d}"
    key = key_of(filename, "ivanov", file_id)
    attributes: dict[str, Any] = {
        "file_id": file_id,
        "original_filename": filename,
        "storage_filename": key.rpartition("/")[2],
        "file_size": len(body),
        "content_type": "text/plain",
        "created_at": "2024-12-31T23:59:58.123456+00:00",
        "updated_at": "2024-12-31T23:59:58.123456",
        "created_by_id": "user-17",
        "created_by_username": "ivanov",
        "created_by_fullname": "Иванов Иван Иванович",
        "description": f"документ {number}",
        "version": "1.0",
        "storage_path": f"{AT:%Y/%m/%d/%H}/",
        "checksum": hashlib.sha256(body).hexdigest(),
        "metadata": {},
    }
    return Left(key, body, attributes | changes)


def _dialect(number: int, filename: str, body: bytes, **changes: Any) -> Left:
    file_id = f"7f000000-0000-4000-8000-{number:012d}"
    attributes: dict[str, Any] = {
        "schema_version": "1.0",
        "file_id": file_id,
        "original_filename": filename,
        "size_bytes": len(body),
        "mime_type": "text/plain",
        "md5_hash": hashlib.md5(body, usedforsecurity=False).hexdigest(),
        "sha256_hash": hashlib.sha256(body).hexdigest(),
        "uploaded_by": "petrova",
        "uploaded_at": "2024-12-31T23:59:58Z",
        "retention_days": 3650,
        "version": 2,
        "template": "contract",
        "department": "legal",
        "tags": ["договор", "2024"],
    }
    return Left(key_of(filename, "petrova", file_id), body, attributes | changes)


V1 = (
    _v1(1, "Годовой отчёт.txt", "Выручка выросла на семь процентов".encode()),
    _v1(2, "plain", b"no extension, nobody's full name", created_by_fullname=None, description=None, version=None),
    _v1(3, "Протокол " + "очень " * 60 + "длинный.txt", b"a name that was cut at 200 characters"),
    _v1(4, 'what? a "name": 1/2.txt', b"characters that a key does not have", metadata={"department": "sales"}),
)
DIALECT = (
    _dialect(11, "Договор № 5.txt", "Предмет договора".encode()),
    _dialect(
        12, "kept for ever.txt", b"free fields that newer names clash with", retention="7 years", folder="A/B"
    ),
    _dialect(13, "kept until.txt", b"until a day", expires_at="2099-01-01T00:00:00Z"),
)
ADDED_BY_V2 = {"schema_version": "2.0", "custom_attributes": {"contract": "K-17/2024"}}
V2 = tuple(
    left._replace(attributes=left.attributes | ADDED_BY_V2)
    for left in (
        _v1(21, "Счёт-фактура.txt", "Итого к оплате".encode()),
        _v1(22, "from a newer one.txt", b"with a field that nobody knows", colour={"name": "green"}),
    )
)
EVERYTHING = V1 + DIALECT + V2
