"""The Lambda handler of the guard: has storage refuse what the registry of elements says, and nothing else.

It is a function of its own since its right, to write bucket policies, could undo every other protection: it takes
nothing from whoever invokes it, reads no document, and signs nothing. Invoked by the job that changes a mode, by
the clock every five minutes, and by hand: ``{"task": "guard-storage"}`` -> what was found and corrected.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from aws_lambda_powertools.metrics import MetricUnit

from artstore import config, telemetry
from artstore.aws.buckets import buckets
from artstore.aws.element_table import ElementTable
from functions.maintenance.guard.keeping import StorageGuard

SERVICE = "storage-guard"
TASK = "guard-storage"


@functools.cache
def settings() -> config.GuardSettings:
    """Give the settings. Raises Misconfigured."""
    return config.load(config.GuardSettings)


@functools.cache
def guard() -> StorageGuard:
    """Give the guard of this deployment."""
    return StorageGuard(
        seeds=settings().elements,
        table=ElementTable(settings().prefix),
        policies=buckets(),
        ingest_role_arn=settings().ingest_role_arn,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run the task. Raises ValueError for another one, and Unavailable when a bucket does not do as it is told."""
    if event.get("task") != TASK:
        raise ValueError(f"unknown task {event.get('task')!r}")
    kept = guard().apply()
    outcome: dict[str, Any] = msgspec.to_builtins(kept)
    telemetry.get_logger(SERVICE, settings().log_level).info("task", extra={"task": TASK, **outcome})
    counts = {"BucketsCorrected": (MetricUnit.Count, len(kept.corrected))}
    telemetry.emit_metrics(SERVICE, settings().prefix, counts)
    telemetry.emit_metrics(SERVICE, settings().prefix, {"TasksFinished": (MetricUnit.Count, 1)}, {"task": TASK})
    return {"task": TASK, **outcome}
