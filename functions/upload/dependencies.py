"""What the write side is made of, built lazily, once a process."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING

from artstore import config
from artstore.aws.element_table import ElementTable, open_registry
from artstore.aws.ingesting import IngestNow
from artstore.aws.schedule_table import ScheduleTable
from artstore.aws.secret_store import read_secret
from artstore.aws.space_table import SpaceTable
from artstore.aws.successions import Successions
from artstore.cursors import CursorKeys, Cursors
from artstore.database import DatabaseAddress
from artstore.elements.registry import ElementRegistry
from artstore.elements.watch import StorageWatch
from artstore.multipart import Multiparts, multipart_client
from artstore.presign.signer import UrlSigner
from artstore.schedules import RememberedSchedules
from functions.upload.admission import Admission
from functions.upload.uploads.completing import Completion
from functions.upload.uploads.duplicates import DuplicateSearch
from functions.upload.uploads.gate import ElementGate, GatedPermit
from functions.upload.uploads.granting import Grants
from functions.upload.uploads.listing import OwnUploads
from functions.upload.uploads.models import Method
from functions.upload.uploads.multipart import MultipartUploads
from functions.upload.uploads.permits import FormPermit, MultipartPermit, Permit, PutPermit
from functions.upload.uploads.records import UploadRecords
from functions.upload.uploads.renewing import Renewals
from functions.upload.uploads.sessions import UploadSessions
from functions.upload.uploads.starting import Uploads
from functions.upload.uploads.uppy import UppySigner

if TYPE_CHECKING:
    from artstore.index.postgres import PostgresIndex
    from functions.upload.documents.finalizing import FinalizationDesk
    from functions.upload.elements.administration import ElementAdministration
    from functions.upload.spaces.administration import SpaceAdministration


@functools.cache
def settings() -> config.UploadSettings:
    """Give the settings. Raises Misconfigured."""
    return config.load(config.UploadSettings)


@functools.cache
def index() -> PostgresIndex:
    """Give the index; psycopg is imported here, by the first request that asks it anything."""
    from artstore.index.postgres import PostgresIndex

    return PostgresIndex(DatabaseAddress(settings()))


@functools.cache
def upload_records() -> UploadRecords:
    """Give the upload records of this deployment."""
    return UploadRecords(settings().prefix)


@functools.cache
def elements() -> ElementRegistry:
    """Give the storage elements of this deployment, which change while the process lives."""
    return open_registry(settings().prefix, settings().elements)


@functools.cache
def _signer() -> UrlSigner:
    return UrlSigner(config.environment, settings().s3_public_endpoint)


@functools.cache
def _permits() -> dict[str, Permit]:
    permits: dict[str, Permit] = {
        Method.PUT: PutPermit(_signer()),
        Method.FORM: FormPermit(_signer()),
        Method.MULTIPART: MultipartPermit(settings().multipart_expiry_seconds),
    }
    return {method: GatedPermit(permit, _gate()) for method, permit in permits.items()}


@functools.cache
def _gate() -> ElementGate:
    return ElementGate(elements().current, StorageWatch(ElementTable(settings().prefix)))


@functools.cache
def _admission() -> Admission:
    return Admission(SpaceTable(settings().prefix), index)


@functools.cache
def _grants() -> Grants:
    return Grants(permits=_permits(), admission=_admission(), expiry_seconds=settings().upload_expiry_seconds)


@functools.cache
def renewals() -> Renewals:
    """Give the uploads of this deployment that were started. Raises Misconfigured."""
    return Renewals(records=upload_records(), grants=_grants(), documents=index)


@functools.cache
def uploads() -> Uploads:
    """Give what starts the uploads of this deployment. Raises Misconfigured."""
    return Uploads(
        elements=elements().current,
        records=upload_records(),
        grants=_grants(),
        duplicates=DuplicateSearch(index),
        documents=index,
        defaults=_admission(),
        schedules=RememberedSchedules(ScheduleTable(settings().prefix), time.monotonic),
    )


@functools.cache
def documents_settings() -> config.DocumentsSettings:
    """Give the settings of what changes documents that are there. Raises Misconfigured."""
    return config.load(config.DocumentsSettings)


@functools.cache
def finalizing() -> FinalizationDesk:
    """Give the finalizations of this deployment."""
    from artstore.aws.audit_outbox import AuditOutbox
    from artstore.aws.finalization_table import FinalizationTable
    from artstore.aws.job_queue import JobQueue
    from artstore.aws.job_table import JobTable
    from artstore.changes.finalizing import Finalizing
    from artstore.database import DatabaseAddress
    from artstore.index.postgres import PostgresIndex
    from functions.upload.documents.finalizing import FinalizationDesk

    settings = documents_settings()
    jobs = JobTable(settings.prefix)
    begin = Finalizing(
        elements=open_registry(settings.prefix, settings.elements).current,
        index=PostgresIndex(DatabaseAddress(settings)),
        jobs=jobs,
        wake=JobQueue(settings.jobs_queue_url),
        finalizations=FinalizationTable(settings.prefix),
        outbox=AuditOutbox(settings.prefix),
    )
    return FinalizationDesk(begin, jobs)


@functools.cache
def multipart_uploads() -> MultipartUploads:
    """Give the uploads under way. The S3 client is made when storage is asked something."""
    return MultipartUploads(
        sessions=UploadSessions(settings().prefix),
        storage=Multiparts(multipart_client),
        signer=_signer(),
        places=Successions(settings().prefix),
        expiry_seconds=settings().upload_expiry_seconds,
        gate=_gate(),
    )


@functools.cache
def space_administration() -> SpaceAdministration:
    """Give what administers spaces; imported here, since no upload should wait for it."""
    from artstore.aws.audit_table import AuditTable
    from artstore.aws.space_table import SpaceTable
    from functions.upload.spaces.administration import SpaceAdministration

    return SpaceAdministration(
        table=SpaceTable(settings().prefix),
        schedules=ScheduleTable(settings().prefix),
        index=index,
        audit=AuditTable(settings().prefix),
    )


@functools.cache
def element_administration() -> ElementAdministration:
    """Give what administers storage elements; imported here, since no upload should wait for it."""
    from artstore.aws.audit_table import AuditTable
    from artstore.aws.buckets import buckets
    from functions.upload.elements.administration import ElementAdministration

    return ElementAdministration(
        seeds=settings().elements,
        table=ElementTable(settings().prefix),
        storage=buckets(),
        audit=AuditTable(settings().prefix),
        changed=elements().forget,
    )


@functools.cache
def completion() -> Completion:
    """Give what completes uploads."""
    return Completion(multipart_uploads(), IngestNow(settings().ingest_function).at, index)


@functools.cache
def uppy_signer() -> UppySigner:
    """Give what signs for Uppy."""
    return UppySigner(multipart_uploads(), _signer(), _permits()[Method.PUT], renewals().renew)


@functools.cache
def own_uploads() -> OwnUploads:
    """Give the uploads of this deployment, for those who started them."""
    return OwnUploads(upload_records(), Cursors(CursorKeys(_read_cursor_key)))


def _read_cursor_key(stage: str) -> str | None:
    return read_secret(settings().cursor_key_secret_id, stage)
