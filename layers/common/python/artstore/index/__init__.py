"""The port to the document index: a projection of every attr.json and its text, made to be searched.

The index is never the truth. It may be behind, and it can be thrown away and rebuilt from storage, so each
of its writes is guarded and can happen twice, late or not at all. ``artstore.index.postgres`` implements
it; every implementation passes tests/integration/test_index_contract.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from artstore.attributes import Attributes

MAX_QUERY = 1000
"""The most characters of a query."""
COUNT_LIMIT = 1000
"""How far a search counts. Beyond it the total is this number and is not exact."""


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """What the index is told: an attr.json, where its document lies, the attr.json's ETag, and extracted
    text.

    ``key`` is the document's key, not the attr.json's.
    """

    attributes: Attributes
    bucket: str
    key: str
    attributes_etag: str
    text: str = ""


class IndexedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What the index knows of a document. ``attributes_etag`` is what If-Match is compared with."""

    attributes: Attributes
    bucket: str
    key: str
    attributes_etag: str


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page ended: the creation time (UTC) and id of its last document."""

    created_at: datetime
    file_id: UUID


class SearchPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page, newest first. ``total`` counts all pages, up to ``COUNT_LIMIT``; ``next`` is None on the
    last."""

    items: tuple[IndexedDocument, ...]
    total: int
    total_is_exact: bool
    next: Position | None


class DocumentIndex(Protocol):
    """The index. Every method raises ``Unavailable`` when the index does not answer in time."""

    def project(self, projection: Projection) -> bool:
        """Take over a document; True when it was written.

        It is written when the index knows no such ``file_id``, or only a lower revision of it, or the same
        revision with another ETag and no later ``updated_at``: a tool that edits an attr.json without
        counting its revision up is still projected. It is never written where ``remove`` left a tombstone
        under that key.
        """
        ...

    def revision(self, file_id: UUID) -> int | None:
        """Give the revision the index holds, deleted documents included; None when it never saw the id."""
        ...

    def remove(self, bucket: str, key: str, at: datetime) -> bool:
        """Leave a tombstone for the document under that key; True when a visible document disappeared.

        A key the index has not seen yet gets its tombstone too: a projection that was read before the removal
        and arrives after it does not bring the document back.
        """
        ...

    def find(self, file_id: UUID) -> IndexedDocument | None:
        """Give the document, or None when it is unknown or deleted."""
        ...

    def search(self, query: str | None, limit: int, after: Position | None) -> SearchPage:
        """Give up to ``limit`` documents, newest first, that come after a position.

        ``query`` is what a person typed, in the language of docs/search.md; what it is matched against is told
        there as well. None or a blank query lists everything; one without a single word in it finds nothing.

        Raises Invalid (``query_too_long``), and Unavailable (``search_timeout``) when a search takes too long.
        """
        ...

    def ping(self) -> None:
        """Ask the index for a sign of life."""
        ...
