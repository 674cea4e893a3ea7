"""Recording the refusals that matter: who tried what their token does not permit, and who keeps guessing secrets.

A client that keeps knocking is recorded once a minute by each process for each operation, so that it cannot fill
the log; and by way of the outbox, so that no administrator waits for it. The log line of each request tells of the
rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from artstore import telemetry
from artstore.audit import REFUSED, AuditEvent
from artstore.errors import ArtStoreError
from artstore.http import Refusal

ACTION = "operation.refused"
ANONYMOUS = "anonymous"
"""The actor of a refusal before anybody had proved who they are; ``source_ip`` says where from."""
_RECORDED = frozenset({"insufficient_scope", "too_many_attempts"})
_AGAIN_AFTER_SECONDS = 60
_MAX_REMEMBERED = 10_000


class Outbox(Protocol):
    """Where events for the audit log are left; see ``artstore.aws.audit_outbox.AuditOutbox``."""

    def leave(self, event: AuditEvent) -> None:
        """Leave an event."""
        ...


class RefusalRecorder:
    """Leaves refusals for the audit log, some of them."""

    def __init__(self, outbox: Outbox, clock: Callable[[], float] = time.monotonic) -> None:
        """Leave them in ``outbox``."""
        self._outbox = outbox
        self._clock = clock
        self._recorded: dict[tuple[str, str, str], float] = {}

    def record(self, refusal: Refusal) -> None:
        """Record ``refusal`` if it matters. Raises nothing of the log's: a refusal stays one without it."""
        if refusal.error.code not in _RECORDED:
            return
        actor = refusal.client_id or ANONYMOUS
        # Whoever is known is counted by name: an address may be many, and one client have many addresses.
        about = (refusal.operation, actor, "" if refusal.client_id else refusal.request.source_ip)
        now = self._clock()
        if now - self._recorded.get(about, float("-inf")) < _AGAIN_AFTER_SECONDS:
            return
        if len(self._recorded) >= _MAX_REMEMBERED:
            self._recorded.clear()
        self._recorded[about] = now
        event = AuditEvent(
            action=ACTION,
            actor=actor,
            object=f"operation/{refusal.operation}",
            outcome=REFUSED,
            source_ip=refusal.request.source_ip,
            request_id=refusal.request.request_id,
            reason=refusal.error.code,
        )
        try:
            self._outbox.leave(event)
        except ArtStoreError as error:
            telemetry.get_logger("auth").error("a refusal was not recorded", exc_info=error)
