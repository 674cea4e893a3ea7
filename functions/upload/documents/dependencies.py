"""What changing documents is made of, built lazily, once a process."""

from __future__ import annotations

import functools

from artstore import config
from artstore.aws.audit_table import AuditTable
from artstore.aws.bulk_table import BulkTable
from artstore.aws.element_table import open_registry
from artstore.aws.ingesting import IngestNow
from artstore.aws.job_queue import JobQueue
from artstore.aws.job_table import JobTable
from artstore.changes.deleting import Deleting
from artstore.changes.deployed import DocumentChanges, open_changes
from artstore.changes.holding import Holding
from artstore.changes.patching import Patching
from artstore.changes.releasing import Releasing
from artstore.database import DatabaseAddress
from functions.upload.documents.bulk import BulkDesk


@functools.cache
def settings() -> config.DocumentsSettings:
    """Give the settings. Raises Misconfigured."""
    return config.load(config.DocumentsSettings)


@functools.cache
def changes() -> DocumentChanges:
    """Give the changes of this deployment; psycopg is imported here."""
    from artstore.index.postgres import PostgresIndex

    return open_changes(
        settings(),
        index=PostgresIndex(DatabaseAddress(settings())),
        elements=open_registry(settings().prefix, settings().elements).current,
        ingest=IngestNow(settings().ingest_function),
        record=AuditTable(settings().prefix).append,
    )


def patching() -> Patching:
    """Give what changes what is said of documents."""
    return changes().patching


def deleting() -> Deleting:
    """Give what puts documents into the trash, and takes them out."""
    return changes().deleting


def holding() -> Holding:
    """Give what places legal holds."""
    return changes().holding


def releasing() -> Releasing:
    """Give what releases documents from quarantine."""
    return changes().releasing


@functools.cache
def bulk() -> BulkDesk:
    """Give the jobs that change many documents."""
    return BulkDesk(
        jobs=JobTable(settings().prefix),
        pages=BulkTable(settings().prefix),
        wake=JobQueue(settings().jobs_queue_url),
    )
