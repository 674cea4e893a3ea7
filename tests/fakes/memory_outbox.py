"""The outbox of the audit log, in a list."""

from __future__ import annotations

from typing import Any

from artstore.audit import AuditEvent


class MemoryOutbox:
    """Events on their way into the audit log; those of a transaction are written with it."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []

    def leave(self, event: AuditEvent, transaction: Any = None) -> None:
        self.events.append(event)
