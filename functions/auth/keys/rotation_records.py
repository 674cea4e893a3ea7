"""The history of rotations and the lock that lets one through at a time, both in the signing-keys table.

The lock is a conditional write with a lease. It is never deleted, only given back or left to run out, since no
role may delete anything there.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from pynamodb.exceptions import PutError
from pynamodb.expressions.condition import Condition

from artstore.aws.dynamodb import reaching_dynamodb, refusal_code
from artstore.tables import KeyRotationLock, KeyRotationRecord, bind
from functions.auth.keys.ring import Rotation

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

_HISTORY = "#rotations"
_LOCK = ("#lock", "#ring")


class PastRotation(msgspec.Struct, frozen=True):
    """A rotation in the history."""

    rotated_at: datetime
    retired: str
    """kid of the key that signed until then."""
    activated: str
    """kid of the key that has signed since."""
    published: str
    """kid of the key that was shown to verifiers then."""
    actor: str
    """The client_id that asked for it, or ``system`` for the schedule."""


class RotationRecords:
    """The rotations of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the table of the deployment ``prefix``."""
        self._history = bind(KeyRotationRecord, prefix)
        self._locks = bind(KeyRotationLock, prefix)

    def has(self, rotation: Rotation) -> bool:
        """Tell whether ``rotation`` is in the history; one GetItem."""
        with reaching_dynamodb():
            try:
                self._history.get(_HISTORY, _position(rotation), consistent_read=True)
            except self._history.DoesNotExist:
                return False
        return True

    def add(self, rotation: Rotation, transaction: TransactWrite) -> None:
        """Add ``rotation`` in ``transaction``, on condition that it is not there yet."""
        record = self._history(_HISTORY, _position(rotation))
        record.rotated_at = rotation.rotated_at.isoformat()
        record.retired = rotation.retired
        record.activated = rotation.activated
        record.published = rotation.published
        record.actor = rotation.initiator.actor
        transaction.save(record, condition=self._history.kid.does_not_exist())

    def page(self, limit: int, before: str | None) -> tuple[list[PastRotation], str | None]:
        """Give at most ``limit`` rotations, newest first, that are older than the position ``before``.

        The second value is the position of the next page, or None for the last.
        """
        older = None if before is None else self._history.kid < before
        with reaching_dynamodb():
            found = list(self._history.query(_HISTORY, older, scan_index_forward=False, limit=limit + 1))
        items = [
            PastRotation(
                rotated_at=datetime.fromisoformat(record.rotated_at),
                retired=record.retired,
                activated=record.activated,
                published=record.published,
                actor=record.actor,
            )
            for record in found[:limit]
        ]
        return items, found[limit - 1].kid if len(found) > limit else None

    def lock(self, holder: str, now: float, lease_seconds: float) -> bool:
        """Take the lock for ``lease_seconds``; False while another holds it."""
        lock = self._locks(*_LOCK, holder=holder, held_until=now + lease_seconds)
        free = self._locks.kid.does_not_exist() | (self._locks.held_until <= now)
        return self._save(lock, free)

    def unlock(self, holder: str) -> None:
        """Give the lock back, if ``holder`` has it."""
        self._save(self._locks(*_LOCK, holder=holder, held_until=0), self._locks.holder == holder)

    def _save(self, lock: KeyRotationLock, condition: Condition) -> bool:
        with reaching_dynamodb():
            try:
                lock.save(condition=condition)
            except PutError as error:
                if refusal_code(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True


def _position(rotation: Rotation) -> str:
    """Give the range key: in the order of time, and the same whenever the same rotation is recorded."""
    return f"{rotation.rotated_at.isoformat(timespec='microseconds')}#{rotation.activated}"
