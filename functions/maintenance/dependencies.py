"""What maintenance is made of, built lazily, once a process.

The function behind the API and the one that does the work share this module and not their settings: what only the
worker needs is imported where it is built.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from artstore import config
from artstore.aws.audit_outbox import AuditOutbox
from artstore.aws.job_queue import JobQueue
from artstore.aws.job_table import JobTable

if TYPE_CHECKING:
    from artstore.aws.ingesting import IngestNow
    from artstore.index.postgres import PostgresIndex
    from artstore.objects import ObjectStore
    from functions.maintenance.hashing.runner import HashRunner
    from functions.maintenance.jobs.desk import JobDesk


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
