"""What somebody decides about a document instead of letting its retention schedule have its way: that it is not
due before a day, or that it is kept for good. The attr.json says so, and the audit log who decided, and why.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore.attributes import Attributes, Retention
from artstore.audit import Actor, AuditEvent, format_time
from artstore.changes.changing import Changes, Found
from artstore.changes.limits import LONGEST_RETENTION
from artstore.errors import Conflict, Invalid, NotFound
from artstore.index import IndexedDocument
from artstore.spaces import Reach

EXTENDED, KEPT = "retention.extended", "retention.kept"


class Outbox(Protocol):
    """Where events for the audit log are left; see artstore.aws.audit_outbox."""

    def leave(self, event: AuditEvent) -> None: ...


class Retaining:
    """Keeps documents longer than their schedules say."""

    def __init__(self, changes: Changes, outbox: Outbox) -> None:
        """Take the ports."""
        self._changes = changes
        self._outbox = outbox

    def extend(self, file_id: UUID, reach: Reach, until: datetime, actor: Actor, reason: str) -> IndexedDocument:
        """Have a document not due before ``until``, and no earlier than it was to be.

        Raises what ``Changes.change`` raises, Conflict (``no_schedule``, ``kept_for_good``,
        ``retention_shortened``, ``document_missing``) and Invalid (``retention_out_of_range``).
        """
        check_until(until, self._changes.now())

        def extended(retention: Retention) -> Retention:
            if retention.extended_until is not None and retention.extended_until > until:
                raise Conflict("it was extended further than that", code="retention_shortened")
            if retention.kept_at is not None:
                raise Conflict("it was decided that the document is kept for good", code="kept_for_good")
            return msgspec.structs.replace(retention, extended_until=until)

        return self._decide(file_id, reach, extended, actor, EXTENDED, reason)

    def keep(self, file_id: UUID, reach: Reach, actor: Actor, reason: str) -> IndexedDocument:
        """Have a document kept for good: it is due no more. Raises as ``extend`` does."""

        def kept(retention: Retention) -> Retention:
            if retention.kept_at is not None:
                return retention
            return msgspec.structs.replace(retention, kept_at=self._changes.now())

        return self._decide(file_id, reach, kept, actor, KEPT, reason)

    def _decide(
        self,
        file_id: UUID,
        reach: Reach,
        decide: Callable[[Retention], Retention],
        actor: Actor,
        action: str,
        reason: str,
    ) -> IndexedDocument:
        before: dict[str, Any] = {}

        def edit(found: Found) -> Attributes:
            retention = found.attributes.retention
            if found.is_in_the_trash:
                raise NotFound("there is no such document", code="document_not_found")
            if retention is None or retention.schedule is None:
                raise Conflict("the document names no retention schedule", code="no_schedule")
            if found.indexed.missing:  # perhaps it is just being disposed of
                raise Conflict("the document's bytes are not in storage", code="document_missing")
            before.update(_told(retention))
            return msgspec.structs.replace(found.attributes, retention=decide(retention))

        document = self._changes.change(file_id, reach, edit)
        after = _told(document.attributes.retention)
        self._outbox.leave(actor.event(action, f"file/{file_id}", before=before, after=after, reason=reason))
        return document


def check_until(until: datetime, now: datetime) -> None:
    """Check until when something is to be extended. Raises Invalid (``retention_out_of_range``)."""
    if not now < until <= now + LONGEST_RETENTION:
        raise Invalid(
            "until is in the future, and a hundred years ahead at most",
            code="retention_out_of_range",
            field="until",
        )


def _told(retention: Retention | None) -> dict[str, Any]:
    if retention is None:
        return {}
    times = {"extended_until": retention.extended_until, "kept_at": retention.kept_at}
    told: dict[str, Any] = {name: None if at is None else format_time(at) for name, at in times.items()}
    return {"schedule": retention.schedule, **told}
