"""DocumentIndex in a dictionary, for tests that are not about PostgreSQL. It passes the same contract."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from artstore.attributes import Attributes
from artstore.index import COUNT_LIMIT, IndexedDocument, Position, Projection, SearchPage
from artstore.index.document_words import parts_of, placed
from artstore.index.query import Place, Query, Term, parse_query


class MemoryIndex:
    """Answers every query as PostgreSQL does, without its limits, by looking at each document."""

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
            rows = [row for row in rows if parsed and _matches(parsed, row)]
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


def _matches(query: Query, row: Projection) -> bool:
    places: dict[str, set[int]] = {}
    for position, _, found in placed(parts_of(row.attributes, row.text)):
        for lexeme in found:
            places.setdefault(lexeme, set()).add(position)
    wanted = [all(_holds(term, places) for term in terms) for terms in query.alternatives]
    return (any(wanted) or not wanted) and not any(_holds(term, places) for term in query.absent)


def _holds(term: Term, places: dict[str, set[int]]) -> bool:
    return bool(set.intersection(*(_starts(place, places) for place in term.places)))


def _starts(place: Place, places: dict[str, set[int]]) -> set[int]:
    """Where a term would begin, by this place of it."""
    found: set[int] = set()
    for lexeme in place.lexemes:
        for each in [known for known in places if known.startswith(lexeme)] if place.beginning else [lexeme]:
            found |= {position - place.offset for position in places.get(each, ())}
    return found
