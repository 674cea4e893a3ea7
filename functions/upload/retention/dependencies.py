"""What retention is made of, built lazily, once a process."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from artstore import config
from artstore.aws.audit_table import AuditTable
from artstore.aws.bulk_table import BulkTable
from artstore.aws.job_queue import JobQueue
from artstore.aws.job_table import JobTable
from artstore.aws.schedule_table import ScheduleTable
from artstore.aws.secret_store import read_secret
from artstore.aws.space_table import SpaceTable
from artstore.cursors import CursorKeys, Cursors
from artstore.database import DatabaseAddress
from functions.upload.retention.administration import ScheduleAdministration
from functions.upload.retention.deciding import DecisionDesk
from functions.upload.retention.due import DueDocuments

if TYPE_CHECKING:
    from artstore.index.postgres import PostgresIndex


@functools.cache
def settings() -> config.DocumentsSettings:
    """Give the settings. Raises Misconfigured."""
    return config.load(config.DocumentsSettings)


@functools.cache
def index() -> PostgresIndex:
    """Give the index; psycopg is imported here."""
    from artstore.index.postgres import PostgresIndex

    return PostgresIndex(DatabaseAddress(settings()))


@functools.cache
def administration() -> ScheduleAdministration:
    """Give what administers retention schedules."""
    return ScheduleAdministration(
        table=ScheduleTable(settings().prefix),
        spaces=SpaceTable(settings().prefix),
        index=index,
        audit=AuditTable(settings().prefix),
    )


@functools.cache
def due_documents() -> DueDocuments:
    """Give what lists the documents that are due."""
    return DueDocuments(
        schedules=ScheduleTable(settings().prefix), index=index, cursors=Cursors(CursorKeys(_read_cursor_key))
    )


@functools.cache
def decisions() -> DecisionDesk:
    """Give the decisions about them."""
    return DecisionDesk(
        jobs=JobTable(settings().prefix),
        pages=BulkTable(settings().prefix),
        wake=JobQueue(settings().jobs_queue_url),
    )


def _read_cursor_key(stage: str) -> str | None:
    return read_secret(settings().cursor_key_secret_id, stage)
