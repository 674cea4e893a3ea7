"""The document index in PostgreSQL: the words of ``document_words``, newest first.

Needs SELECT, INSERT and UPDATE on the table ``documents``, these and DELETE on ``restores``, and INSERT on
``usage_deltas``, where a trigger writes what a change means for the usage of its space. What is read is one
statement; what is written is one transaction, with locks that end with it. Nothing is prepared on the server, so a
transaction pooler may sit in between.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import DataError, errors
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from artstore.attributes import from_document, to_document
from artstore.errors import Invalid, Misconfigured, Unavailable
from artstore.index import (
    COUNT_LIMIT,
    EVERY,
    IndexedDocument,
    KnownPlace,
    ObjectVersion,
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
    restores,
    scheduled,
    statements,
    unscanned,
    version_statements,
)
from artstore.index.claim_writer import Change, write_changes
from artstore.index.claims import Place
from artstore.index.connection import Address, Connection, FixedAddress, Server, unavailable
from artstore.index.document_words import WORDS_VERSION, Words, words_of
from artstore.index.ended import Ended, EndedPage, EndedPosition
from artstore.index.kept_back import Damage, KeptBack, KeptBackPage
from artstore.index.matching import EVERYTHING, condition
from artstore.index.query import parse_query
from artstore.index.unscanned import UnscannedPage, Which
from artstore.index.usage import Dimension, Usage, UsageReport
from artstore.restoring import NotedRestore
from artstore.schedules import Schedule
from artstore.spaces import Reach, name_of


class PostgresIndex:
    """DocumentIndex on one connection; see ``artstore.index.connection``."""

    def __init__(self, address: Address | str) -> None:
        """Take where the server is, or a URL that never changes; nothing is opened before the first call."""
        self._server = Server(FixedAddress(address) if isinstance(address, str) else address)

    @property
    def server(self) -> Server:
        """Give the connection, for what is kept beside the index."""
        return self._server

    def project(self, projection: Projection) -> Written:
        """See DocumentIndex."""
        written = self._project_alone(_change(projection))
        if isinstance(written, Invalid):
            raise written
        return written

    def project_many(self, projections: Sequence[Projection]) -> list[Written | Invalid]:
        """See DocumentIndex."""
        written: dict[int, Written | Invalid] = {}
        for numbers in _together(projections):
            changes = [_change(projections[number]) for number in numbers]
            written |= zip(numbers, self._project_together(changes), strict=True)
        return [written[number] for number in range(len(projections))]

    def _project_together(self, changes: list[Change]) -> list[Written | Invalid]:
        """Write them by one statement each step; one by one when that fails for a reason that is one row's."""
        if len(changes) > 1:
            try:
                return [*self._server.run(lambda connection: _write(connection, changes))]
            except Invalid:
                pass
            except Unavailable as error:
                if not isinstance(error.__cause__, errors.QueryCanceled):
                    raise
        return [self._project_alone(each) for each in changes]

    def _project_alone(self, change: Change) -> Written | Invalid:
        try:
            return self._server.run(lambda connection: _write(connection, [change])[0])
        except Invalid as error:
            return error

    def remove(self, bucket: str, key: str, at: datetime | None, damage: Damage | None = None) -> Written:
        """See DocumentIndex."""
        told = None if damage is None else Jsonb(msgspec.to_builtins(damage))
        change = Change(place=Place(bucket, key), claim=None, values={"at": at, "damage": told})
        return self._server.run(lambda connection: write_changes(connection, [change]))[0]

    def at(self, bucket: str, key: str) -> KnownPlace | None:
        """See DocumentIndex."""
        values = {"bucket": bucket, "key": key}
        row = self._server.run(lambda connection: connection.execute(statements.AT, values).fetchone())
        return None if row is None else _known(row)

    def places(
        self, bucket: str, prefix: str, after: str, until: str, limit: int
    ) -> Sequence[tuple[str, KnownPlace]]:
        """See DocumentIndex."""
        values = {"bucket": bucket, "prefix": prefix, "after": after, "until": until, "limit": limit}
        rows = self._server.run(lambda connection: connection.execute(statements.PLACES, values).fetchall())
        return [(row[0], _known(row[1:])) for row in rows]

    def is_claimed(self, file_id: UUID) -> bool:
        """See DocumentIndex."""
        values = {"file_id": file_id}
        row = self._server.run(lambda connection: connection.execute(statements.IS_CLAIMED, values).fetchone())
        return row is not None

    def find(self, file_id: UUID, reach: Reach) -> IndexedDocument | None:
        """See DocumentIndex."""
        statement, values = statements.find(reach), statements.within(reach) | {"file_id": file_id}
        row = self._server.run(lambda connection: connection.execute(statement, values).fetchone())
        return None if row is None else _document(row)

    def with_checksum(self, checksums: Collection[str], reach: Reach) -> dict[str, UUID]:
        """See DocumentIndex."""
        values = statements.within(reach) | {"checksums": list(checksums)}
        statement = statements.with_checksum(reach)
        return dict(self._server.run(lambda connection: connection.execute(statement, values).fetchall()))

    def find_any(self, file_id: UUID, reach: Reach) -> IndexedDocument | None:
        """See DocumentIndex."""
        statement, values = statements.find_any(reach), statements.within(reach) | {"file_id": file_id}
        row = self._server.run(lambda connection: connection.execute(statement, values).fetchone())
        return None if row is None else _document(row)

    def versions(self, file_id: UUID, limit: int, after: Position | None, reach: Reach) -> VersionsPage:
        """See DocumentIndex."""
        values = statements.within(reach) | {"file_id": file_id, "limit": limit + 1}
        if after is not None:
            values |= {"after_created_at": after.created_at, "after_file_id": after.file_id}
        statement = version_statements.versions(reach, after=after is not None)
        rows = self._server.run(lambda connection: connection.execute(statement, values).fetchall())
        items = tuple(_document(row) for row in rows[:limit])
        return VersionsPage(items=items, next=_position(items[-1]) if len(rows) > limit else None)

    def trash(self, limit: int, after: TrashPosition | None, reach: Reach) -> TrashPage:
        """See DocumentIndex."""
        values = statements.within(reach) | {"limit": limit + 1}
        if after is not None:
            values |= {"after_deleted_at": after.deleted_at, "after_file_id": after.file_id}
        statement = version_statements.trash(reach, after=after is not None)
        rows = self._server.run(lambda connection: connection.execute(statement, values).fetchall())
        items = tuple(_document(row) for row in rows[:limit])
        return TrashPage(items=items, next=_trash_position(items[-1]) if len(rows) > limit else None)

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
        """See DocumentIndex.

        Matches are collected first, up to one more than is counted. When that was all of them, the page is
        sorted out of them; when there are more, they are met soon on a walk along the dates.
        """
        values: dict[str, Any] = {"limit": limit + 1, "count": COUNT_LIMIT + 1} | statements.within(reach)
        where = EVERYTHING
        if query is not None and query.strip():
            parsed = parse_query(query)
            if not parsed:
                return SearchPage(items=(), total=0, total_is_exact=True, next=None)
            matching = condition(parsed)
            where = matching.sql
            values |= matching.parameters
        if only != EVERY:
            where = f"{where} AND {statements.only(only)}"
            values |= {"only_sha256": only.sha256, "only_folder": only.folder}
        if after is not None:
            values |= {"after_created_at": after.created_at, "after_file_id": after.file_id}

        def read(connection: Connection) -> tuple[int, list[TupleRow]]:
            candidates = statements.candidates(where, reach, all_versions=all_versions)
            found = connection.execute(candidates, values).fetchall()
            if len(found) <= COUNT_LIMIT:
                page = statements.page_of_candidates(reach, all_versions=all_versions, after=after is not None)
            else:
                page = statements.page_of_many(where, reach, all_versions=all_versions, after=after is not None)
            rows = connection.execute(page, values | {"candidates": [each[0] for each in found]}).fetchall()
            return len(found), rows

        try:
            count, rows = self._server.run(read)
        except Unavailable as error:
            if isinstance(error.__cause__, errors.QueryCanceled):
                raise _took_too_long() from error
            raise
        items = tuple(_document(row) for row in rows[:limit])
        return SearchPage(
            items=items,
            total=min(count, COUNT_LIMIT),
            total_is_exact=count <= COUNT_LIMIT,
            next=_position(items[-1]) if len(rows) > limit and items else None,
        )

    def usage(self, by: Dimension, reach: Reach, limit: int) -> UsageReport:
        """See DocumentIndex."""
        statement, values = statements.usage(by, reach), statements.within(reach) | {"limit": limit}
        rows = self._server.run(lambda connection: connection.execute(statement, values).fetchall())
        return UsageReport(items=tuple(_usage(row) for row in rows[1:]), total=_usage(rows[0]))

    def compact_usage(self, many: int = 10_000) -> bool:
        """Replace the rows that usage is summed of by as few as say the same, once there are ``many``; False when
        there are fewer, or when others do so just now.

        Needs DELETE on ``usage_deltas``. Nobody waits for it, but other compactions of these rows.
        """

        def compact(connection: Connection) -> bool:
            with connection.transaction():
                row = connection.execute(statements.COMPACTING_ALONE, {"many": many}).fetchone()
                if row is None or not row[0]:
                    return False
                connection.execute(statements.COMPACT)
            return True

        return self._server.run(compact)

    def expired(self, until: datetime, limit: int, after: EndedPosition | None) -> EndedPage:
        """See DocumentIndex."""
        return self._ended(ended.expired(after=after is not None), ended.text_of(until), limit, after)

    def trashed(self, until: datetime, limit: int, after: EndedPosition | None) -> EndedPage:
        """See DocumentIndex."""
        return self._ended(ended.trashed(after=after is not None), until, limit, after)

    def sealed(self, limit: int, after: UUID | None) -> list[Ended]:
        """See DocumentIndex."""
        statement, values = ended.sealed(after=after is not None), {"limit": limit, "after_file_id": after}
        rows = self._server.run(lambda connection: connection.execute(statement, values).fetchall())
        return [Ended(file_id=row[0], bucket=row[1], key=row[2]) for row in rows]

    def unscanned(self, which: Which, element_id: str | None, limit: int, after: UUID | None) -> UnscannedPage:
        """See DocumentIndex."""
        statement = unscanned.find(which, after=after is not None)
        values = {"element": element_id, "limit": limit, "after_file_id": after}
        rows = self._server.run(lambda connection: connection.execute(statement, values).fetchall())
        return unscanned.page([(row[0], row[1], row[2], bool(row[3])) for row in rows], limit)

    def _ended(self, statement: str, until: datetime | str, limit: int, after: EndedPosition | None) -> EndedPage:
        values: dict[str, Any] = {"until": until, "limit": limit + 1}
        if after is not None:
            values |= {"after_at": after.at, "after_file_id": after.file_id}
        rows = self._server.run(lambda connection: connection.execute(statement, values).fetchall())
        return ended.page([(row[0], row[1], row[2], _as_text(row[3])) for row in rows], limit)

    def kept_back(
        self, reason: str | None, limit: int, after: Place | None, reach: Reach, *, damaged: bool
    ) -> KeptBackPage:
        """See DocumentIndex."""
        by_reason, follows = reason is not None, after is not None
        statement = kept_back.listing(reach, by_reason=by_reason, damaged=damaged, after=follows)
        values = statements.within(reach) | {"reason": reason, "limit": limit + 1}
        if after is not None:
            values |= {"after_bucket": after.bucket, "after_key": after.key}
        rows = self._server.run(lambda connection: connection.execute(statement, values).fetchall())
        return kept_back.page([_kept_back(row) for row in rows], limit)

    def note_restore(self, bucket: str, key: str, version_id: str | None, noted: NotedRestore | None) -> None:
        """See DocumentIndex."""
        values = restores.of_object(bucket, key, version_id)
        statement = restores.FORGET
        if noted is not None:
            statement, values = restores.NOTE, values | restores.values_of(noted)
        self._server.run(lambda connection: connection.execute(statement, values))

    def restore_of(self, bucket: str, key: str, version_id: str | None) -> NotedRestore | None:
        """See DocumentIndex."""
        values = restores.of_object(bucket, key, version_id)
        row = self._server.run(lambda connection: connection.execute(restores.FIND, values).fetchone())
        return None if row is None else restores.read_row(row)

    def schedules_named(self, limit: int) -> list[str]:
        """See DocumentIndex. A step along the index for each name."""
        rows = self._server.run(
            lambda connection: connection.execute(scheduled.NAMED, {"limit": limit}).fetchall()
        )
        return [row[0] for row in rows]

    def scheduled(
        self,
        name: str,
        schedule: Schedule | None,
        until: datetime,
        limit: int,
        after: Position | None,
        reach: Reach,
    ) -> ScheduledPage:
        """See DocumentIndex. Looks at ``scheduled.LOOKED_AT_ONCE`` documents at most."""
        values = statements.within(reach) | scheduled.values(schedule, until)
        values |= {"schedule": name, "limit": limit + 1, "look": scheduled.LOOKED_AT_ONCE}
        if after is not None:
            values |= {"after_created_at": after.created_at, "after_file_id": after.file_id}
        page = scheduled.page(schedule, reach, after=after is not None)
        rows = self._server.run(lambda connection: connection.execute(page, values).fetchall())
        items = tuple(_document(row) for row in rows[:limit])
        if len(rows) > limit:
            return ScheduledPage(items=items, next=_position(items[-1]))
        end = scheduled.look_end(schedule, after=after is not None)
        last = self._server.run(lambda connection: connection.execute(end, values).fetchone())
        position = None if last is None else Position(created_at=last[0], file_id=last[1])
        return ScheduledPage(items=items, next=position)

    def ping(self) -> None:
        """See DocumentIndex. Reads the table, so a database without the schema counts as unavailable."""
        try:
            self._server.run(lambda connection: connection.execute(statements.PING))
        except Misconfigured as error:
            raise unavailable() from error

    def close(self) -> None:
        """Close the connection, if one is open; the next call opens another."""
        self._server.close()


_ROW_AT_FAULT = (DataError, errors.ProgramLimitExceeded, errors.StatementTooComplex)
"""What PostgreSQL says of a row that it cannot hold."""
_MOST_TOGETHER = 100
_MOST_CHARACTERS_TOGETHER = 4_000_000
"""So that one statement, whose time is limited, has not much more to do than one for a single long document."""


def _together(projections: Sequence[Projection]) -> list[list[int]]:
    """Part projections, by their numbers, into such as one statement may write: no place twice, not too much."""
    groups: list[list[int]] = []
    places: set[Place] = set()
    characters = 0
    for number, each in enumerate(projections):
        characters += len(each.text)
        is_full = not groups or len(groups[-1]) == _MOST_TOGETHER or characters > _MOST_CHARACTERS_TOGETHER
        if is_full or each.place in places:
            groups.append([])
            places, characters = set(), len(each.text)
        groups[-1].append(number)
        places.add(each.place)
    return groups


def _write(connection: Connection, changes: Sequence[Change]) -> list[Written]:
    """Write claims; for psycopg most of what a row may be at fault for is a fault of the server."""
    try:
        return write_changes(connection, changes)
    except _ROW_AT_FAULT as error:
        raise Invalid("the index cannot hold these attributes", code="attributes_not_indexable") from error


def _change(projection: Projection) -> Change:
    return Change(place=projection.place, claim=projection.claim, values=_values(projection))


def _values(projection: Projection, words: Words | None = None) -> dict[str, Any]:
    """Give the values of a row; its ``words`` are made unless they are known."""
    attributes, held = projection.attributes, projection.object
    found = words_of(attributes, projection.text) if words is None else words
    return {
        "file_id": attributes.file_id,
        "revision": attributes.revision,
        "created_at": attributes.created_at,
        "updated_at": attributes.updated_at,
        "attributes": Jsonb(_without_nul(to_document(attributes))),
        "etag": projection.attributes_etag,
        "search_text": _without_nul(projection.text),
        "deleted_at": attributes.deleted_at,
        "search": found.search,
        "passages": list(found.passages) or None,
        "words_for": f"{WORDS_VERSION} {projection.attributes_etag}",
        "at_home": projection.at_home,
        "missing": projection.missing,
        "space": name_of(attributes.space).replace("\0", "\ufffd"),  # no name, and no other's
        "object_etag": held.etag if held else None,
        "object_modified": held.modified if held else None,
        "object_version_id": held.version_id if held else None,
        "object_sha256": held.sha256 if held else None,
        "supersedes": attributes.supersedes,
        "withheld": attributes.is_withheld,
    }


def _without_nul(value: Any) -> Any:
    """PostgreSQL holds no NUL in text or jsonb; JSON may, and strangers' documents do."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, Mapping):
        return {_without_nul(name): _without_nul(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nul(each) for each in value]
    return value


def _document(row: TupleRow) -> IndexedDocument:
    attributes, bucket, key, etag, object_etag, version_id, missing, current = row
    return IndexedDocument(
        attributes=from_document(attributes),
        bucket=bucket,
        key=key,
        attributes_etag=etag,
        object_etag=object_etag,
        version_id=version_id,
        missing=missing,
        current=current,
    )


def _known(row: TupleRow) -> KnownPlace:
    file_id, attributes_etag, missing, removed_at, damage, etag, modified, version_id, sha256 = row
    held = etag and ObjectVersion(etag=etag, modified=modified, version_id=version_id, sha256=sha256)
    return KnownPlace(
        file_id=file_id,
        attributes_etag=attributes_etag,
        object=held or None,
        missing=missing,
        removed_at=removed_at,
        damage=None if file_id is not None or damage is None else msgspec.convert(damage, Damage),
    )


def _kept_back(row: TupleRow) -> KeptBack:
    bucket, key, file_id, space, damage, quarantine, reason, filename = row
    if file_id is None:
        found = msgspec.convert(damage, Damage)
        return KeptBack(
            reason=reason,
            bucket=bucket,
            key=key,
            since=found.since,
            file_id=found.file_id,
            code=found.code,
            detail=found.detail,
        )
    return KeptBack(
        reason=reason,
        bucket=bucket,
        key=key,
        since=datetime.fromisoformat(quarantine["at"]),
        file_id=file_id,
        space=space,
        original_filename=filename,
    )


def _usage(row: TupleRow) -> Usage:
    _, key, documents, size, trashed_documents, trashed_size = row
    return Usage(
        key=key or None,
        documents=int(documents or 0),
        bytes=int(size or 0),
        trashed_documents=int(trashed_documents or 0),
        trashed_bytes=int(trashed_size or 0),
    )


def _as_text(moment: datetime | str) -> str:
    return moment if isinstance(moment, str) else moment.isoformat()


def _position(document: IndexedDocument) -> Position:
    return Position(created_at=document.attributes.created_at, file_id=document.attributes.file_id)


def _trash_position(document: IndexedDocument) -> TrashPosition | None:
    attributes = document.attributes
    if attributes.deleted_at is None:
        return None
    return TrashPosition(deleted_at=attributes.deleted_at, file_id=attributes.file_id)


def _took_too_long() -> Unavailable:
    return Unavailable("the search took too long; ask for rarer words, or fewer of them", code="search_timeout")
