"""What disposition is made of, built lazily, once a process; for the worker."""

from __future__ import annotations

import functools
from datetime import timedelta

from artstore.aws.bulk_table import BulkTable
from artstore.aws.element_table import open_registry
from artstore.aws.finalization_table import FinalizationTable
from artstore.aws.schedule_table import ScheduleTable
from artstore.changes.deployed import DocumentChanges, open_changes
from artstore.objects import s3_client
from functions.maintenance import dependencies
from functions.maintenance.retention.automatic import AutomaticDisposal
from functions.maintenance.retention.disposing import Disposal
from functions.maintenance.retention.runner import DecisionRunner
from functions.maintenance.retention.storage import VersionedStorage


@functools.cache
def _changes() -> DocumentChanges:
    settings = dependencies.worker_settings()
    return open_changes(
        settings,
        index=dependencies.index(),
        elements=open_registry(settings.prefix, settings.elements).current,
        ingest=dependencies.ingest_now(),
    )


@functools.cache
def _disposal() -> Disposal:
    settings = dependencies.worker_settings()
    return Disposal(
        changes=_changes().reading,
        deleting=_changes().deleting,
        retaining=_changes().retaining,
        schedules=ScheduleTable(settings.prefix),
        storage=VersionedStorage(s3_client()),
        finalizations=FinalizationTable(settings.prefix),
        ingest=dependencies.ingest_now(),
        outbox=dependencies.audit_outbox(),
        trash=timedelta(days=settings.trash_days),
    )


@functools.cache
def decision_runner() -> DecisionRunner:
    """Give what carries decisions out."""
    prefix = dependencies.worker_settings().prefix
    return DecisionRunner(pages=BulkTable(prefix), disposal=_disposal(), retaining=_changes().retaining)


@functools.cache
def automatic_disposal() -> AutomaticDisposal:
    """Give the sweep of what schedules decide by themselves."""
    schedules = ScheduleTable(dependencies.worker_settings().prefix)
    return AutomaticDisposal(index=dependencies.index(), schedules=schedules, disposal=_disposal())
