"""The Lambda handler on the event queue: one log line an event, one for each message that was not handled, and one
line of metrics.

What becomes of a message that cannot be handled now is settled here (``delivery``), so that the queue's own count
of receives counts functions that died, and nothing else. What trying again cannot mend, a damaged document or an
attr.json that is none, is an outcome and not a failure.

``{"ingest": {"bucket": ..., "key": ...}}``, by an invocation of its own, has one place looked at now instead of
when its event comes (``artstore.aws.ingesting``); the answer is the outcome and the attr.json that lies there.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from artstore import deadline, telemetry
from artstore.attributes import to_document
from artstore.aws.ingesting import LATER
from artstore.index.claims import Place
from functions.storage_events import dependencies
from functions.storage_events.delivery import RESERVED_SECONDS, Delivery
from functions.storage_events.events import EventKind, StorageEvent, parse_message
from functions.storage_events.messages import GiveBack, GiveUp, Message, TryAgain, Verdict, read_record
from functions.storage_events.outcomes import Outcome, Result
from functions.storage_events.sight import Beside, Look

SERVICE = "storage-events"
_METRICS = {
    Outcome.STORED: "DocumentsStored",
    Outcome.REJECTED: "DocumentsRejected",
    Outcome.PROJECTED: "DocumentsProjected",
    Outcome.DESCRIBED_ANEW: "DocumentsDescribedAnew",
    Outcome.DUPLICATE_ID: "DuplicateIds",
    Outcome.FOREIGN_VERSION: "ForeignVersions",
    Outcome.MISSING: "DocumentsMissing",
    Outcome.REMOVED: "DocumentsRemoved",
    Outcome.INVALID_ATTRIBUTES: "InvalidAttributes",
}
_SCANS = {"infected": "DocumentsInfected", "failed": "ScansFailed", "skipped": "ScansSkipped"}

_SETTLED: dict[type, tuple[str, str]] = {
    TryAgain: ("again", "MessagesFailed"),
    GiveBack: ("given_back", "MessagesGivenBack"),
    GiveUp: ("given_up", "MessagesGivenUp"),
}


@dataclass
class _Tally:
    """What one batch came to, counted by all of its lanes.

    Counts are by metric; ``waits`` are the milliseconds since its PUT for each document stored.
    """

    counts: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, event: StorageEvent, result: Result) -> None:
        with self._lock:
            self._add(event, result)

    def _add(self, event: StorageEvent, result: Result) -> None:
        if result.outcome in _METRICS:
            self.counts[_METRICS[result.outcome]] += 1
        if result.unread:
            self.counts["DocumentsUnread"] += 1
        if result.scanned in _SCANS:
            self.counts[_SCANS[result.scanned]] += 1
        if result.outcome is Outcome.STORED and event.at is not None:
            # S3's clock is not ours.
            self.waits.append(max(0.0, round((datetime.now(UTC) - event.at).total_seconds() * 1000, 1)))


class Context(Protocol):
    """What is used of a Lambda context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Handle a batch of SQS messages; the answer names those that could not be settled, for SQS to give again."""
    settings = dependencies.settings()
    logger = telemetry.get_logger(SERVICE, settings.log_level)
    tally = _Tally()
    if "ingest" in event:
        return _ingest_now(logger, tally, context, event["ingest"])
    delivery = Delivery(
        queue=dependencies.event_queue(),
        handling=_Handling(logger, tally, context),
        ping=dependencies.index().ping,
        index=dependencies.index(),
        threads=dependencies.threads(),
        time_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    tally.counts.update({metric: 0 for _, metric in _SETTLED.values()})
    unsettled = delivery.deliver([read_record(record) for record in event["Records"]])
    _emit(tally)
    return {"batchItemFailures": [{"itemIdentifier": each.message_id} for each in unsettled]}


class _Handling:
    """What is done with the messages of one invocation, and told of them."""

    def __init__(self, logger: Logger, tally: _Tally, context: Context) -> None:
        self._logger = logger
        self._tally = tally
        self._request_id = context.aws_request_id

    def read(self, message: Message) -> Sequence[StorageEvent]:
        return parse_message(message.body)

    def handle(self, message: Message, event: StorageEvent) -> None:
        self._tally.add(event, _handle_event(self._logger, event, self._about(message)))

    def settled(self, message: Message, verdict: Verdict, error: Exception | None) -> None:
        outcome, metric = _SETTLED[type(verdict)]
        self._tally.counts[metric] += 1
        about = self._about(message) | {"outcome": outcome, "reason": verdict.reason}
        about |= {"attempts": message.attempts, "received": message.received, "first_seen": message.first_seen}
        log = self._logger.error if isinstance(verdict, GiveUp) else self._logger.warning
        log("message", extra=about, exc_info=error)

    def _about(self, message: Message) -> dict[str, Any]:
        return {"message_id": message.message_id, "request_id": self._request_id}


def _ingest_now(logger: Logger, tally: _Tally, context: Context, asked: dict[str, str]) -> dict[str, Any]:
    """Handle an event that nobody sent: look at the place as after one that tells of its object.

    A failure is an outcome here, LATER: whoever asks goes on, and the event comes all the same.
    """
    common = {"request_id": context.aws_request_id}
    event = StorageEvent(
        kind=EventKind.CREATED, name="IngestNow", bucket=asked["bucket"], key=asked["key"], at=None
    )
    try:
        with deadline.within(context.get_remaining_time_in_millis() / 1000 - RESERVED_SECONDS):
            result = _handle_event(logger, event, common)
            tally.add(event, result)
            beside = _look_beside(logger, event, common)
    except Exception:  # noqa: BLE001  # logged where it happened
        return {"outcome": LATER}
    finally:
        _emit(tally)
    there = beside.attributes if beside is not None else None
    return {
        "outcome": str(result.outcome),
        "file_id": str(result.file_id) if result.file_id else None,
        "reason": result.reason,
        "attributes": to_document(there) if there is not None else None,
        "attributes_etag": beside.etag if beside is not None and there is not None else None,
    }


def _look_beside(logger: Logger, event: StorageEvent, common: dict[str, str]) -> Beside | None:
    try:
        return Look(dependencies.objects(), Place(event.bucket, event.key)).attributes()
    except Exception:
        about = common | {"operation": event.name, "bucket": event.bucket, "key": event.key}
        logger.exception("attributes", extra=about | {"outcome": "failed"})
        raise


def _emit(tally: _Tally) -> None:
    telemetry.emit_metrics(
        SERVICE,
        dependencies.settings().prefix,
        {name: (MetricUnit.Count, count) for name, count in tally.counts.items()}
        | {"TimeToSearchable": (MetricUnit.Milliseconds, tally.waits)},
    )


def _handle_event(logger: Logger, event: StorageEvent, common: dict[str, str]) -> Result:
    started = time.monotonic()
    fields: dict[str, Any] = common | {"operation": event.name, "bucket": event.bucket, "key": event.key}
    try:
        result = dependencies.ingest().handle(event)
    except Exception:
        logger.exception("event", extra=fields | {"outcome": "failed", "milliseconds": _since(started)})
        raise
    fields |= {"outcome": str(result.outcome), "milliseconds": _since(started)}
    if result.file_id:
        fields["file_id"] = str(result.file_id)
    if result.reason:
        fields["reason"] = result.reason
    if result.other:
        fields["other"] = result.other
    if result.unread:
        fields["unread"] = True
    if result.scanned:
        fields["scanned"] = result.scanned
    logger.info("event", extra=fields)
    return result


def _since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
