"""What maintenance is made of, built lazily, once a process.

The function behind the API and the one that does the work share this module and not their settings: what only the
worker needs is imported where it is built.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from artstore import config, deadline, telemetry
from artstore.aws.audit_outbox import AuditOutbox
from artstore.aws.job_queue import JobQueue
from artstore.aws.job_table import JobTable

if TYPE_CHECKING:
    from artstore.aws.dead_letters import DeadLetters
    from artstore.aws.ingesting import IngestNow
    from artstore.elements import Transition
    from artstore.index.postgres import PostgresIndex
    from artstore.jobs import Job
    from artstore.objects import ObjectStore
    from functions.maintenance.bulk.runner import BulkRunner
    from functions.maintenance.elements.mode_change import ModeChange
    from functions.maintenance.elements.tending import Counted, ElementTending
    from functions.maintenance.exporting.starting import ExportStarter
    from functions.maintenance.fixity.starting import FixityStarter
    from functions.maintenance.hashing.runner import HashRunner
    from functions.maintenance.jobs.desk import JobDesk
    from functions.maintenance.migrating.starting import MigrationStarter
    from functions.maintenance.outage.tending import IndexTending
    from functions.maintenance.reconciling.starting import ReconciliationStarter
    from functions.maintenance.redriving.desk import DeadLetterDesk
    from functions.maintenance.redriving.runner import RedriveRunner
    from functions.maintenance.reindexing.starting import ReindexStarter
    from functions.maintenance.scanning.runner import ScanRunner
    from functions.maintenance.scanning.starting import ScanStarter
    from functions.maintenance.started import JobStarter
    from functions.maintenance.sweeps.starting import SweepStarter


_PROBE_SECONDS = 5
_SCAN_SECONDS = 120
"""What a scanner may take for a document that nobody waits for."""
_MOST_ELEMENTS = 1000
"""Those that attr.json files name may be more than a deployment has."""


@functools.cache
def settings() -> config.MaintenanceSettings:
    """Give the settings of the function behind the API. Raises Misconfigured."""
    return config.load(config.MaintenanceSettings)


@functools.cache
def worker_settings() -> config.WorkerSettings:
    """Give the settings of the worker. Raises Misconfigured."""
    return config.load(config.WorkerSettings)


@functools.cache
def _jobs_settings() -> config.JobsSettings:
    return config.load(config.JobsSettings)


@functools.cache
def jobs() -> JobTable:
    """Give the jobs of this deployment."""
    return JobTable(_jobs_settings().prefix)


@functools.cache
def wake() -> JobQueue:
    """Give what wakes the worker."""
    return JobQueue(_jobs_settings().jobs_queue_url)


@functools.cache
def audit_outbox() -> AuditOutbox:
    """Give the events on their way into the audit log."""
    return AuditOutbox(_jobs_settings().prefix)


@functools.cache
def job_desk() -> JobDesk:
    """Give the jobs for those who look after them."""
    from functions.maintenance.jobs.desk import JobDesk

    return JobDesk(jobs=jobs(), wake=wake(), outbox=audit_outbox())


@functools.cache
def job_starter() -> JobStarter:
    """Give what starts jobs that somebody asks for."""
    from functions.maintenance.started import JobStarter

    return JobStarter(jobs=jobs(), wake=wake(), outbox=audit_outbox())


@functools.cache
def fixity_starter() -> FixityStarter:
    """Give what starts fixity jobs, asked for or by the clock."""
    from functions.maintenance.fixity.starting import FixityStarter

    return FixityStarter(job_starter())


@functools.cache
def sweep_starter() -> SweepStarter:
    """Give what starts sweeps, asked for or by the clock."""
    from functions.maintenance.sweeps.starting import SweepStarter

    return SweepStarter(job_starter())


@functools.cache
def migration_starter() -> MigrationStarter:
    """Give what starts migrations."""
    from functions.maintenance.migrating.starting import MigrationStarter

    return MigrationStarter(job_starter())


@functools.cache
def reconciliation_starter() -> ReconciliationStarter:
    """Give what starts reconciliations, asked for or by the clock."""
    from functions.maintenance.reconciling.starting import ReconciliationStarter

    return ReconciliationStarter(job_starter())


@functools.cache
def export_starter() -> ExportStarter:
    """Give what starts exports."""
    from functions.maintenance.exporting.starting import ExportStarter

    return ExportStarter(job_starter())


@functools.cache
def reindex_starter() -> ReindexStarter:
    """Give what starts rebuilds of the index."""
    from artstore.aws.job_locks import JobLocks
    from functions.maintenance.reindexing.starting import ReindexStarter

    return ReindexStarter(job_starter(), JobLocks(_jobs_settings().prefix))


@functools.cache
def index() -> PostgresIndex:
    """Give the index, for the worker."""
    from artstore.database import DatabaseAddress
    from artstore.index.postgres import PostgresIndex

    return PostgresIndex(DatabaseAddress(worker_settings()))


@functools.cache
def ingest_now() -> IngestNow:
    """Give what has a place looked at, for the worker."""
    from artstore.aws.ingesting import IngestNow

    return IngestNow(worker_settings().ingest_function)


@functools.cache
def objects() -> ObjectStore:
    """Give the objects in storage, for the worker."""
    from artstore.objects import ObjectStore, s3_client

    return ObjectStore(s3_client())


@functools.cache
def hash_runner() -> HashRunner:
    """Give what proves checksums, for the worker."""
    from functions.maintenance.hashing.runner import HashRunner

    return HashRunner(objects(), ingest_now().at)


@functools.cache
def dead_letters() -> DeadLetters:
    """Give the events that were given up."""
    from artstore.aws.dead_letters import DeadLetters

    settings = config.load(config.EventQueueSettings)
    return DeadLetters(settings.dead_letters_url, settings.events_queue_url)


@functools.cache
def dead_letter_desk() -> DeadLetterDesk:
    """Give the events that were given up for those who look after them."""
    from functions.maintenance.redriving.desk import DeadLetterDesk

    return DeadLetterDesk(dead_letters(), job_starter())


@functools.cache
def redrive_runner() -> RedriveRunner:
    """Give what sends events back, for the worker."""
    from functions.maintenance.redriving.runner import RedriveRunner

    return RedriveRunner(dead_letters())


@functools.cache
def index_tending() -> IndexTending:
    """Give what looks at the index each minute, for the worker."""
    from functions.maintenance.outage.mapping import EventsMapping
    from functions.maintenance.outage.memory import OutageTable
    from functions.maintenance.outage.tending import IndexTending

    settings = worker_settings()

    def ping() -> None:
        with deadline.within(_PROBE_SECONDS):
            index().ping()

    def start(job: Job) -> None:
        if jobs().create(job):
            wake()(job.job_id)

    return IndexTending(
        ping=ping,
        outages=OutageTable(settings.prefix),
        mapping=EventsMapping(settings.events_mapping_id),
        start=start,
        clock=lambda: datetime.now(UTC),
    )


@functools.cache
def scan_runner() -> ScanRunner:
    """Give what scans documents that are there, for the worker; without a scanner nothing is connected."""
    from functions.maintenance.scanning.runner import ScanRunner

    settings = worker_settings()
    logger = telemetry.get_logger("maintenance-worker", settings.log_level)
    scanning = None
    if settings.scanner is not None:
        from artstore.scanning import ObjectScanning
        from artstore.scanning.clamd import ClamdScanner

        scanner = ClamdScanner(
            settings.scanner,
            _SCAN_SECONDS,
            failed=lambda detail: logger.warning("scanner", extra={"outcome": "failed", "reason": detail}),
        )
        scanning = ObjectScanning(scanner, objects(), settings.scan_max_bytes)
    return ScanRunner(
        index=index(),
        objects=objects(),
        scanning=scanning,
        ingest=ingest_now().at,
        record=audit_outbox().leave,
        is_required=settings.scan_required,
    )


@functools.cache
def scan_starter() -> ScanStarter:
    """Give what starts scans, asked for or by the clock."""
    from functions.maintenance.scanning.starting import ScanStarter

    return ScanStarter(job_starter())


@functools.cache
def mode_change() -> ModeChange:
    """Give what changes the modes of storage elements, for the worker."""
    from artstore.aws.audit_table import AuditTable
    from artstore.aws.element_table import ElementTable
    from artstore.objects import s3_client
    from functions.maintenance.elements.guarding import Guard
    from functions.maintenance.elements.mode_change import ModeChange
    from functions.maintenance.elements.proofs import Proofs
    from functions.maintenance.elements.storage import ElementStorage

    settings = worker_settings()
    return ModeChange(
        seeds=settings.elements,
        table=ElementTable(settings.prefix),
        storage=ElementStorage(s3_client()),
        guard=Guard(settings.guard_function),
        ingest=ingest_now().at,
        unproven=Proofs(jobs()).awaited,
        audit=AuditTable(settings.prefix),
    )


@functools.cache
def element_tending() -> ElementTending:
    """Give what looks after storage elements each minute, for the worker."""
    from artstore.aws.element_table import ElementTable
    from functions.maintenance.elements.tending import ElementTending

    settings = worker_settings()
    logger = telemetry.get_logger("maintenance-worker", settings.log_level)

    def probe(bucket: str) -> None:
        with deadline.within(_PROBE_SECONDS):
            objects().ping(bucket)

    return ElementTending(
        seeds=settings.elements,
        table=ElementTable(settings.prefix),
        probe=probe,
        usage=usage_by_element,
        take_up=_take_up_mode_change,
        failed=lambda duty, error: logger.error("storage elements", exc_info=error, extra={"duty": duty}),
    )


def usage_by_element() -> Mapping[str, Counted]:
    """Ask the index what the documents of each element amount to, those in the trash too."""
    from artstore.index.usage import Dimension
    from artstore.spaces import EVERYWHERE
    from functions.maintenance.elements.tending import Counted

    index().compact_usage()
    report = index().usage(Dimension.ELEMENT, EVERYWHERE, _MOST_ELEMENTS)
    return {
        each.key: Counted(each.documents + each.trashed_documents, each.bytes + each.trashed_bytes)
        for each in report.items
        if each.key is not None
    }


def _take_up_mode_change(element_id: str, transition: Transition) -> bool:
    """Start the job of a change of mode, unless it was started before."""
    from functions.maintenance.elements.mode_change import new_mode_job

    job = new_mode_job(element_id, transition)
    if jobs().find(job.job_id) is not None or not jobs().create(job):
        return False
    wake()(job.job_id)
    return True


@functools.cache
def bulk_runner() -> BulkRunner:
    """Give what changes many documents, for the worker."""
    from artstore.aws.bulk_table import BulkTable
    from artstore.aws.element_table import open_registry
    from artstore.aws.finalization_table import FinalizationTable
    from artstore.changes.bulk import Acting
    from artstore.changes.deployed import open_changes
    from artstore.changes.finalizing import Finalizing
    from functions.maintenance.bulk.runner import BulkRunner

    settings = worker_settings()
    elements = open_registry(settings.prefix, settings.elements).current
    changes = open_changes(settings, index=index(), elements=elements, ingest=ingest_now())
    finalizing = Finalizing(
        elements=elements,
        index=index(),
        jobs=jobs(),
        wake=wake(),
        finalizations=FinalizationTable(settings.prefix),
        outbox=audit_outbox(),
    )
    acting = Acting(
        patching=changes.patching, deleting=changes.deleting, holding=changes.holding, finalizing=finalizing
    )
    return BulkRunner(index=index(), pages=BulkTable(settings.prefix), acting=acting)
