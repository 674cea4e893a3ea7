"""How a document is shown: every function that answers with one answers with this."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from artstore.attributes import Attributes, Extracted, Quarantine, Retention, Scan, to_document, to_v1_compatible
from artstore.fixity import Fixity
from artstore.restoring import Restore

STORED, MISSING, QUARANTINED, TRASHED = "STORED", "MISSING", "QUARANTINED", "TRASHED"


class Document(msgspec.Struct, kw_only=True):
    """A document: every field of its attr.json, those without a value too, and its status."""

    schema_version: str
    file_id: UUID
    status: str
    """STORED, MISSING when its bytes are not in storage, QUARANTINED when nobody is given them, or TRASHED."""
    original_filename: str
    storage_filename: str
    file_size: int
    content_type: str
    created_at: datetime
    updated_at: datetime
    created_by_id: str
    created_by_username: str
    created_by_fullname: str | None = None
    description: str | None = None
    version: str | None = None
    storage_path: str
    checksum: str | None = None
    """SHA-256 in lowercase hex; null while nobody has read the bytes of an object that came in by another way."""
    custom_attributes: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    revision: int
    tags: list[str] = []
    retention: Retention | None = None
    content_encoding: str | None = None
    original_size: int | None = None
    original_checksum: str | None = None
    extracted: Extracted | None = None
    storage_element_id: str | None = None
    storage_version_id: str | None = None
    space: str | None = None
    """null: the default space."""
    folder: str | None = None
    supersedes: UUID | None = None
    """file_id of the document that this one takes the place of."""
    current: bool = True
    """False when another document takes the place of this one: then lists leave it out."""
    checksum_verified: bool = True
    """False while checksum is only what the client declared, or null."""
    quarantine: Quarantine | None = None
    """Why nobody is given the bytes, and since when."""
    scan: Scan | None = None
    """What a virus scanner said of the bytes; null where none was asked."""
    finalization: UUID | None = None
    """The transaction that is moving the document just now."""
    finalized_at: datetime | None = None
    """When one had moved it to where documents are kept."""
    deleted_at: datetime | None = None
    """Since when it is in the trash."""
    deleted_by_id: str | None = None
    restore: Restore | None = None
    """Of archived bytes that were asked back. null: they were not, and in lists."""
    fixity: Fixity | None = None
    """When the bytes were last read and compared with checksum, and what was found. null: never, and in lists."""


class DocumentV1(msgspec.Struct, kw_only=True):
    """A document as the first ArtStore described one before schema 2.0: its attr.json, for who reads no other."""

    file_id: UUID
    original_filename: str
    storage_filename: str
    file_size: int
    content_type: str
    created_at: str
    updated_at: str
    created_by_id: str
    created_by_username: str
    created_by_fullname: str | None
    description: str | None
    version: str | None
    storage_path: str
    checksum: str
    metadata: dict[str, Any]
    dropped: list[str]
    """Which fields say something of the document, and have no place here."""


def show_v1(attributes: Attributes) -> DocumentV1:
    """Give the document in schema 1.0. Raises Conflict (``not_v1_compatible``)."""
    document, dropped = to_v1_compatible(attributes)
    return msgspec.convert({**document, "dropped": list(dropped)}, DocumentV1)


def etag_of_v1(attributes_etag: str) -> str:
    """Give the ETag of a document in schema 1.0, which says nothing but what its attr.json does."""
    return f'{attributes_etag[:-1]}-v1"'


def show(attributes: Attributes, *, missing: bool = False, current: bool = True) -> Document:
    """Give the document that an attr.json describes; ``missing``: its bytes are not in storage; ``current``:
    nothing takes its place."""
    status = MISSING if missing else STORED if attributes.quarantine is None else QUARANTINED
    if attributes.deleted_at is not None:
        status = TRASHED
    return msgspec.convert({**to_document(attributes), "status": status, "current": current}, Document)


def etag_of(
    attributes_etag: str,
    *,
    missing: bool = False,
    current: bool = True,
    restore: Restore | None = None,
    fixity: Fixity | None = None,
) -> str:
    """Give the ETag under which a document is shown: its attr.json's, or another one while its bytes are missing
    or asked back, or it is replaced, and after each check of its fixity, so that no cache goes on showing the one
    for the other (RFC 9110 §8.8.3). If-Match does not heed restores and checks, see
    ``artstore.http.preconditions``."""
    suffix = ("-missing" if missing else "") + ("" if current else "-replaced")
    if restore is not None:
        suffix += f"-{restore.status}" + ("" if restore.until is None else f"-{restore.until:%Y%m%d}")
    if fixity is not None:
        suffix += f"-checked{fixity.checked_at:%Y%m%d%H%M%S}"
    return f'{attributes_etag[:-1]}{suffix}"' if suffix else attributes_etag
