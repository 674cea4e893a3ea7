"""DocumentIndex in a dictionary, for tests that are not about PostgreSQL. It passes the same contract."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from artstore.attributes import Attributes
from artstore.index import (
    COUNT_LIMIT,
    IndexedDocument,
    KnownPlace,
    Position,
    Projection,
    SearchPage,
    Written,
)
from artstore.index.claims import Place, winner
from artstore.index.document_words import parts_of, placed
from artstore.index.query import Place as QueryPlace
from artstore.index.query import Query, Term, parse_query


class MemoryIndex:
    """Answers every query as PostgreSQL does, without its limits, by looking at each document."""

    def __init__(self) -> None:
        """Start empty."""
        self._claims: dict[Place, Projection] = {}
        self._tombstones: dict[Place, KnownPlace] = {}

    def project(self, projection: Projection) -> Written:
        """See DocumentIndex."""
        place = projection.place
        first = place not in self._claims and place not in self._tombstones
        self._tombstones.pop(place, None)
        self._claims[place] = projection
        file_id = projection.attributes.file_id
        return Written(first=first, file_id=file_id, shown=self._shown(file_id))

    def remove(self, bucket: str, key: str, at: datetime | None) -> Written:
        """See DocumentIndex."""
        place = Place(bucket, key)
        known = self.at(bucket, key)
        times = [each for each in (at, known.removed_at if known else None) if each]
        self._claims.pop(place, None)
        self._tombstones[place] = KnownPlace(
            file_id=None, object=known.object if known else None, removed_at=max(times, default=None)
        )
        file_id = known.file_id if known else None
        return Written(first=known is None, file_id=file_id, shown=self._shown(file_id) if file_id else None)

    def at(self, bucket: str, key: str) -> KnownPlace | None:
        """See DocumentIndex."""
        claim = self._claims.get(Place(bucket, key))
        if claim is None:
            return self._tombstones.get(Place(bucket, key))
        return KnownPlace(
            file_id=claim.attributes.file_id,
            attributes_etag=claim.attributes_etag,
            object=claim.object,
            missing=claim.missing,
        )

    def is_claimed(self, file_id: UUID) -> bool:
        """See DocumentIndex."""
        return any(each.attributes.file_id == file_id for each in self._claims.values())

    def find(self, file_id: UUID) -> IndexedDocument | None:
        """See DocumentIndex."""
        place = self._shown(file_id)
        return None if place is None else _indexed(self._claims[place])

    def search(self, query: str | None, limit: int, after: Position | None) -> SearchPage:
        """See DocumentIndex."""
        rows = sorted(self.visible(), key=lambda row: _order(row.attributes), reverse=True)
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

    def visible(self) -> list[Projection]:
        """Give what is shown."""
        best: dict[UUID, Projection] = {}
        for each in self._claims.values():
            rival = best.get(each.attributes.file_id)
            if rival is None or winner(each.claim, rival.claim) == each.claim:
                best[each.attributes.file_id] = each
        return [each for each in best.values() if each.attributes.deleted_at is None]

    def _shown(self, file_id: UUID) -> Place | None:
        best = winner(*(each.claim for each in self._claims.values() if each.attributes.file_id == file_id))
        return None if best is None or best.deleted else best.place


def _indexed(row: Projection) -> IndexedDocument:
    return IndexedDocument(
        attributes=row.attributes,
        bucket=row.bucket,
        key=row.key,
        attributes_etag=row.attributes_etag,
        version_id=row.object.version_id if row.object else None,
        missing=row.missing,
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


def _starts(place: QueryPlace, places: dict[str, set[int]]) -> set[int]:
    """Where a term would begin, by this place of it."""
    found: set[int] = set()
    for lexeme in place.lexemes:
        for each in [known for known in places if known.startswith(lexeme)] if place.beginning else [lexeme]:
            found |= {position - place.offset for position in places.get(each, ())}
    return found
