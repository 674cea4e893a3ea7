"""Writes a row of the PostgreSQL index, and in the same transaction which claim of each document is shown, and
which documents are current."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from artstore.index import Written, statements, version_statements
from artstore.index.claims import Claim, Place, winner

_Connection = psycopg.Connection[TupleRow]


def write_claim(connection: _Connection, statement: str, values: dict[str, Any], mine: Claim | None) -> Written:
    """Run PROJECT with the place's claim, or REMOVE with None.

    ``values`` hold bucket, key and what else the statement takes; PROJECT gets ``shown`` and ``trashed`` here.
    """
    with connection.transaction():
        connection.execute(statements.LOCK_PLACE, values)
        row = connection.execute(statements.CLAIMED_BY, values).fetchone()
        before: UUID | None = row[0] if row else None
        file_id: UUID | None = values["file_id"] if mine else None
        ids = {each for each in (before, file_id) if each}
        for lock in sorted(set(map(_lock, ids))):
            connection.execute(statements.LOCK_ID, {"lock": lock})
        concerned = _lock_successions(connection, ids, values["supersedes"] if mine else None)
        left = _best_elsewhere(connection, before, values) if before and before != file_id else None
        other = _best_elsewhere(connection, file_id, values) if file_id else None
        shown = winner(mine, other)
        if other is not None and shown is mine:
            connection.execute(statements.HIDE, {"file_id": file_id})
        visible = shown is not None and not shown.deleted
        wins = shown is not None and shown is mine
        connection.execute(statement, values | {"shown": wins and visible, "trashed": wins and not visible})
        if other is not None and shown is other:
            _show(connection, other)
        if left is not None:
            _show(connection, left)
        connection.execute(version_statements.SET_CURRENT, {"ids": list(concerned)})
    if mine is None:
        return Written(first=row is None, file_id=before, shown=left.place if left and not left.deleted else None)
    return Written(first=row is None, file_id=file_id, shown=shown.place if shown and visible else None)


def _lock_successions(connection: _Connection, ids: set[UUID], supersedes: UUID | None) -> set[UUID]:
    """Give the documents of which this write may decide whether they are current: those whose claims change, and
    those that any of their claims, before or after, takes the place of. Each is locked."""
    found = connection.execute(version_statements.PREDECESSORS, {"ids": list(ids)}).fetchall()
    concerned = ids | {each for (each,) in found} | ({supersedes} if supersedes else set())
    for lock in sorted(set(map(_lock, concerned))):
        connection.execute(statements.LOCK_SUCCESSION, {"lock": lock})
    return concerned


def _best_elsewhere(connection: _Connection, file_id: UUID | None, values: dict[str, Any]) -> Claim | None:
    asked = {"file_id": file_id, "bucket": values["bucket"], "key": values["key"]}
    row = connection.execute(statements.BEST_ELSEWHERE, asked).fetchone()
    if row is None:
        return None
    bucket, key, revision, missing, at_home, deleted, sealed = row
    return Claim(
        place=Place(bucket, key),
        revision=revision,
        missing=missing,
        at_home=at_home,
        deleted=deleted,
        sealed=sealed,
    )


def _show(connection: _Connection, claim: Claim) -> None:
    connection.execute(statements.SHOW, claim.place._asdict())


def _lock(file_id: UUID) -> int:
    """Give the number of an id's lock: 32 bits, signed."""
    return int.from_bytes(file_id.bytes[-4:], signed=True)
