"""What sweeps are made of, built lazily, once a process; for the worker."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import timedelta

from artstore import telemetry
from artstore.aws.element_table import open_registry
from artstore.elements.registry import ElementRegistry
from artstore.objects import s3_client
from functions.maintenance import dependencies
from functions.maintenance.finalizing.building import seals, sources
from functions.maintenance.sweeping import Candidate, Sweep
from functions.maintenance.sweeps.ended import TemporaryDocuments, Trash
from functions.maintenance.sweeps.finalized import FinalizedSources
from functions.maintenance.sweeps.orphans import Orphans
from functions.maintenance.sweeps.purging import Purge
from functions.maintenance.sweeps.records import SweptRecords
from functions.maintenance.sweeps.runner import SweepRunner
from functions.maintenance.sweeps.storage import SweptObjects
from functions.maintenance.sweeps.uploads import ExpiredUploads


@functools.cache
def sweep_runner() -> SweepRunner:
    """Give the runner of sweeps."""
    return SweepRunner(SWEEPS, failed=_log_failure)


def _log_failure(candidate: Candidate, error: BaseException) -> None:
    logger = telemetry.get_logger("maintenance-worker", dependencies.worker_settings().log_level)
    logger.error("a candidate failed", exc_info=error, extra={"candidate": candidate.name})


@functools.cache
def _elements() -> ElementRegistry:
    return open_registry(dependencies.worker_settings().prefix, dependencies.worker_settings().elements)


@functools.cache
def _swept() -> SweptObjects:
    return SweptObjects(s3_client())


@functools.cache
def _records() -> SweptRecords:
    return SweptRecords(dependencies.worker_settings().prefix)


@functools.cache
def _purge() -> Purge:
    return Purge(
        elements=_elements().current,
        objects=dependencies.objects(),
        swept=_swept(),
        ingest=dependencies.ingest_now(),
        outbox=dependencies.audit_outbox(),
    )


@functools.cache
def _expired_uploads() -> Sweep:
    return ExpiredUploads(
        records=_records(),
        objects=dependencies.objects(),
        swept=_swept(),
        ingest=dependencies.ingest_now(),
        grace=timedelta(seconds=dependencies.worker_settings().upload_grace_seconds),
    )


@functools.cache
def _temporary_documents() -> Sweep:
    return TemporaryDocuments(index=dependencies.index(), purge=_purge())


@functools.cache
def _trash() -> Sweep:
    kept = timedelta(days=dependencies.worker_settings().trash_days)
    return Trash(index=dependencies.index(), purge=_purge(), kept=kept)


@functools.cache
def _orphans() -> Sweep:
    return Orphans(
        elements=_elements().current,
        objects=dependencies.objects(),
        swept=_swept(),
        records=_records(),
        ingest=dependencies.ingest_now(),
        outbox=dependencies.audit_outbox(),
        age=timedelta(days=dependencies.worker_settings().orphan_days),
    )


@functools.cache
def _finalized_sources() -> Sweep:
    return FinalizedSources(sources(), seals())


def _automatic_disposal() -> Sweep:
    from functions.maintenance.retention.building import automatic_disposal

    return automatic_disposal()


SWEEPS: Mapping[str, Callable[[], Sweep]] = {
    "uploads": _expired_uploads,
    "temporary": _temporary_documents,
    "trash": _trash,
    "finalized": _finalized_sources,
    "orphans": _orphans,
    "retention": _automatic_disposal,
}
"""By name, what builds each sweep; functions.maintenance.sweeps.starting says how often each is started."""
