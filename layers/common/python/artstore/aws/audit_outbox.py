"""Events on their way into the audit log, in the table ``{prefix}-audit-outbox``.

The log is a chain, in which each entry waits for the one before. Acts of administrators are put there at once.
What any client can do as often as it likes goes by way of the outbox: the event is written in the same
transaction as the act, so that neither can be without the other, and by a key of its own, so that nobody waits
for anybody. One writer then moves events into the chain, many at a time, each in one transaction with its removal
here: none is lost and none comes twice, whatever stops when. They come in the order in which they were written,
and keep that time.

Rights needed: dynamodb:PutItem to leave an event; Query and DeleteItem to move it, and PutItem on the log.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from artstore.audit import REFUSED, SYSTEM, AuditEvent, StateChanged
from artstore.aws.dynamodb import reaching_dynamodb
from artstore.errors import TooLarge, Unavailable
from artstore.tables import WaitingEvent, bind

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

    from artstore.aws.audit_table import AuditTable

PARTITION = "waiting"
MAX_EVENT_BYTES = 16 * 1024
MAX_AT_ONCE = 50
"""Each takes two of the hundred writes of a transaction; at 16 KiB each they are under its 4 MB."""
PAUSE_SECONDS = 0.05
"""Between two batches, in which an administrator finds the chain free."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class AuditOutbox:
    """The outbox of one deployment."""

    def __init__(
        self,
        prefix: str,
        *,
        clock: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use the outbox of the deployment ``prefix``; no call is made yet."""
        self._table = bind(WaitingEvent, prefix)
        self._clock = clock
        self._sleep = sleep
        self._monotonic = monotonic

    def leave(self, event: AuditEvent, transaction: TransactWrite | None = None) -> None:
        """Leave an event for the log; with ``transaction`` as one of its writes.

        Raises TooLarge for one of more than 16 KiB, and Unavailable.
        """
        body = msgspec.json.encode(event)
        if len(body) > MAX_EVENT_BYTES:
            raise TooLarge(f"an event for the audit log takes {MAX_EVENT_BYTES} bytes, not {len(body)}")
        milliseconds = int(self._clock().timestamp() * 1000)
        waiting = self._table(PARTITION, f"{milliseconds:013d}#{uuid.uuid4()}", event=body.decode())
        if transaction is not None:
            transaction.save(waiting)
            return
        with reaching_dynamodb():
            waiting.save()

    def move(self, log: AuditTable, seconds: float) -> int:
        """Move what waits into ``log`` until nothing does, or ``seconds`` are over; give how many were moved.

        Where others keep taking the next place in the chain, fewer are moved at once, since a small transaction is
        a quick one. Raises Unavailable; what was moved until then stays moved.
        """
        ends = self._monotonic() + seconds
        moved, at_once = 0, MAX_AT_ONCE
        while True:
            with reaching_dynamodb():
                waiting = list(self._table.query(PARTITION, consistent_read=True, limit=at_once))
            try:
                if waiting and self._move(log, waiting):
                    moved += len(waiting)
            except Unavailable:
                if at_once == 1 or self._monotonic() >= ends:
                    raise
                at_once = max(1, at_once // 4)
                continue
            if len(waiting) < at_once or self._monotonic() >= ends:
                return moved
            at_once = min(MAX_AT_ONCE, at_once * 2)
            self._sleep(PAUSE_SECONDS)

    def _move(self, log: AuditTable, waiting: list[WaitingEvent]) -> bool:
        """Move these; False when another writer has moved some of them meanwhile."""

        def remove(transaction: TransactWrite) -> None:
            for each in waiting:
                transaction.delete(each, condition=self._table.id.exists())

        try:
            log.append_all([_read(each) for each in waiting], remove)
        except StateChanged:
            return False
        return True


def _read(waiting: WaitingEvent) -> tuple[AuditEvent, datetime]:
    """Give the event and its time. One that somebody has made unreadable must not keep the others waiting."""
    milliseconds, _, name = str(waiting.id).partition("#")
    try:
        at = datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
        return msgspec.json.decode(waiting.event, type=AuditEvent), at
    except (ValueError, OverflowError, OSError, msgspec.DecodeError):
        unreadable = AuditEvent(
            action="audit.event_unreadable",
            actor=SYSTEM,
            object=f"audit-outbox/{name}",
            outcome=REFUSED,
            source_ip="",
            request_id="",
        )
        return unreadable, _utc_now()
