"""What the function is made of, built lazily, once a process."""

from __future__ import annotations

import functools
import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING

from artstore import config, telemetry
from artstore.aws.element_table import ElementTable, open_registry
from artstore.aws.job_queue import JobQueue
from artstore.aws.job_table import JobTable
from artstore.aws.successions import Successions
from artstore.database import DatabaseAddress
from artstore.elements.watch import StorageWatch
from artstore.index.postgres import PostgresIndex
from artstore.objects import ObjectStore, s3_client
from functions.storage_events.event_queue import EventQueue
from functions.storage_events.extraction import Extraction
from functions.storage_events.gathering import GatheringIndex
from functions.storage_events.ingest import Ingest
from functions.storage_events.proving import Proving
from functions.storage_events.records import UploadRecords

if TYPE_CHECKING:
    from functions.storage_events.scanning import Scanning

MOST_SIDE_BY_SIDE = 10
"""As many as the queue's BatchSize."""


@functools.cache
def settings() -> config.StorageEventsSettings:
    """Give the settings. Raises Misconfigured."""
    return config.load(config.StorageEventsSettings)


@functools.cache
def objects() -> ObjectStore:
    """Give the objects in storage."""
    return ObjectStore(s3_client())


def _scanning() -> Scanning | None:
    """Give what has arrivals scanned; nothing of it is imported where there is no scanner."""
    scanner = settings().scanner
    if scanner is None:
        return None
    from artstore.aws.audit_outbox import AuditOutbox
    from artstore.scanning import ObjectScanning
    from artstore.scanning.clamd import ClamdScanner
    from functions.storage_events.scanning import ArrivalScanning

    logger = telemetry.get_logger("storage-events", settings().log_level)

    def failed(detail: str) -> None:
        logger.warning("scanner", extra={"outcome": "failed", "reason": detail})

    return ArrivalScanning(
        ObjectScanning(
            ClamdScanner(scanner, settings().scan_seconds, failed=failed), objects(), settings().scan_max_bytes
        ),
        AuditOutbox(settings().prefix).leave,
        is_required=settings().scan_required,
    )


@functools.cache
def index() -> GatheringIndex:
    """Give the index, which writes together what is written side by side."""
    return GatheringIndex(PostgresIndex(DatabaseAddress(settings())))


@functools.cache
def event_queue() -> EventQueue:
    """Give the queue of events, to settle what cannot be handled."""
    return EventQueue(settings().events_queue_url, settings().dead_letters_url)


@functools.cache
def threads() -> Executor:
    """Give the threads in which the messages of a batch are handled; a batch has ten at most."""
    return ThreadPoolExecutor(MOST_SIDE_BY_SIDE)


def ingest() -> Ingest:
    """Give the ingest of this deployment, the same to all who ask at once: the process that reads documents is its
    own, and reads one at a time."""
    with _making:
        return _ingest()


_making = threading.Lock()


@functools.cache
def _ingest() -> Ingest:
    """Make it. What reads documents starts beside it."""
    extraction = Extraction(keep_place=settings().keep_place)
    extraction.start()
    elements = open_registry(settings().prefix, settings().elements)
    return Ingest(
        elements=elements.current,
        present_elements=elements.present,
        watch=StorageWatch(ElementTable(settings().prefix)),
        objects=objects(),
        records=UploadRecords(settings().prefix),
        index=index(),
        successions=Successions(settings().prefix),
        extraction=extraction,
        prover=Proving(JobTable(settings().prefix), JobQueue(settings().jobs_queue_url)),
        read_at_once=settings().read_at_once_bytes,
        scanning=_scanning(),
    )
