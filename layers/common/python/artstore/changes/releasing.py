"""Releasing a document from quarantine: somebody who administers its space answers for its bytes.

The audit log is told before the attr.json is written: what is released is in the log, whatever stops when. An
entry may be without its release, and come twice, when somebody else changed the document meanwhile. A document
that was released stays so until its bytes are others.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from artstore.attributes import Attributes
from artstore.audit import Actor, AuditEvent
from artstore.changes.changing import Changes, Found
from artstore.errors import Conflict
from artstore.index import IndexedDocument
from artstore.scanning import RELEASABLE, released
from artstore.spaces import Reach

RELEASED = "document.released"


class Releasing:
    """Releases documents."""

    def __init__(self, changes: Changes, record: Callable[[AuditEvent], object]) -> None:
        """Take the ports; ``record`` writes an event into the audit log."""
        self._changes = changes
        self._record = record

    def release(self, file_id: UUID, reach: Reach, *, reason: str, actor: Actor) -> IndexedDocument:
        """End the quarantine, with the reason; one that was released before stays as it is.

        Raises what ``Changes.change`` raises, and Conflict: ``not_quarantined``, and ``not_releasable`` for bytes
        that are not those that were declared.
        """
        about = f"file/{file_id}"
        now: datetime = self._changes.now()

        def edit(found: Found) -> Attributes:
            attributes = found.attributes
            if attributes.quarantine is None:
                if attributes.scan is None or attributes.scan.released_at is None:
                    raise Conflict("the document is not in quarantine", code="not_quarantined")
                return attributes
            if attributes.quarantine.reason not in RELEASABLE:
                raise Conflict(
                    f"nobody can answer for this: {attributes.quarantine.reason}", code="not_releasable"
                )
            return released(attributes, actor.client_id, now)

        def record(found: Found, changed: Attributes) -> None:
            before, scan = found.attributes.quarantine, found.attributes.scan
            if before is not None and changed != found.attributes:
                told = {
                    "quarantine": before.reason,
                    "found": None if scan is None else scan.signature,
                    "sha256": found.attributes.checksum,
                    "space": found.attributes.space,
                }
                self._record(actor.event(RELEASED, about, before=told, reason=reason))

        try:
            return self._changes.change(file_id, reach, edit, before=record)
        except Conflict as error:
            self._record(actor.event(RELEASED, about, refusal=error))
            raise
