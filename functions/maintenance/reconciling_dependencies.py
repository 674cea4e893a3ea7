"""What reconciling and migrating are made of, built lazily, once a process; for the worker."""

from __future__ import annotations

import functools

from aws_lambda_powertools.metrics import MetricUnit

from artstore import telemetry
from artstore.aws.element_table import ElementTable, open_registry
from artstore.aws.finalization_table import FinalizationTable
from artstore.aws.look_queue import LookQueue
from artstore.elements.registry import ElementRegistry
from artstore.objects import s3_client
from functions.maintenance import dependencies
from functions.maintenance.migrating.runner import Migration
from functions.maintenance.reconciling.looking import Looking
from functions.maintenance.reconciling.records import OpenRecords
from functions.maintenance.reconciling.runner import PartRunner, Reconciliation
from functions.maintenance.reconciling.storage import ListedStorage
from functions.maintenance.reconciling.walking import Walk
from functions.maintenance.sweeps.records import SweptRecords


@functools.cache
def reconciliation() -> Reconciliation:
    """Give the runner of reconciliations."""
    settings = dependencies.worker_settings()
    return Reconciliation(
        elements=_elements().present,
        table=ElementTable(settings.prefix),
        folders=_listing(),
        walk=_walk(),
        records=OpenRecords(records=_records(), objects=dependencies.objects()),
        looks=_looks(),
        usage=dependencies.usage_by_element,
        jobs=dependencies.jobs(),
        wake=dependencies.wake(),
        told=emit_differences,
    )


@functools.cache
def part_runner() -> PartRunner:
    """Give the runner of their parts."""
    return PartRunner(_elements().present, _walk())


@functools.cache
def migration() -> Migration:
    """Give the runner of migrations, which walk the same listings."""
    return Migration(elements=_elements().present, listing=_listing(), objects=dependencies.objects())


def emit_differences(count: int) -> None:
    """Write the metric of what a reconciliation of everything has found."""
    settings = dependencies.worker_settings()
    telemetry.emit_metrics(
        "maintenance-worker", settings.prefix, {"ReconcileDifferences": (MetricUnit.Count, count)}
    )


@functools.cache
def _elements() -> ElementRegistry:
    return open_registry(dependencies.worker_settings().prefix, dependencies.worker_settings().elements)


@functools.cache
def _listing() -> ListedStorage:
    return ListedStorage(s3_client())


@functools.cache
def _records() -> SweptRecords:
    return SweptRecords(dependencies.worker_settings().prefix)


@functools.cache
def _looks() -> LookQueue:
    return LookQueue(dependencies.worker_settings().events_queue_url)


@functools.cache
def _walk() -> Walk:
    looking = Looking(
        objects=dependencies.objects(),
        index=dependencies.index(),
        records=_records(),
        finalizations=FinalizationTable(dependencies.worker_settings().prefix),
    )
    return Walk(listing=_listing(), index=dependencies.index(), looking=looking, looks=_looks())
