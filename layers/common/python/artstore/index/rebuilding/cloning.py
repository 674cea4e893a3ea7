"""Copies of a table's definition, read from PostgreSQL's catalogs, and their swap: names end as they were.

Whatever migrations make of the table is copied: columns, defaults, checks, indexes, triggers, rights, and the
functions that take its rows.
"""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

_Connection = psycopg.Connection[TupleRow]

_INDEXES = """
SELECT index.relname, pg_get_indexdef(index.oid), con.conname, pg_get_constraintdef(con.oid), pg_index.indisunique
FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid
    LEFT JOIN pg_constraint AS con ON con.conindid = indexrelid AND con.conrelid = indrelid
WHERE indrelid = %(table)s::regclass ORDER BY index.relname
"""
_CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = %(table)s::regclass AND contype IN ('c', 'n') ORDER BY conname
"""
_TRIGGERS = """
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = %(table)s::regclass AND NOT tgisinternal
ORDER BY tgname
"""
_FUNCTIONS = """
SELECT pg_proc.oid::regprocedure::text, pg_get_functiondef(pg_proc.oid) FROM pg_proc
WHERE (SELECT reltype FROM pg_class WHERE oid = %(table)s::regclass) = ANY(proargtypes)
"""
_GRANTS = """
SELECT CASE WHEN grantee = 0 THEN NULL ELSE grantee::regrole::text END, privilege_type
FROM pg_class, LATERAL aclexplode(relacl) WHERE oid = %(table)s::regclass AND grantee <> relowner
"""


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """An index of a table. ``constraint`` is its definition when it serves one, such as a primary key."""

    name: str
    definition: str
    constraint: str | None
    unique: bool

    def create(self, copy: str, prefix: str) -> str:
        """Give the statement that makes the same index, under another name, on a copy of the table."""
        if self.constraint is not None:
            return f'ALTER TABLE {copy} ADD CONSTRAINT "{prefix}{self.name}" {self.constraint}'
        head, method = self.definition.split(" USING ", 1)
        kind = head.split(" INDEX ", 1)[0]
        return f'{kind} INDEX "{prefix}{self.name}" ON {copy} USING {method}'


def indexes_of(connection: _Connection, table: str) -> list[Index]:
    """Give the indexes of a table, those of constraints first: others find rows by them."""
    rows = connection.execute(_INDEXES, {"table": table}).fetchall()
    found = [
        Index(name=name, definition=definition, constraint=constraint, unique=unique)
        for name, definition, _, constraint, unique in rows
    ]
    return sorted(found, key=lambda each: (each.constraint is None, each.name))


def copy_empty(connection: _Connection, table: str, copy: str) -> None:
    """Make a table with the same columns, checks and rights, empty, without indexes and triggers."""
    connection.execute(f"CREATE TABLE {copy} (LIKE {table} INCLUDING ALL EXCLUDING INDEXES)")
    for grantee, privilege in connection.execute(_GRANTS, {"table": table}).fetchall():
        to = "PUBLIC" if grantee is None else grantee  # regrole quotes names itself
        connection.execute(f"GRANT {privilege} ON {copy} TO {to}")


def columns_of(connection: _Connection, table: str) -> list[str]:
    """Give the columns of a table, in their order."""
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped"
        " ORDER BY attnum",
        {"table": table},
    )
    return [name for (name,) in rows.fetchall()]


def take_the_place(connection: _Connection, table: str, copy: str, prefix: str, *, without: str) -> None:
    """Drop a table and give its name, and those of all that belongs to it, to its copy.

    ``without`` is a trigger that is not made anew. The caller holds the locks, in its transaction.
    """
    asked = {"table": table}
    triggers = [each for each in connection.execute(_TRIGGERS, asked).fetchall() if each[0] != without]
    functions = connection.execute(_FUNCTIONS, asked).fetchall()
    indexes = indexes_of(connection, table)
    constraints = {text: name for name, text in connection.execute(_CONSTRAINTS, asked).fetchall()}
    for signature, _ in functions:
        _run(connection, f"DROP FUNCTION {signature}")
    _run(connection, f"DROP TABLE {table}")
    _run(connection, f"ALTER TABLE {copy} RENAME TO {table}")
    for each in indexes:
        _run(connection, f'ALTER INDEX "{prefix}{each.name}" RENAME TO "{each.name}"')
    for name, text in connection.execute(_CONSTRAINTS, asked).fetchall():
        if constraints.get(text, name) != name:
            _run(connection, f'ALTER TABLE {table} RENAME CONSTRAINT "{name}" TO "{constraints[text]}"')
    for _, definition in functions:
        _run(connection, definition)
    for _, definition in triggers:
        _run(connection, definition)


def _run(connection: _Connection, statement: str) -> Any:
    """Run a definition that PostgreSQL itself has written, or one of names it gave."""
    return connection.execute(sql.SQL(statement))
