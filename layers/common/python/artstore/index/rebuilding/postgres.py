"""A rebuild of the index in PostgreSQL.

Needs what the migrations need: the tables are made, dropped and renamed by their owner, who has CREATE on the
schema. Whatever may take minutes (an index of many million rows) is sent as one message and saved with it: should
whoever asked be gone before it ends, the server ends it, and the next one finds it done.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg import DataError, errors, sql
from psycopg.rows import TupleRow

from artstore.errors import Conflict
from artstore.index import ObjectVersion
from artstore.index.claims import Place
from artstore.index.connection import Address, FixedAddress, Server
from artstore.index.document_words import Words
from artstore.index.postgres import _values
from artstore.index.rebuilding import Filled, Position, Present, statements
from artstore.index.rebuilding.cloning import columns_of, copy_empty, indexes_of, take_the_place

_Connection = psycopg.Connection[TupleRow]

CARRIED_AT_ONCE = 5000
TAKEN_AT_ONCE = 1000
"""Places that were written meanwhile, and are taken over in one transaction."""
CAUGHT_UP = 500
"""So few are left to the swap, while others wait."""
_ROW_AT_FAULT = (DataError, errors.ProgramLimitExceeded)
_NAMES = {"key": "object_key", "etag": "attributes_etag"}
_OF_TEXT = ("search_text", "search", "passages", "words_for")
_NO_WORDS = Words("", ())
_CARRY = "carry"
_WAITED_FOR = (errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected)


class PostgresRebuild:
    """Rebuild on one connection; see ``artstore.index.rebuilding``."""

    def __init__(self, address: Address | str) -> None:
        """Take where the server is, or a URL that never changes; nothing is opened before the first call."""
        self._server = Server(FixedAddress(address) if isinstance(address, str) else address)

    def begin(self, job_id: UUID, parts: int) -> None:
        """See Rebuild."""

        def work(connection: _Connection) -> None:
            with connection.transaction():
                _alone(connection)
                if _owner(connection) == job_id:
                    return
                _drop(connection)
                connection.execute(statements.MAKE)
                copy_empty(connection, "documents", statements.NEXT)
                connection.execute(f"CREATE TABLE {statements.USAGE} (LIKE usage_deltas INCLUDING DEFAULTS)")
                state = {"job_id": job_id, "schema": _schema_version(connection), "parts": parts}
                connection.execute(
                    "INSERT INTO reindex_state (job_id, schema_version) VALUES (%(job_id)s, %(schema)s)", state
                )
                connection.execute(
                    "INSERT INTO reindex_parts (number) SELECT generate_series(0, %(parts)s - 1)", state
                )
                connection.execute(statements.NOTE_WRITES)

        self._server.run(work)

    def is_of(self, job_id: UUID) -> bool:
        """See Rebuild."""
        return self.owner() == job_id

    def owner(self) -> UUID | None:
        """See Rebuild."""
        return self._server.run(_owner)

    def position(self, job_id: UUID, part: int) -> Position | None:
        """See Rebuild."""

        def work(connection: _Connection) -> Position | None:
            if _owner(connection) != job_id:
                return None
            statement = "SELECT after, version, over FROM reindex_parts WHERE number = %(part)s"
            row = connection.execute(statement, {"part": part}).fetchone()
            return None if row is None else Position(after=row[0], version=row[1], over=row[2])

        return self._server.run(work)

    def present(self, bucket: str, keys: Collection[str]) -> dict[str, Present]:
        """See Rebuild."""
        asked = {"bucket": bucket, "keys": list(keys)}
        rows = self._server.run(lambda connection: connection.execute(statements.PRESENT, asked).fetchall())
        return {row[0]: _present(row[1:]) for row in rows}

    def texts(self, bucket: str, keys: Collection[str]) -> dict[str, str]:
        """See Rebuild."""
        asked = {"bucket": bucket, "keys": list(keys)}
        return dict(self._server.run(lambda connection: connection.execute(statements.TEXTS, asked).fetchall()))

    def fill(
        self,
        job_id: UUID,
        part: int,
        rows: Sequence[Filled],
        looks: Collection[Place],
        before: Position,
        after: Position,
    ) -> list[Place] | None:
        """See Rebuild."""
        values = [_row(each) for each in rows]
        stand = {
            "job_id": job_id,
            "part": part,
            "was_after": before.after,
            "was_version": before.version,
            "after": after.after,
            "version": after.version,
            "over": after.over,
        }

        def work(connection: _Connection) -> list[Place] | None:
            with connection.transaction():
                connection.execute("SET LOCAL statement_timeout = '120s'")
                if connection.execute(statements.STAND, stand).rowcount == 0:
                    return None
                try:
                    with connection.transaction():
                        _write(connection, rows, values)
                    refused: list[Place] = []
                except _ROW_AT_FAULT:
                    refused = _write_one_by_one(connection, rows, values)
                with (
                    connection.cursor() as cursor,
                    cursor.copy("COPY reindex_looks (bucket, object_key) FROM STDIN") as copy,
                ):
                    for place in (*looks, *refused):
                        copy.write_row(place)
                return refused

        return self._server.run(work)

    def finish(self, job_id: UUID) -> bool:
        """See Rebuild."""

        def work(connection: _Connection) -> bool:
            row = connection.execute(
                "SELECT done, swapped, carried_bucket, carried_key FROM reindex_state WHERE job_id = %(job_id)s",
                {"job_id": job_id},
            ).fetchone()
            if row is None or row[1]:
                return False
            done = int(row[0])
            steps = _steps(connection)
            if done < len(steps) and steps[done] is _CARRY:
                _carry(connection, done)
                return True
            if done < len(steps):
                _do(connection, job_id, done, steps[done])
                return True
            with connection.transaction():
                connection.execute("SET LOCAL statement_timeout = '120s'")
                connection.execute(statements.ALONE)
                return _take_over_touched(connection, TAKEN_AT_ONCE) > CAUGHT_UP

        return self._server.run(work)

    def swap(self, job_id: UUID) -> bool:
        """See Rebuild."""

        def work(connection: _Connection) -> bool:
            try:
                with connection.transaction():
                    return _swap(connection, job_id)
            except (*_WAITED_FOR, _TooMuch):
                return False

        return self._server.run(work)

    def has_swapped(self, job_id: UUID) -> bool:
        """See Rebuild."""

        def work(connection: _Connection) -> bool:
            with connection.transaction():
                _alone(connection)
                if _owner(connection) != job_id:
                    return False
                return connection.execute("SELECT swapped FROM reindex_state").fetchone() == (True,)

        return self._server.run(work)

    def looks(self, after: Place | None, limit: int) -> list[Place]:
        """See Rebuild."""
        bucket, key = after or ("", "")
        asked = {"bucket": bucket, "key": key, "limit": limit}
        rows = self._server.run(lambda connection: connection.execute(statements.LOOKS, asked).fetchall())
        return [Place(*row) for row in rows]

    def drop(self, job_id: UUID | None = None) -> bool:
        """See Rebuild."""

        def work(connection: _Connection) -> bool:
            with connection.transaction():
                _alone(connection)
                owner = _owner(connection)
                if owner is None or job_id not in (None, owner):
                    return False
                _drop(connection)
                return True

        return self._server.run(work)

    def close(self) -> None:
        """Close the connection, if one is open."""
        self._server.close()


class _TooMuch(Exception):
    """Too much was written meanwhile for others to wait."""


def _alone(connection: _Connection) -> None:
    connection.execute("SET LOCAL lock_timeout = '2s'")
    connection.execute("SET LOCAL statement_timeout = '30s'")
    connection.execute(statements.ALONE)


def _owner(connection: _Connection) -> UUID | None:
    if connection.execute("SELECT to_regclass('reindex_state')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT job_id FROM reindex_state").fetchone()
    return None if row is None else row[0]


def _schema_version(connection: _Connection) -> str | None:
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _drop(connection: _Connection) -> None:
    noted = "SELECT FROM pg_trigger WHERE tgrelid = 'documents'::regclass AND tgname = %(name)s"
    if connection.execute(noted, {"name": statements.TRIGGER}).fetchone() is not None:
        connection.execute(statements.STOP_NOTING)
    connection.execute(statements.DROP)


def _present(row: TupleRow) -> Present:
    file_id, attributes_etag, missing, words_for, etag, modified, version_id, sha256 = row
    held = etag and ObjectVersion(etag=etag, modified=modified, version_id=version_id, sha256=sha256)
    return Present(
        file_id=file_id,
        attributes_etag=attributes_etag,
        object=held or None,
        missing=missing,
        words_for=words_for,
    )


def _row(filled: Filled) -> dict[str, Any]:
    projection = filled.projection
    values = _values(projection, _NO_WORDS if filled.takes_over else None)
    values |= {"bucket": projection.bucket, "key": projection.key}
    row = {_NAMES.get(name, name): value for name, value in values.items()}
    is_deleted = row["deleted_at"] is not None
    return row | {"shown": not is_deleted, "trashed": is_deleted}


def _write(connection: _Connection, rows: Sequence[Filled], values: Sequence[dict[str, Any]]) -> None:
    anew = [value for filled, value in zip(rows, values, strict=True) if not filled.takes_over]
    over = [value for filled, value in zip(rows, values, strict=True) if filled.takes_over]
    if anew:
        _copy(connection, statements.NEXT, list(anew[0]), anew)
    if over:
        own = [name for name in over[0] if name not in _OF_TEXT]
        others = [
            name
            for name in columns_of(connection, statements.NEXT)
            if name not in own and name not in ("removed_at", "current")
        ]
        connection.execute("CREATE TEMP TABLE reindex_stage (LIKE documents INCLUDING DEFAULTS) ON COMMIT DROP")
        _copy(connection, "reindex_stage", own, over)
        kept = [
            f"coalesce(stage.{each}, old.{each})" if each == "object_sha256" else f"stage.{each}" for each in own
        ]
        taken = [f"old.{each}" for each in others]
        connection.execute(
            f"INSERT INTO {statements.NEXT} ({', '.join([*own, *others])}) SELECT {', '.join([*kept, *taken])}"  # noqa: S608
            " FROM reindex_stage AS stage JOIN documents AS old USING (bucket, object_key)"
            " WHERE old.file_id IS NOT NULL"
        )
        connection.execute("DROP TABLE reindex_stage")


def _copy(connection: _Connection, table: str, names: list[str], rows: Sequence[dict[str, Any]]) -> None:
    statement = f"COPY {table} ({', '.join(names)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])


def _write_one_by_one(
    connection: _Connection, rows: Sequence[Filled], values: Sequence[dict[str, Any]]
) -> list[Place]:
    refused = []
    for filled, value in zip(rows, values, strict=True):
        try:
            with connection.transaction():
                _write(connection, [filled], [value])
        except _ROW_AT_FAULT:
            refused.append(filled.projection.place)
    return refused


def _steps(connection: _Connection) -> list[str]:
    """Give what is to be done once everything is filled in, in its order."""
    indexes = indexes_of(connection, "documents")
    at_last = [each for each in indexes if each.unique and each.constraint is None]
    first = [each for each in indexes if each not in at_last]

    def create(index: Any) -> str:
        return str(index.create(statements.NEXT, statements.PREFIX))

    return [
        *map(create, first),
        statements.SETTLE_CLAIMS,
        _CARRY,
        statements.SETTLE_CURRENT,
        *map(create, at_last),
        f"ANALYZE {statements.NEXT}",
        statements.COUNT_USAGE,
        statements.ORDER_LOOKS,
    ]


def _do(connection: _Connection, job_id: UUID, number: int, statement: str) -> None:
    """Do a step and note it, as one message and so as one transaction."""
    guard = (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM reindex_state WHERE done = {number} AND job_id = '{job_id}')"
        " THEN RAISE object_not_in_prerequisite_state; END IF; END $$"
    )
    noted = "UPDATE reindex_state SET done = done + 1"
    whole = ";\n".join(["SET LOCAL statement_timeout = 0", statements.ALONE, guard, statement, noted])
    try:
        connection.execute(sql.SQL(whole))
    except errors.ObjectNotInPrerequisiteState:
        return  # somebody else has done it


def _carry(connection: _Connection, number: int) -> None:
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = '120s'")
        connection.execute(statements.ALONE)
        at = connection.execute("SELECT carried_bucket, carried_key FROM reindex_state").fetchone()
        if at is None:
            return
        asked = {"bucket": at[0], "key": at[1], "limit": CARRIED_AT_ONCE}
        last = connection.execute(statements.CARRY, asked).fetchone()
        if last is None:
            connection.execute(
                "UPDATE reindex_state SET done = %(next)s WHERE done = %(number)s",
                {"next": number + 1, "number": number},
            )
            return
        connection.execute(statements.CARRIED, {"bucket": last[0], "key": last[1]})


def _take_over_touched(connection: _Connection, limit: int) -> int:
    """Take over the rows that were written meanwhile, and decide anew what is shown of their documents."""
    touched = connection.execute(statements.TAKE_TOUCHED, {"limit": limit}).fetchall()
    if not touched:
        return 0
    here = _places({Place(*row) for row in touched})
    claimed = connection.execute(statements.CLAIMED_HERE, here).fetchall()
    ids = {"ids": list({file_id for file_id, _ in claimed})}
    found = connection.execute(statements.TAKEN_BY, ids).fetchall()
    concerned = {*ids["ids"], *(each for _, each in claimed if each), *(each for (each,) in found)}
    connection.execute(statements.USED_NO_MORE, ids)
    connection.execute(statements.FORGET_HERE, here)
    names = [
        name for name in columns_of(connection, statements.NEXT) if name not in ("shown", "trashed", "current")
    ]
    connection.execute(sql.SQL(statements.TAKE_OVER_HERE.replace("COLUMNS", ", ".join(names))), here)
    connection.execute(statements.HIDE, ids)
    connection.execute(statements.SHOW, ids)
    connection.execute(statements.CURRENT, {"ids": list(concerned)})
    connection.execute(statements.USED_NOW, ids)
    return len(touched)


def _swap(connection: _Connection, job_id: UUID) -> bool:
    connection.execute("SET LOCAL lock_timeout = '1s'")
    connection.execute("SET LOCAL statement_timeout = '20s'")
    connection.execute(statements.ALONE)
    row = connection.execute(
        "SELECT schema_version, swapped FROM reindex_state WHERE job_id = %(job_id)s", {"job_id": job_id}
    ).fetchone()
    if row is None:
        raise Conflict("another rebuild has taken the place of this one", code="job_replaced")
    if row[1]:
        return True
    connection.execute("LOCK TABLE documents IN ACCESS EXCLUSIVE MODE")
    connection.execute("LOCK TABLE usage_deltas IN EXCLUSIVE MODE")
    if row[0] != _schema_version(connection):
        raise Conflict("the schema was migrated meanwhile; start again", code="schema_changed")
    if _take_over_touched(connection, TAKEN_AT_ONCE) == TAKEN_AT_ONCE:
        raise _TooMuch
    take_the_place(connection, "documents", statements.NEXT, statements.PREFIX, without=statements.TRIGGER)
    connection.execute(statements.TAKE_USAGE)
    connection.execute(f"DROP TABLE {statements.USAGE}")
    connection.execute(f"DROP FUNCTION {statements.TRIGGER}()")
    connection.execute("UPDATE reindex_state SET swapped = true")
    return True


def _places(places: Collection[Place]) -> dict[str, Any]:
    return {"buckets": [each.bucket for each in places], "keys": [each.key for each in places]}
