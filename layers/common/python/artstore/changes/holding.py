"""Legal holds: a document under one is neither deleted nor swept, until somebody who may ends it.

The attr.json says so, and why; where storage keeps versions, the version of the bytes is held there as well, by
whoever asks. The hold in storage comes before the word of it and ends after, so that nothing is said to be held
that is not. Each placing and each ending is in the audit log, with its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from artstore.attributes import Attributes, Retention
from artstore.audit import Actor, AuditEvent
from artstore.changes.changing import Changes, Found
from artstore.changes.locking import Locks
from artstore.elements import Mode, RetentionPolicy, Right
from artstore.errors import Conflict
from artstore.index import IndexedDocument
from artstore.spaces import Reach

PLACED = "legal_hold.placed"
RELEASED = "legal_hold.released"


class Holding:
    """Places legal holds, and ends them."""

    def __init__(self, changes: Changes, locks: Locks, record: Callable[[AuditEvent], object]) -> None:
        """Take the ports; ``record`` writes an event into the audit log."""
        self._changes = changes
        self._locks = locks
        self._record = record

    def set(self, file_id: UUID, reach: Reach, *, hold: bool, reason: str, actor: Actor) -> IndexedDocument:
        """Place a hold with its reason, or end it; a document in the trash may be held there.

        What is already as asked stays so, another reason replaces the one before, and the lock in storage is put
        right. Raises what ``Changes.change`` raises.
        """
        before: dict[str, Any] = {}

        def edit(found: Found) -> Attributes:
            found.element.require(Right.HOLD)
            attributes, retention = found.attributes, found.attributes.retention
            before.update(_told(retention))
            if retention is None:
                if not hold:
                    return attributes
                retention = Retention(policy=str(RetentionPolicy.PERMANENT))
            held = msgspec.structs.replace(retention, legal_hold=hold, hold_reason=reason if hold else None)
            return (
                attributes if held == attributes.retention else msgspec.structs.replace(attributes, retention=held)
            )

        def lock(found: Found, _changed: Attributes) -> None:
            if found.element.mode is not Mode.EDIT and found.version_id is not None:
                self._locks.hold(found.indexed.bucket, found.indexed.key, found.version_id, on=hold)

        action, about = PLACED if hold else RELEASED, f"file/{file_id}"
        try:
            document = self._changes.change(
                file_id, reach, edit, before=lock if hold else None, after=None if hold else lock
            )
        except Conflict as error:
            self._record(actor.event(action, about, refusal=error))
            raise
        after = _told(document.attributes.retention)
        self._record(actor.event(action, about, before=before, after=after, reason=reason))
        return document


def _told(retention: Retention | None) -> dict[str, Any]:
    """Give what the audit log tells of a hold."""
    if retention is None:
        return {"legal_hold": False, "hold_reason": None}
    return {"legal_hold": retention.legal_hold, "hold_reason": retention.hold_reason}
