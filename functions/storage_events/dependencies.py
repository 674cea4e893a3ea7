"""What the function is made of, built lazily, once a process."""

from __future__ import annotations

import functools

from artstore import config
from artstore.aws.element_table import ElementTable, open_registry
from artstore.aws.job_queue import JobQueue
from artstore.aws.job_table import JobTable
from artstore.aws.successions import Successions
from artstore.database import DatabaseAddress
from artstore.elements.watch import StorageWatch
from artstore.index.postgres import PostgresIndex
from artstore.objects import ObjectStore, s3_client
from functions.storage_events.extraction import Extraction
from functions.storage_events.ingest import Ingest
from functions.storage_events.proving import Proving
from functions.storage_events.records import UploadRecords


@functools.cache
def settings() -> config.StorageEventsSettings:
    """Give the settings. Raises Misconfigured."""
    return config.load(config.StorageEventsSettings)


@functools.cache
def objects() -> ObjectStore:
    """Give the objects in storage."""
    return ObjectStore(s3_client())


@functools.cache
def ingest() -> Ingest:
    """Give the ingest of this deployment. What reads documents starts beside it."""
    extraction = Extraction(keep_place=settings().keep_place)
    extraction.start()
    elements = open_registry(settings().prefix, settings().elements)
    return Ingest(
        elements=elements.current,
        present_elements=elements.present,
        watch=StorageWatch(ElementTable(settings().prefix)),
        objects=objects(),
        records=UploadRecords(settings().prefix),
        index=PostgresIndex(DatabaseAddress(settings())),
        successions=Successions(settings().prefix),
        extraction=extraction,
        prover=Proving(JobTable(settings().prefix), JobQueue(settings().jobs_queue_url)),
        read_at_once=settings().read_at_once_bytes,
    )
