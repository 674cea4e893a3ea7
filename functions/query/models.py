"""What the read side takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from artstore.attributes import Extracted, Retention
from artstore.index import MAX_QUERY


class ListQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which documents, and how many at a time."""

    query: Annotated[str, Meta(max_length=MAX_QUERY)] | None = None
    """Words that must all occur, "a phrase", -absent, begin*, or; over name, description, title, author, tags,
    values of attributes and text. Without it: every document."""
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(max_length=300)] | None = None
    """next_cursor of the page before, with the same query."""


class Document(msgspec.Struct, kw_only=True):
    """A document: every field of its attr.json, those without a value too, and its status."""

    schema_version: str
    file_id: UUID
    status: str
    """STORED, or MISSING when its bytes are no longer in storage."""
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
    checksum: str
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
    checksum_verified: bool = True
    """False while checksum is only what the client declared."""
    finalization: UUID | None = None
    """The transaction that is moving the document just now."""


class Total(msgspec.Struct):
    """How many documents match: exactly, or at least."""

    value: int
    relation: str
    """eq or gte."""


class DocumentList(msgspec.Struct):
    """One page of documents, newest first."""

    items: list[Document]
    next_cursor: str | None
    total: Total


class Live(msgspec.Struct):
    """The process answers."""

    status: str


class Readiness(msgspec.Struct):
    """What the archive depends on, each by name: ok, or what is wrong."""

    status: str
    """ready, or unavailable."""
    dependencies: dict[str, str]
