"""What attr.json says of a document that has just arrived, from its upload record or from the object alone, and of
one whose object was overwritten."""

from __future__ import annotations

import posixpath
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from artstore import attributes as attr
from artstore.attributes import Attributes, Extracted, Retention
from artstore.attributes.storable import MAX_INTEGER
from artstore.elements import StorageElement
from artstore.errors import TooLarge
from artstore.objects import StoredObject
from artstore.tables import UploadRecord
from functions.storage_events.encodings import Original
from functions.storage_events.extraction.sniffing import choose_type
from functions.storage_events.reading import Read
from functions.storage_events.sight import version_of

STRANGER = "s3"
"""The owner of documents that were copied in with a tool of S3's."""


def describe_upload(
    record: UploadRecord, stored: StoredObject, element: StorageElement, read: Read, *, is_proven: bool
) -> Attributes:
    """Describe a document whose upload ArtStore permitted; it says what the client said, and what was found.

    ``is_proven``: the bytes are known to have the checksum that was announced. What the bytes were before their
    encoding is told as it was found, where it could be read whole; else as it was announced.
    """
    extracted = read.extracted
    announced = None
    if record.original_sha256 is not None and not read.is_damaged:
        announced = Original(size=int(record.original_size), sha256=record.original_sha256)
    created_at = _time(record.created_at)
    return Attributes(
        file_id=UUID(record.file_id),
        original_filename=record.original_filename,
        storage_filename=posixpath.basename(stored.key),
        file_size=stored.size,
        content_type=choose_type(record.content_type, extracted.detected_type),
        created_at=created_at,
        updated_at=max(created_at, stored.last_modified),  # S3 tells whole seconds
        created_by_id=record.created_by_id,
        created_by_username=record.created_by_username,
        created_by_fullname=record.created_by_fullname,
        description=record.description,
        storage_path=_folder(stored.key, element),
        checksum=record.sha256,
        custom_attributes=record.custom_attributes or {},
        revision=1,
        tags=tuple(record.tags or ()),
        retention=_retention(record, created_at),
        content_encoding=stored.content_encoding,
        **_before_encoding(read.original or announced),
        extracted=extracted,
        storage_element_id=element.element_id,
        storage_version_id=version_of(stored),
        checksum_verified=None if is_proven else False,
        storage_etag=None if is_proven else stored.etag,
        space=record.space,
        folder=record.folder,
    )


def describe_stranger(
    file_id: UUID, checksum: str | None, stored: StoredObject, element: StorageElement, read: Read
) -> Attributes:
    """Describe an object that came without an upload record: name from its key, metadata from the object.

    ``checksum`` is None as long as nobody has read it through.
    """
    name = posixpath.basename(stored.key)
    return Attributes(
        file_id=file_id,
        original_filename=name,
        storage_filename=name,
        file_size=stored.size,
        content_type=choose_type(stored.content_type, read.extracted.detected_type),
        created_at=stored.last_modified,
        updated_at=stored.last_modified,
        created_by_id=STRANGER,
        created_by_username=STRANGER,
        storage_path=_folder(stored.key, element),
        custom_attributes=dict(stored.metadata),
        revision=1,
        content_encoding=stored.content_encoding,
        **_before_encoding(read.original),
        extracted=read.extracted,
        storage_element_id=element.element_id,
        storage_version_id=version_of(stored),
        **_checksum(checksum, stored),
    )


def describe_anew(before: Attributes, checksum: str | None, stored: StoredObject, read: Read) -> Attributes:
    """Describe the bytes that were put over a document's; whose it is and what was said of it stays.

    ``checksum`` is None as long as nobody has read them through.
    """
    return msgspec.structs.replace(
        before,
        file_size=stored.size,
        content_type=choose_type(stored.content_type, read.extracted.detected_type),
        content_encoding=stored.content_encoding,
        original_size=None if read.original is None else read.original.size,
        original_checksum=None if read.original is None else read.original.sha256,
        extracted=read.extracted,
        storage_version_id=version_of(stored),
        quarantine=None,
        scan=None,
        revision=min(before.revision + 1, MAX_INTEGER),
        updated_at=max(before.updated_at, stored.last_modified),
        **_checksum(checksum, stored),
    )


def write_attributes(described: Attributes) -> tuple[Attributes, bytes]:
    """Give the attr.json; what was extracted is told in short where the whole would not fit.

    Raises Invalid, and TooLarge (``attributes_too_large``).
    """
    try:
        return described, attr.dump(described)
    except TooLarge:
        if described.extracted is None:
            raise
    found = described.extracted
    short = Extracted(status=found.status, reason=found.reason, format=found.format, characters=found.characters)
    described = msgspec.structs.replace(described, extracted=short)
    return described, attr.dump(described)


def stranger_id(bucket: str, key: str) -> UUID:
    """Give an object without a record its file_id: always the same for the same place."""
    return uuid5(NAMESPACE_URL, f"s3://{bucket}/{key}")


def _checksum(found: str | None, stored: StoredObject) -> dict[str, Any]:
    """Give what is said of the checksum of bytes that nobody declared one of."""
    if found is not None:
        return {"checksum": found, "checksum_verified": None, "storage_etag": None}
    return {"checksum": None, "checksum_verified": False, "storage_etag": stored.etag}


def _before_encoding(original: Original | None) -> dict[str, Any]:
    return {} if original is None else {"original_size": original.size, "original_checksum": original.sha256}


def _folder(key: str, element: StorageElement) -> str:
    """Give the path inside the element up to the name, with its closing slash, as the first ArtStore wrote it."""
    path = key.removeprefix(element.prefix)
    return path[: len(path) - len(posixpath.basename(path))]


def _retention(record: UploadRecord, created_at: datetime) -> Retention:
    expires_at = None if record.ttl_days is None else created_at + timedelta(days=int(record.ttl_days))
    return Retention(policy=record.retention_policy, expires_at=expires_at, schedule=record.retention_schedule)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
