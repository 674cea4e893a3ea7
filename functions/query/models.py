"""What the read side takes and gives."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from artstore.documents import Document
from artstore.folders import MAX_FOLDER
from artstore.index import MAX_QUERY
from artstore.restoring import Tier
from artstore.spaces import SpaceName


class Versions(enum.StrEnum):
    """Which versions of documents."""

    CURRENT = "current"
    ALL = "all"


class ListQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which documents, and how many at a time."""

    query: Annotated[str, Meta(max_length=MAX_QUERY)] | None = None
    """Words that must all occur, "a phrase", -absent, begin*, or; over name, description, title, author, tags,
    values of attributes and text. Without it: every document."""
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(max_length=300)] | None = None
    """next_cursor of the page before, of the same list."""
    space: SpaceName | None = None
    """Only documents of this space; none where it is not the caller's."""
    versions: Versions = Versions.CURRENT
    """all: those, too, that others have taken the place of."""
    sha256: (
        Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}(?!\n)$", description="64 hexadecimal digits")] | None
    ) = None
    """Only documents whose content has this SHA-256."""
    folder: Annotated[str, Meta(max_length=MAX_FOLDER)] | None = None
    """Only documents in this folder, and in those below it."""


class Schema(enum.StrEnum):
    """In which schema a document is shown."""

    PRESENT = "2.0"
    FIRST = "1.0"


class ShowQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How a document is shown."""

    schema: Schema = Schema.PRESENT
    """1.0: as the first ArtStore described documents before schema 2.0, with a list of what is dropped."""


class PageQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How many at a time."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(max_length=300)] | None = None
    """next_cursor of the page before."""


class TrashQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Which of the deleted documents, and how many at a time."""

    space: SpaceName | None = None
    """Only those of this space; none where it is not the caller's."""


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


class RestoreRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """For how long archived bytes are to be at hand."""

    days: Annotated[int, Meta(ge=1, le=30)] = 7
    tier: Tier = Tier.STANDARD
    """Standard takes hours, Bulk up to two days and costs least, Expedited minutes, where storage has it."""


class RestoreState(msgspec.Struct):
    """Whether the bytes of a document can be downloaded."""

    status: str
    """restoring, or readable."""
    restored_until: datetime | None = None
    """UTC. When restored bytes have to be restored again."""


class VersionList(msgspec.Struct):
    """One page of the versions of a document, newest first."""

    items: list[Document]
    next_cursor: str | None


class Trash(msgspec.Struct):
    """One page of deleted documents, the last deleted first."""

    items: list[Document]
    next_cursor: str | None


class Live(msgspec.Struct):
    """The process answers."""

    status: str


class Readiness(msgspec.Struct):
    """What the archive depends on, each by name: ok, or what is wrong."""

    status: str
    """ready, or unavailable."""
    dependencies: dict[str, str]
