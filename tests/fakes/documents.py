"""Attributes made up for tests: everything has a value, and what matters to the test is said by it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from artstore.attributes import Attributes
from artstore.index import ObjectVersion, Projection

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_attributes(**changes: Any) -> Attributes:
    """Give valid attributes with ``changes``; they tell the bytes ``of`` a document when these are given."""
    if (body := changes.pop("of", None)) is not None:
        changes = {"file_size": len(body), "checksum": hashlib.sha256(body).hexdigest()} | changes
    file_id = changes.pop("file_id", None) or uuid4()
    values: dict[str, Any] = {
        "file_id": file_id,
        "original_filename": "report.pdf",
        "storage_filename": f"report_anna_20260301T120000_{file_id}.pdf",
        "file_size": 1024,
        "content_type": "application/pdf",
        "created_at": NOON,
        "updated_at": NOON,
        "created_by_id": "sa_anna",
        "created_by_username": "anna",
        "storage_path": "2026/03/01/12/",
        "checksum": "ab" * 32,
        "revision": 1,
    }
    return Attributes(**values | changes)


def make_version(etag: str = '"bytes"', version_id: str | None = None, sha256: str | None = None) -> ObjectVersion:
    """Give what tells the bytes of a document from others."""
    return ObjectVersion(etag=etag, modified=NOON, version_id=version_id, sha256=sha256)


def make_projection(text: str = "", etag: str = '"1"', bucket: str = "edit", **changes: Any) -> Projection:
    """Give the projection of a document whose attributes have ``changes``; its bytes are there."""
    key: str | None = changes.pop("key", None)
    at_home: bool = changes.pop("at_home", True)
    missing: bool = changes.pop("missing", False)
    version: ObjectVersion | None = changes.pop("object", None)
    attributes = make_attributes(**changes)
    return Projection(
        object=None if missing else version or make_version(version_id=attributes.storage_version_id),
        missing=missing,
        at_home=at_home,
        attributes=attributes,
        bucket=bucket,
        key=key or attributes.storage_path + attributes.storage_filename,
        attributes_etag=etag,
        text=text,
    )


def id_number(number: int) -> UUID:
    """Give the UUID of that number, so that order is visible in a test."""
    return UUID(int=number)
