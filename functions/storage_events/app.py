"""The Lambda handler on the event queue: one log line an event, partial batch responses, one line of metrics.

A message that fails is reported alone (ReportBatchItemFailures) and comes again after the queue's visibility
timeout; after the queue's maxReceiveCount it waits in the dead letter queue. What trying again cannot mend, a
damaged document or an attr.json that is none, is an outcome and not a failure.

``{"ingest": {"bucket": ..., "key": ...}}``, by an invocation of its own, has one place looked at now instead of
when its event comes (``artstore.aws.ingesting``); the answer is the outcome and the attr.json that lies there.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from artstore import deadline, telemetry
from artstore.attributes import to_document
from artstore.aws.ingesting import LATER
from artstore.errors import Unavailable
from artstore.index.claims import Place
from functions.storage_events import dependencies
from functions.storage_events.events import EventKind, StorageEvent, parse_message
from functions.storage_events.outcomes import Outcome, Result
from functions.storage_events.sight import Beside, Look

SERVICE = "storage-events"
NEEDED_MILLISECONDS = 15_000
"""What one message may take; with less time left, it is given back rather than cut off."""
RESERVED_SECONDS = 2
"""What is left of the invocation's time, whatever a message waits for, to say which of the batch failed."""

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


@dataclass
class _Tally:
    """What one batch came to: counts by metric, and for each document stored the milliseconds since its PUT."""

    counts: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)

    def add(self, event: StorageEvent, result: Result) -> None:
        if result.outcome in _METRICS:
            self.counts[_METRICS[result.outcome]] += 1
        if result.unread:
            self.counts["DocumentsUnread"] += 1
        if result.outcome is Outcome.STORED and event.at is not None:
            # S3's clock is not ours.
            self.waits.append(max(0.0, round((datetime.now(UTC) - event.at).total_seconds() * 1000, 1)))


class Context(Protocol):
    """What is used of a Lambda context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Handle a batch of SQS messages; the answer names those to be tried again."""
    settings = dependencies.settings()
    logger = telemetry.get_logger(SERVICE, settings.log_level)
    tally = _Tally()
    if "ingest" in event:
        return _ingest_now(logger, tally, context, event["ingest"])
    response = process_partial_response(
        event=event,
        record_handler=functools.partial(_handle_message, logger, tally, context),
        processor=BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False),
    )
    tally.counts["MessagesFailed"] = len(response["batchItemFailures"])
    _emit(tally)
    return dict(response)


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


def _handle_message(logger: Logger, tally: _Tally, context: Context, record: SQSRecord) -> None:
    common = {"message_id": record.message_id, "request_id": context.aws_request_id}
    try:
        events = _take_up(record, context)
    except Exception as error:
        logger.exception("message", extra=common | {"outcome": "failed", "reason": str(error)})
        raise
    with deadline.within(context.get_remaining_time_in_millis() / 1000 - RESERVED_SECONDS):
        for event in events:
            tally.add(event, _handle_event(logger, event, common))


def _take_up(record: SQSRecord, context: Context) -> tuple[StorageEvent, ...]:
    if context.get_remaining_time_in_millis() < NEEDED_MILLISECONDS:
        raise Unavailable("too little time is left in this invocation")
    return parse_message(record.body)


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
    logger.info("event", extra=fields)
    return result


def _since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
