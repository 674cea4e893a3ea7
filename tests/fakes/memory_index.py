"""DocumentIndex in a dictionary, for tests that are not about PostgreSQL. It passes the same contract."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from artstore.attributes import Attributes
from artstore.index import COUNT_LIMIT, IndexedDocument, Position, Projection, SearchPage
from artstore.index.words import parse_query, words


class MemoryIndex:
    """Finds words by themselves alone: no stemming, no phrases, no ``or``."""

    def __init__(self) -> None:
        """Start empty."""
        self._rows: dict[UUID, Projection] = {}
        self._removed: set[tuple[str, str]] = set()

    def project(self, projection: Projection) -> bool:
        """See DocumentIndex."""
        new, place = projection.attributes, (projection.bucket, projection.key)
        if place in self._removed:
            return False
        known = self._rows.get(new.file_id)
        if known is not None and not _supersedes(projection, known):
            return False
        for other in [row for row in self._rows.values() if (row.bucket, row.key) == place]:
            if other.attributes.file_id != new.file_id and other.attributes.updated_at > new.updated_at:
                return False
            del self._rows[other.attributes.file_id]
        self._rows[new.file_id] = projection
        return True

    def revision(self, file_id: UUID) -> int | None:
        """See DocumentIndex."""
        row = self._rows.get(file_id)
        return None if row is None else row.attributes.revision

    def remove(self, bucket: str, key: str, at: datetime) -> bool:
        """See DocumentIndex."""
        visible = any((row.bucket, row.key) == (bucket, key) for row in self._visible())
        self._removed.add((bucket, key))
        return visible

    def find(self, file_id: UUID) -> IndexedDocument | None:
        """See DocumentIndex."""
        return next((_indexed(row) for row in self._visible() if row.attributes.file_id == file_id), None)

    def search(self, query: str | None, limit: int, after: Position | None) -> SearchPage:
        """See DocumentIndex."""
        rows = sorted(self._visible(), key=lambda row: _order(row.attributes), reverse=True)
        if query is not None and query.strip():
            parsed = parse_query(query)
            wanted, unwanted = set(words(parsed.wanted).split()), set(words(parsed.unwanted).split()) - {"or"}
            rows = [row for row in rows if wanted <= _words(row) and not unwanted & _words(row)]
            rows = rows if wanted or unwanted else []
        following = [
            row for row in rows if after is None or _order(row.attributes) < (after.created_at, after.file_id)
        ]
        last = following[limit - 1].attributes if len(following) > limit else None
        return SearchPage(
            items=tuple(_indexed(row) for row in following[:limit]),
            total=min(len(rows), COUNT_LIMIT),
            total_is_exact=len(rows) <= COUNT_LIMIT,
            next=None if last is None else Position(created_at=last.created_at, file_id=last.file_id),
        )

    def ping(self) -> None:
        """See DocumentIndex."""

    def _visible(self) -> list[Projection]:
        return [
            row
            for row in self._rows.values()
            if row.attributes.deleted_at is None and (row.bucket, row.key) not in self._removed
        ]


def _supersedes(new: Projection, known: Projection) -> bool:
    if new.attributes.revision != known.attributes.revision or (new.bucket, new.key) != (known.bucket, known.key):
        return new.attributes.revision > known.attributes.revision
    return (
        new.attributes_etag != known.attributes_etag and new.attributes.updated_at >= known.attributes.updated_at
    )


def _indexed(row: Projection) -> IndexedDocument:
    return IndexedDocument(
        attributes=row.attributes, bucket=row.bucket, key=row.key, attributes_etag=row.attributes_etag
    )


def _order(attributes: Attributes) -> tuple[datetime, UUID]:
    return attributes.created_at, attributes.file_id


def _words(row: Projection) -> set[str]:
    attributes = row.attributes
    parts = (attributes.original_filename, attributes.description or "", *attributes.tags, row.text)
    return set(words(" ".join(parts)).split())
