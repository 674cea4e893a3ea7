"""Writes rows of the PostgreSQL index, and in the same transaction which claim of each document is shown, and
which documents are current.

However many places are written, each step is one statement for all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import TupleRow

from artstore.index import Written, statements, version_statements
from artstore.index.claims import Claim, Place, winner

_Connection = psycopg.Connection[TupleRow]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a place: ``claim`` lies there now, or nothing.

    ``values`` are what the statement takes besides the place: those of PROJECT with a claim (``shown`` and
    ``trashed`` are added here), those of REMOVE without.
    """

    place: Place
    claim: Claim | None
    values: dict[str, Any]

    @property
    def file_id(self) -> UUID | None:
        """Give the document that is claimed from now on."""
        return self.values["file_id"] if self.claim else None


def write_changes(connection: _Connection, changes: Sequence[Change]) -> list[Written]:
    """Write places, each of which may be named once, in one transaction; give what each write came to, in order.

    What is shown afterwards is the same as when they are written one after the other.
    """
    here = _places([each.place for each in changes])
    with connection.transaction():
        connection.execute(statements.LOCK_PLACES, here)
        rows = connection.execute(statements.CLAIMED_BY, here).fetchall()
        before: dict[Place, UUID | None] = {Place(bucket, key): file_id for bucket, key, file_id in rows}
        ids = {each for each in (*before.values(), *(each.file_id for each in changes)) if each}
        _lock(connection, statements.LOCK_IDS, ids)
        concerned = _lock_successions(connection, ids, changes)
        elsewhere = _best_elsewhere(connection, ids, here)
        shown = {each: _winner(each, changes, elsewhere) for each in ids}
        _hide(connection, changes, before, elsewhere, shown)
        _write(connection, changes, shown)
        left = [
            each.place for file_id, each in shown.items() if each is not None and each is elsewhere.get(file_id)
        ]
        if left:
            connection.execute(statements.SHOW, _places(left))
        connection.execute(version_statements.SET_CURRENT, {"ids": list(concerned)})
    return [_written(each, before, shown) for each in changes]


def _write(connection: _Connection, changes: Sequence[Change], shown: dict[UUID, Claim | None]) -> None:
    projected = [each for each in changes if each.claim is not None]
    removed = [each for each in changes if each.claim is None]
    if removed:
        told = {f"{name}s": [each.values[name] for each in removed] for name in ("at", "damage")}
        connection.execute(statements.REMOVE, _places([each.place for each in removed]) | told)
    if projected:
        values: dict[str, Any] = {}
        for number, each in enumerate(projected):
            wins = each.claim is not None and each.claim is shown[each.values["file_id"]]
            is_deleted = each.claim is not None and each.claim.deleted
            visible = {"shown": wins and not is_deleted, "trashed": wins and is_deleted}
            row = each.place._asdict() | each.values | visible
            values |= {f"{name}_{number}": value for name, value in row.items()}
        connection.execute(statements.project(len(projected)), values)


def _hide(
    connection: _Connection,
    changes: Sequence[Change],
    before: dict[Place, UUID | None],
    elsewhere: dict[UUID, Claim],
    shown: dict[UUID, Claim | None],
) -> None:
    """Hide what may be shown for a document that is to be shown from another place: no two are at any time."""
    held: defaultdict[UUID, set[Place]] = defaultdict(set)
    for place, file_id in before.items():
        if file_id:
            held[file_id].add(place)
    ids = [
        each.file_id
        for each in changes
        if each.file_id
        and each.claim is shown[each.file_id]
        and (each.file_id in elsewhere or held[each.file_id] - {each.place})
    ]
    if ids:
        connection.execute(statements.HIDE, {"ids": ids})


def _winner(file_id: UUID, changes: Sequence[Change], elsewhere: dict[UUID, Claim]) -> Claim | None:
    return winner(*(each.claim for each in changes if each.file_id == file_id), elsewhere.get(file_id))


def _written(change: Change, before: dict[Place, UUID | None], shown: dict[UUID, Claim | None]) -> Written:
    known = before.get(change.place)
    file_id = change.file_id or known
    claim = shown[file_id] if file_id else None
    place = None if claim is None or claim.deleted else claim.place
    return Written(first=change.place not in before, file_id=file_id, shown=place)


def _lock_successions(connection: _Connection, ids: set[UUID], changes: Sequence[Change]) -> set[UUID]:
    """Give the documents of which this write may decide whether they are current: those whose claims change, and
    those that any of their claims, before or after, takes the place of. Each is locked."""
    found = connection.execute(version_statements.PREDECESSORS, {"ids": list(ids)}).fetchall()
    named = {each.values["supersedes"] for each in changes if each.claim is not None}
    concerned = ids | {each for (each,) in found} | {each for each in named if each}
    _lock(connection, statements.LOCK_SUCCESSIONS, concerned)
    return concerned


def _best_elsewhere(connection: _Connection, ids: Collection[UUID], here: dict[str, Any]) -> dict[UUID, Claim]:
    """Give for each document the best of the claims at places that are not written."""
    found: dict[UUID, Claim] = {}
    for row in connection.execute(statements.BEST_ELSEWHERE, here | {"ids": list(ids)}).fetchall():
        file_id, bucket, key, revision, missing, at_home, deleted, sealed = row
        found[file_id] = Claim(
            place=Place(bucket, key),
            revision=revision,
            missing=missing,
            at_home=at_home,
            deleted=deleted,
            sealed=sealed,
        )
    return found


def _lock(connection: _Connection, statement: str, ids: Collection[UUID]) -> None:
    """Lock ids, in the order of their locks: the last 32 bits of each, signed."""
    locks = sorted({int.from_bytes(each.bytes[-4:], signed=True) for each in ids})
    if locks:
        connection.execute(statement, {"locks": locks})


def _places(places: Sequence[Place]) -> dict[str, Any]:
    return {"buckets": [each.bucket for each in places], "keys": [each.key for each in places]}
