"""The document index in PostgreSQL: the words of ``document_words``, newest first.

Needs SELECT, INSERT, UPDATE and DELETE on the table ``documents``. Every statement stands alone and is not
prepared on the server, so a transaction pooler may sit in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from psycopg import errors
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from artstore.attributes import from_document, to_document
from artstore.errors import Misconfigured, Unavailable
from artstore.index import COUNT_LIMIT, IndexedDocument, Position, Projection, SearchPage, statements
from artstore.index.connection import Address, Connection, FixedAddress, Server, unavailable
from artstore.index.document_words import WORDS_VERSION, words_of
from artstore.index.matching import EVERYTHING, condition
from artstore.index.query import parse_query


class PostgresIndex:
    """DocumentIndex on one connection; see ``artstore.index.connection``."""

    def __init__(self, address: Address | str) -> None:
        """Take where the server is, or a URL that never changes; nothing is opened before the first call."""
        self._server = Server(FixedAddress(address) if isinstance(address, str) else address)

    def project(self, projection: Projection) -> bool:
        """See DocumentIndex."""
        values = _values(projection)
        return self._server.run(lambda connection: _project(connection, values))

    def revision(self, file_id: UUID) -> int | None:
        """See DocumentIndex."""
        row = self._server.run(
            lambda connection: connection.execute(statements.REVISION, {"file_id": file_id}).fetchone()
        )
        return None if row is None else int(row[0])

    def remove(self, bucket: str, key: str, at: datetime) -> bool:
        """See DocumentIndex."""
        values = {
            "bucket": bucket,
            "key": key,
            "at": at,
            "file_id": uuid5(NAMESPACE_URL, f"s3://{bucket}/{key}#gone"),
        }
        row = self._server.run(lambda connection: connection.execute(statements.REMOVE, values).fetchone())
        return row is not None and bool(row[0])

    def find(self, file_id: UUID) -> IndexedDocument | None:
        """See DocumentIndex."""
        row = self._server.run(
            lambda connection: connection.execute(statements.FIND, {"file_id": file_id}).fetchone()
        )
        return None if row is None else _document(row)

    def search(self, query: str | None, limit: int, after: Position | None) -> SearchPage:
        """See DocumentIndex.

        Matches are collected first, up to one more than is counted. When that was all of them, the page is
        sorted out of them; when there are more, they are met soon on a walk along the dates.
        """
        values: dict[str, Any] = {"limit": limit + 1, "count": COUNT_LIMIT + 1}
        where = EVERYTHING
        if query is not None and query.strip():
            parsed = parse_query(query)
            if not parsed:
                return SearchPage(items=(), total=0, total_is_exact=True, next=None)
            matching = condition(parsed)
            where = matching.sql
            values |= matching.parameters
        if after is not None:
            values |= {"after_created_at": after.created_at, "after_file_id": after.file_id}

        def read(connection: Connection) -> tuple[int, list[TupleRow]]:
            found = connection.execute(statements.candidates(where), values).fetchall()
            if len(found) <= COUNT_LIMIT:
                page = statements.page_of_candidates(after=after is not None)
            else:
                page = statements.page_of_many(where, after=after is not None)
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

    def ping(self) -> None:
        """See DocumentIndex. Reads the table, so a database without the schema counts as unavailable."""
        try:
            self._server.run(lambda connection: connection.execute(statements.PING))
        except Misconfigured as error:
            raise unavailable() from error

    def close(self) -> None:
        """Close the connection, if one is open; the next call opens another."""
        self._server.close()


def _project(connection: Connection, values: dict[str, Any]) -> bool:
    while True:
        try:
            return connection.execute(statements.PROJECT, values).rowcount == 1
        except errors.UniqueViolation:
            if connection.execute(statements.SUPERSEDE, values).rowcount == 0:
                return False


def _values(projection: Projection) -> dict[str, Any]:
    attributes = projection.attributes
    found = words_of(attributes, projection.text)
    return {
        "file_id": attributes.file_id,
        "bucket": projection.bucket,
        "key": projection.key,
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
    }


def _without_nul(value: Any) -> Any:
    """PostgreSQL holds no NUL in text or jsonb; JSON may, and strangers' documents do."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, Mapping):
        return {_without_nul(name): _without_nul(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_nul(each) for each in value]
    return value


def _document(row: TupleRow) -> IndexedDocument:
    attributes, bucket, key, etag = row
    return IndexedDocument(attributes=from_document(attributes), bucket=bucket, key=key, attributes_etag=etag)


def _position(document: IndexedDocument) -> Position:
    return Position(created_at=document.attributes.created_at, file_id=document.attributes.file_id)


def _took_too_long() -> Unavailable:
    return Unavailable("the search took too long; ask for rarer words, or fewer of them", code="search_timeout")
