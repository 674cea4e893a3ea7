"""Which metrics there are: those that the functions write, found by running them, and those of the AWS services.

A metric is its namespace, its name and its dimensions, all of them: CloudWatch takes another set of dimensions
for another metric, and an alarm on one that nobody writes never says a word.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from artstore.http.app import ArtStoreApp
from functions.auth import app as auth
from functions.auth import dependencies, scheduled
from functions.auth.accounts.secret_expiry import ExpiryReport
from functions.auth.audit.exports import Exported
from functions.maintenance import app as maintenance
from functions.maintenance import dependencies as maintenance_dependencies
from functions.maintenance import fixity_dependencies, reconciling_dependencies, reindexing_dependencies, worker
from functions.maintenance.elements.tending import Tended
from functions.maintenance.guard import handler as guard
from functions.maintenance.guard.keeping import Kept
from functions.maintenance.outage.tending import Tended as IndexTended
from functions.query import app as query
from functions.storage_events import app as storage_events
from functions.storage_events import dependencies as storage_events_dependencies
from functions.storage_events.gathering import GatheringIndex
from functions.storage_events.outcomes import Outcome, Result
from functions.storage_events.webhook import app as webhook
from functions.upload import app as upload
from functions.upload.documents import app as documents
from tests.fakes.memory_index import MemoryIndex
from tests.support.gateway import call

DEPLOYMENT = "unit"


class Metric(NamedTuple):
    """One metric; ``dimensions`` are pairs of name and value."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]

    @property
    def dimension_names(self) -> frozenset[str]:
        """Give the names of the dimensions."""
        return frozenset(name for name, _ in self.dimensions)


VENDED: dict[tuple[str, frozenset[str]], set[str]] = {
    ("AWS/Lambda", frozenset({"FunctionName"})): {
        "Invocations",
        "Errors",
        "Throttles",
        "Duration",
        "ConcurrentExecutions",
    },
    ("AWS/SQS", frozenset({"QueueName"})): {
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
    },
    ("AWS/ApiGateway", frozenset({"ApiName", "Stage"})): {"Count", "4XXError", "5XXError", "Latency"},
    ("AWS/DynamoDB", frozenset({"TableName"})): {
        "ConsumedReadCapacityUnits",
        "ConsumedWriteCapacityUnits",
        "ReadThrottleEvents",
        "WriteThrottleEvents",
    },
    ("AWS/DynamoDB", frozenset({"TableName", "Operation"})): {"SuccessfulRequestLatency"},
    ("AWS/S3", frozenset({"BucketName", "StorageType"})): {"NumberOfObjects", "BucketSizeBytes"},
}
"""Metrics of AWS services by namespace and dimensions, as far as the template uses them; see their guides."""


def emitted() -> set[Metric]:
    """Run every part of the code that writes metrics, and give those of the deployment ``DEPLOYMENT``."""
    with _settings() as patched, contextlib.redirect_stdout(io.StringIO()) as written:
        _ingest(patched)
        _run_tasks(patched)
        for app in (auth.app, upload.app, documents.app, query.app, maintenance.app, webhook.app):
            _ask(app)
    lines = [json.loads(line) for line in written.getvalue().splitlines() if '"_aws"' in line]
    return {each for line in lines for each in _metrics_of(line)}


def _metrics_of(line: dict[str, Any]) -> Iterator[Metric]:
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            for metric in directive["Metrics"]:
                dimensions = frozenset((name, str(line[name])) for name in names)
                yield Metric(directive["Namespace"], metric["Name"], dimensions)


@contextlib.contextmanager
def _settings() -> Iterator[pytest.MonkeyPatch]:
    settings = (
        dependencies.settings,
        storage_events_dependencies.settings,
        maintenance_dependencies.worker_settings,
        guard.settings,
    )
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {
            "PREFIX": DEPLOYMENT,
            "ISSUER": "https://archive.example",
            "SIGNING_KEY_SECRET_ID": "x",
            "DATABASE_URL": "postgresql://",
            "CURSOR_KEY_SECRET_ID": "x",
            "JOBS_QUEUE_URL": "https://queue.example/jobs",
            "EVENTS_QUEUE_URL": "https://queue.example/events",
            "DEAD_LETTERS_URL": "https://queue.example/dead",
            "EVENTS_MAPPING_ID": "00000000-0000-0000-0000-000000000000",
            "EXPORTS_BUCKET": "unit-exports",
            "INGEST_FUNCTION": "unit-storage-events",
            "GUARD_FUNCTION": "unit-storage-guard",
            "INGEST_ROLE_ARN": "arn:aws:iam::123456789012:role/ingest",
            "STORAGE_ELEMENTS": '[{"element_id":"edit-01","bucket":"edit","mode":"edit"}]',
        }.items():
            patched.setenv(f"ARTSTORE_{name}", value)
        for each in settings:
            each.cache_clear()
        yield patched
        for each in settings:
            each.cache_clear()


def _ingest(patched: pytest.MonkeyPatch) -> None:
    """Handle a batch with one event for each outcome."""
    scans = itertools.cycle(("infected", "failed", "skipped"))
    results = iter([Result(outcome, UUID(int=1), unread=True, scanned=next(scans)) for outcome in Outcome])
    ingest = SimpleNamespace(handle=lambda _: next(results))
    patched.setattr(storage_events_dependencies, "ingest", lambda: ingest)
    patched.setattr(storage_events_dependencies, "index", lambda: GatheringIndex(MemoryIndex()))
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "s3": {"bucket": {"name": "edit"}, "object": {"key": "a"}},
    }
    body = json.dumps({"Records": [record] * len(Outcome)})
    message = {"messageId": "1", "body": body, "eventSource": "aws:sqs"}
    context = SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 60_000)
    assert storage_events.handler({"Records": [message]}, context)["batchItemFailures"] == []


def _run_tasks(patched: pytest.MonkeyPatch) -> None:
    """Run every task, with ports that have nothing to do."""
    rotation = SimpleNamespace(rotate_if_due=lambda: None)
    expiry = SimpleNamespace(warn=lambda: ExpiryReport(expiring=0, warned=()))
    exports = SimpleNamespace(export=lambda _: Exported(entries=0, keys=[], problem=None))
    patched.setattr(dependencies, "key_rotation", lambda: rotation)
    patched.setattr(dependencies, "secret_expiry", lambda: expiry)
    patched.setattr(dependencies, "audit_exports", lambda: exports)
    patched.setattr(dependencies, "audit_log", lambda: None)
    patched.setattr(dependencies, "audit_outbox", lambda: SimpleNamespace(move=lambda _log, _seconds: 0))
    for task in scheduled.TASKS:
        scheduled.handler({"task": task}, None)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 300_000)
    jobs = SimpleNamespace(due=lambda _now, _limit: [], find=lambda _job_id: None, create=lambda _job: False)
    patched.setattr(maintenance_dependencies, "jobs", lambda: jobs)
    patched.setattr(maintenance_dependencies, "wake", lambda: None)
    tended = Tended(probed=0, failing=[], counted=0, fills={}, taken_up=[], problems=[])
    patched.setattr(maintenance_dependencies, "element_tending", lambda: SimpleNamespace(tend=lambda: tended))
    kept = Kept(guards={}, archived=[], corrected=[])
    patched.setattr(guard, "guard", lambda: SimpleNamespace(apply=lambda: kept))
    guard.handler({"task": guard.TASK}, None)
    reconciling_dependencies.emit_differences(0)
    looked = IndexTended(answers=True, paused=False)
    patched.setattr(maintenance_dependencies, "index_tending", lambda: SimpleNamespace(tend=lambda: looked))
    fixity_dependencies.emit_failures(1)
    patched.setattr(reindexing_dependencies, "leftovers", lambda: SimpleNamespace(drop=lambda: False))
    for task in worker.TASKS:
        worker.handler({"task": task}, context)
    message = {"messageId": "1", "body": json.dumps({"job_id": str(UUID(int=1))})}
    assert worker.handler({"Records": [message]}, context)["batchItemFailures"] == []


def _ask(app: ArtStoreApp) -> None:
    """Ask for a path that nobody serves: the metrics of a request need no more."""
    assert call(app, "GET", "/nowhere").status == 404
