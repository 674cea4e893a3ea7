"""DocumentIndex in a dictionary, for tests that are not about PostgreSQL. It passes the same contract."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID

from artstore.attributes import Attributes
from artstore.errors import Invalid
from artstore.index import (
    COUNT_LIMIT,
    EVERY,
    IndexedDocument,
    KnownPlace,
    Only,
    Position,
    Projection,
    ScheduledPage,
    SearchPage,
    TrashPage,
    TrashPosition,
    VersionsPage,
    Written,
    ended,
    kept_back,
)
from artstore.index.claims import Place, Standing, takes_the_place, winner
from artstore.index.document_words import parts_of, placed
from artstore.index.ended import Ended, EndedPage, EndedPosition
from artstore.index.kept_back import Damage, KeptBack, KeptBackPage
from artstore.index.query import Place as QueryPlace
from artstore.index.query import Query, Term, parse_query
from artstore.index.unscanned import UnscannedPage, Which
from artstore.index.usage import Dimension, Usage, UsageReport
from artstore.restoring import NotedRestore
from artstore.schedules import Due, Schedule, reckon
from artstore.spaces import Reach, name_of


class MemoryIndex:
    """Answers every query as PostgreSQL does, without its limits, by looking at each document."""

    def __init__(self) -> None:
        """Start empty."""
        self._claims: dict[Place, Projection] = {}
        self._tombstones: dict[Place, KnownPlace] = {}
        self._restores: dict[tuple[str, str, str | None], NotedRestore] = {}

    def project(self, projection: Projection) -> Written:
        """See DocumentIndex."""
        place = projection.place
        first = place not in self._claims and place not in self._tombstones
        self._tombstones.pop(place, None)
        self._claims[place] = projection
        file_id = projection.attributes.file_id
        return Written(first=first, file_id=file_id, shown=self._shown(file_id))

    def project_many(self, projections: Sequence[Projection]) -> list[Written | Invalid]:
        """See DocumentIndex."""
        return [self.project(each) for each in projections]

    def remove(self, bucket: str, key: str, at: datetime | None, damage: Damage | None = None) -> Written:
        """See DocumentIndex."""
        place = Place(bucket, key)
        known = self.at(bucket, key)
        times = [each for each in (at, known.removed_at if known else None) if each]
        self._claims.pop(place, None)
        self._tombstones[place] = KnownPlace(
            file_id=None,
            object=known.object if known else None,
            removed_at=max(times, default=None),
            damage=damage,
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

    def places(
        self, bucket: str, prefix: str, after: str, until: str, limit: int
    ) -> Sequence[tuple[str, KnownPlace]]:
        """See DocumentIndex."""
        keys = sorted(each.key for each in self._claims.keys() | self._tombstones.keys() if each.bucket == bucket)
        found = [(key, self.at(bucket, key)) for key in keys if prefix <= key and after < key <= until]
        return [(key, known) for key, known in found if known is not None][:limit]

    def is_claimed(self, file_id: UUID) -> bool:
        """See DocumentIndex."""
        return any(each.attributes.file_id == file_id for each in self._claims.values())

    def find(self, file_id: UUID, reach: Reach) -> IndexedDocument | None:
        """See DocumentIndex."""
        place = self._shown(file_id)
        found = None if place is None else self._claims[place]
        return self._indexed(found) if found is not None and reach.shows(found.attributes) else None

    def with_checksum(self, checksums: Collection[str], reach: Reach) -> dict[str, UUID]:
        """See DocumentIndex."""
        counting = [
            row
            for row in self.visible()
            if not row.missing
            and row.attributes.quarantine is None
            and row.attributes.checksum_verified is not False
            and row.attributes.checksum in checksums
            and reach.includes(row.attributes.space)
        ]
        oldest_first = sorted(counting, key=lambda row: _order(row.attributes))
        return {row.attributes.checksum or "": row.attributes.file_id for row in oldest_first}

    def find_any(self, file_id: UUID, reach: Reach) -> IndexedDocument | None:
        """See DocumentIndex."""
        best = self._best(file_id)
        return None if best is None or not reach.shows(best.attributes) else self._indexed(best)

    def versions(self, file_id: UUID, limit: int, after: Position | None, reach: Reach) -> VersionsPage:
        """See DocumentIndex."""
        shown = {each.attributes.file_id: each for each in self.visible() if reach.includes(each.attributes.space)}
        chain = {file_id} & shown.keys()
        if chain:
            first = shown[file_id]
            while (older := shown.get(first.attributes.supersedes or file_id)) and _replaces(first, older):
                first = older
            chain = {first.attributes.file_id}
        while more := {
            new.attributes.file_id
            for new in shown.values()
            if any(_replaces(new, shown[old]) for old in chain) and new.attributes.file_id not in chain
        }:
            chain |= more
        seen = [shown[each] for each in chain if reach.shows(shown[each].attributes)]
        rows = sorted(seen, key=lambda row: _order(row.attributes), reverse=True)
        rows = [row for row in rows if after is None or _order(row.attributes) < (after.created_at, after.file_id)]
        last = rows[limit - 1].attributes if len(rows) > limit else None
        return VersionsPage(
            items=tuple(self._indexed(row) for row in rows[:limit]),
            next=None if last is None else Position(created_at=last.created_at, file_id=last.file_id),
        )

    def trash(self, limit: int, after: TrashPosition | None, reach: Reach) -> TrashPage:
        """See DocumentIndex."""
        deleted = [
            (each.attributes.deleted_at, each.attributes.file_id, each)
            for each in self._winners()
            if each.attributes.deleted_at is not None and reach.shows(each.attributes)
        ]
        deleted.sort(key=lambda each: each[:2], reverse=True)
        deleted = [each for each in deleted if after is None or each[:2] < (after.deleted_at, after.file_id)]
        last = deleted[limit - 1] if len(deleted) > limit else None
        return TrashPage(
            items=tuple(self._indexed(row) for _, _, row in deleted[:limit]),
            next=None if last is None else TrashPosition(deleted_at=last[0], file_id=last[1]),
        )

    def search(
        self,
        query: str | None,
        limit: int,
        after: Position | None,
        reach: Reach,
        *,
        all_versions: bool = False,
        only: Only = EVERY,
    ) -> SearchPage:
        """See DocumentIndex."""
        mine = [each for each in self.visible() if reach.shows(each.attributes)]
        mine = [each for each in mine if all_versions or self._is_current(each)]
        mine = [each for each in mine if _is_among(each.attributes, only)]
        rows = sorted(mine, key=lambda row: _order(row.attributes), reverse=True)
        if query is not None and query.strip():
            parsed = parse_query(query)
            rows = [row for row in rows if parsed and _matches(parsed, row)]
        following = [
            row for row in rows if after is None or _order(row.attributes) < (after.created_at, after.file_id)
        ]
        last = following[limit - 1].attributes if len(following) > limit else None
        return SearchPage(
            items=tuple(self._indexed(row) for row in following[:limit]),
            total=min(len(rows), COUNT_LIMIT),
            total_is_exact=len(rows) <= COUNT_LIMIT,
            next=None if last is None else Position(created_at=last.created_at, file_id=last.file_id),
        )

    def usage(self, by: Dimension, reach: Reach, limit: int) -> UsageReport:
        """See DocumentIndex. Counts what is there, each time."""
        mine = [each.attributes for each in self._winners() if reach.includes(each.attributes.space)]
        by_key: dict[str | None, list[Attributes]] = {}
        for each in mine:
            by_key.setdefault(_key(each, by), []).append(each)
        items = [_count(key, each) for key, each in by_key.items()]
        items.sort(key=lambda each: (-each.bytes - each.trashed_bytes, each.key or ""))
        return UsageReport(items=tuple(items[:limit]), total=_count(None, mine))

    def expired(self, until: datetime, limit: int, after: EndedPosition | None) -> EndedPage:
        """See DocumentIndex."""
        found = [
            (each, ended.text_of(retention.expires_at))
            for each in self._winners()
            if (retention := each.attributes.retention) is not None
            and retention.policy == "temporary"
            and retention.expires_at is not None
            and not retention.legal_hold
        ]
        return _ended(found, ended.text_of(until), limit, after)

    def trashed(self, until: datetime, limit: int, after: EndedPosition | None) -> EndedPage:
        """See DocumentIndex."""
        found = [
            (each, each.attributes.deleted_at.astimezone(UTC).isoformat())
            for each in self._winners()
            if each.attributes.deleted_at is not None
        ]
        return _ended(found, until.astimezone(UTC).isoformat(), limit, after)

    def sealed(self, limit: int, after: UUID | None) -> list[Ended]:
        """See DocumentIndex."""
        found = [each for each in self._winners() if each.attributes.finalization is not None]
        found = [each for each in found if after is None or each.attributes.file_id > after]
        found = sorted(found, key=lambda each: each.attributes.file_id)[:limit]
        return [Ended(file_id=each.attributes.file_id, bucket=each.bucket, key=each.key) for each in found]

    def kept_back(
        self, reason: str | None, limit: int, after: Place | None, reach: Reach, *, damaged: bool
    ) -> KeptBackPage:
        """See DocumentIndex."""
        found = [
            KeptBack(
                reason=quarantine.reason,
                bucket=each.bucket,
                key=each.key,
                since=quarantine.at,
                file_id=each.attributes.file_id,
                space=name_of(each.attributes.space),
                original_filename=each.attributes.original_filename,
            )
            for each in self._winners()
            if (quarantine := each.attributes.quarantine) is not None and reach.includes(each.attributes.space)
        ]
        found += [
            KeptBack(
                reason=kept_back.DAMAGED,
                bucket=place.bucket,
                key=place.key,
                since=damage.since,
                file_id=damage.file_id,
                code=damage.code,
                detail=damage.detail,
            )
            for place, known in self._tombstones.items()
            if damaged and (damage := known.damage) is not None
        ]
        found = [each for each in found if reason in (None, each.reason)]
        found = sorted(
            (each for each in found if after is None or each.place > after), key=lambda each: each.place
        )
        return kept_back.page(found, limit)

    def note_restore(self, bucket: str, key: str, version_id: str | None, noted: NotedRestore | None) -> None:
        """See DocumentIndex."""
        if noted is None:
            self._restores.pop((bucket, key, version_id), None)
        else:
            self._restores[bucket, key, version_id] = noted

    def restore_of(self, bucket: str, key: str, version_id: str | None) -> NotedRestore | None:
        """See DocumentIndex."""
        return self._restores.get((bucket, key, version_id))

    def unscanned(self, which: Which, element_id: str | None, limit: int, after: UUID | None) -> UnscannedPage:
        """See DocumentIndex."""
        walked = sorted(self.visible(), key=lambda row: row.attributes.file_id)
        if which is Which.FAILED:
            walked = [each for each in walked if _scan(each) == "failed"]
        walked = [each for each in walked if after is None or each.attributes.file_id > after][:limit]
        wanted = [
            Ended(file_id=each.attributes.file_id, bucket=each.bucket, key=each.key)
            for each in walked
            if not each.missing
            and (which is Which.ALL or _scan(each) in (None, "failed"))
            and element_id in (None, each.attributes.storage_element_id)
        ]
        return UnscannedPage(tuple(wanted), walked[-1].attributes.file_id if len(walked) == limit else None)

    def schedules_named(self, limit: int) -> list[str]:
        """See DocumentIndex."""
        return sorted({name for each in self.visible() if (name := _scheduled(each.attributes)) is not None})[
            :limit
        ]

    def scheduled(
        self,
        name: str,
        schedule: Schedule | None,
        until: datetime,
        limit: int,
        after: Position | None,
        reach: Reach,
    ) -> ScheduledPage:
        """See DocumentIndex."""
        mine = [each for each in self.visible() if _scheduled(each.attributes) == name]
        mine = [each for each in mine if reach.shows(each.attributes) and _may_be_due(each, schedule, until)]
        rows = sorted(mine, key=lambda row: _order(row.attributes))
        rows = [row for row in rows if after is None or _order(row.attributes) > (after.created_at, after.file_id)]
        last = rows[limit - 1].attributes if len(rows) > limit else None
        return ScheduledPage(
            items=tuple(self._indexed(row) for row in rows[:limit]),
            next=None if last is None else Position(created_at=last.created_at, file_id=last.file_id),
        )

    def ping(self) -> None:
        """See DocumentIndex."""

    def visible(self) -> list[Projection]:
        """Give what is shown."""
        return [each for each in self._winners() if each.attributes.deleted_at is None]

    def every_place(self) -> list[Place]:
        """Give the places that were ever seen, in their order."""
        return sorted(self._claims.keys() | self._tombstones.keys())

    def _winners(self) -> list[Projection]:
        best: dict[UUID, Projection] = {}
        for each in self._claims.values():
            rival = best.get(each.attributes.file_id)
            if rival is None or winner(each.claim, rival.claim) == each.claim:
                best[each.attributes.file_id] = each
        return list(best.values())

    def _best(self, file_id: UUID) -> Projection | None:
        best = winner(*(each.claim for each in self._claims.values() if each.attributes.file_id == file_id))
        return None if best is None else self._claims[best.place]

    def _shown(self, file_id: UUID) -> Place | None:
        best = self._best(file_id)
        return None if best is None or best.claim.deleted else best.place

    def _is_current(self, row: Projection) -> bool:
        return not any(_replaces(each, row) for each in self.visible() if not each.attributes.is_withheld)

    def _indexed(self, row: Projection) -> IndexedDocument:
        return IndexedDocument(
            attributes=row.attributes,
            bucket=row.bucket,
            key=row.key,
            attributes_etag=row.attributes_etag,
            object_etag=row.object.etag if row.object else None,
            version_id=row.object.version_id if row.object else None,
            missing=row.missing,
            current=self._is_current(row),
        )


def _scan(row: Projection) -> str | None:
    return None if row.attributes.scan is None else row.attributes.scan.status


def _replaces(newer: Projection, older: Projection) -> bool:
    same_space = name_of(newer.attributes.space) == name_of(older.attributes.space)
    return same_space and takes_the_place(_standing(newer), _standing(older))


def _standing(row: Projection) -> Standing:
    return Standing(row.attributes.created_at, row.attributes.file_id, row.attributes.supersedes)


def _ended(found: list[tuple[Projection, str]], until: str, limit: int, after: EndedPosition | None) -> EndedPage:
    rows = sorted(
        ((at, each.attributes.file_id, each) for each, at in found if at < until), key=lambda row: row[:2]
    )
    following = [row for row in rows if after is None or row[:2] > (after.at, after.file_id)]
    return ended.page([(file_id, each.bucket, each.key, at) for at, file_id, each in following], limit)


def _scheduled(attributes: Attributes) -> str | None:
    return None if attributes.retention is None else attributes.retention.schedule


def _may_be_due(row: Projection, schedule: Schedule | None, until: datetime) -> bool:
    if row.attributes.retention is None or row.attributes.retention.kept_at is not None:
        return False
    found = reckon(row.attributes, schedule)
    return not isinstance(found, Due) or found.at <= until


def _is_among(attributes: Attributes, only: Only) -> bool:
    if only.sha256 not in (None, attributes.checksum):
        return False
    folder = attributes.folder or ""
    return only.folder is None or folder == only.folder or folder.startswith(f"{only.folder}/")


def _key(attributes: Attributes, by: Dimension) -> str | None:
    if by is Dimension.SPACE:
        return name_of(attributes.space)
    if by is Dimension.ACCOUNT:
        return attributes.created_by_id or None
    if by is Dimension.ELEMENT:
        return attributes.storage_element_id
    return attributes.content_type.partition(";")[0].strip().lower() or None


def _count(key: str | None, documents: list[Attributes]) -> Usage:
    kept = [each.file_size for each in documents if each.deleted_at is None]
    trashed = [each.file_size for each in documents if each.deleted_at is not None]
    return Usage(
        key=key,
        documents=len(kept),
        bytes=sum(kept),
        trashed_documents=len(trashed),
        trashed_bytes=sum(trashed),
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
