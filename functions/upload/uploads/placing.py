"""The record of an upload: what was announced, and where its bytes shall lie."""

from __future__ import annotations

import posixpath
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from artstore import naming
from artstore.attributes import MAX_BYTES, ROOM_TO_COME, Attributes, Retention, check_room
from artstore.elements import RetentionPolicy, StorageElement
from artstore.folders import parse_folder
from artstore.security import Principal
from artstore.tables import UploadRecord
from functions.upload.uploads.models import UploadRequest

DEFAULT_TTL_DAYS = 30
PENDING, EXPIRED = "PENDING", "EXPIRED"
AWAITED = (PENDING, EXPIRED)
"""Statuses of a record whose bytes may still come."""
RECORD_KEPT = timedelta(days=30)
"""How long a record outlives its URL, before DynamoDB may drop it."""
_SURELY_FITS = MAX_BYTES - ROOM_TO_COME - 8192
"""What a request of up to so many bytes says fits into an attr.json: all else there has a fraction of the rest."""
_SHARDS = 8
"""Into how many parts the uploads that are awaited fall."""


def fill(
    record: UploadRecord, request: UploadRequest, caller: Principal, element: StorageElement, now: datetime
) -> None:
    """Write into a new record what is to arrive in ``element``.

    Raises TooLarge (``attributes_too_large``) where the document's attr.json would not hold it.
    """
    file_id = UUID(record.file_id)
    record.element_id, record.bucket = element.element_id, element.bucket
    # Storage would put the name of the file in place of that, in a form.
    filename = request.filename.replace("${", "$_")
    record.key = naming.object_key(element.prefix, filename, caller.username, now, file_id)
    record.kind = str(request.chosen_method)
    record.original_filename = request.filename
    record.size, record.sha256, record.content_type = request.size, request.sha256, request.content_type
    record.description, record.tags = request.description, list(dict.fromkeys(request.tags))
    record.custom_attributes = request.custom_attributes or None
    record.folder = None if request.folder is None else parse_folder(request.folder)
    record.supersedes = None if request.supersedes is None else str(request.supersedes)
    if request.content_encoding is not None:
        record.content_encoding = str(request.content_encoding)
        record.original_size, record.original_sha256 = request.original_size, request.original_sha256
    record.retention_policy = str(request.retention_policy)
    if request.retention_policy is RetentionPolicy.TEMPORARY:
        record.ttl_days = request.ttl_days or DEFAULT_TTL_DAYS
    record.created_at = rfc3339(now)
    record.created_by_id, record.created_by_username = caller.client_id, caller.username
    if len(msgspec.json.encode(request)) > _SURELY_FITS:
        check_room(_as_far_as_known(record, now))


def await_until(record: UploadRecord, until: datetime) -> None:
    """Write down that the bytes may come until then, and when the record may be dropped: never, with a key.

    The multipart upload of one that was found EXPIRED is ended, or is just being: another will be begun.
    """
    if record.status == EXPIRED:
        record.upload_id = record.part_checksums = record.composite_sha256 = None
    record.status = PENDING
    record.awaited = str(int(record.file_id[0], 16) % _SHARDS)
    record.expires_at = rfc3339(until)
    record.expires_at_epoch = None if record.request_hash else int((until + RECORD_KEPT).timestamp())


def status_of(record: UploadRecord, now: datetime) -> str:
    """Give the status. A PENDING upload whose URL has ended is EXPIRED, whether or not its record says so."""
    ended = datetime.fromisoformat(record.expires_at) <= now
    return EXPIRED if record.status == PENDING and ended else str(record.status)


def rfc3339(moment: datetime) -> str:
    """Write a moment as records hold it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_far_as_known(record: UploadRecord, at: datetime) -> Attributes:
    return Attributes(
        file_id=UUID(record.file_id),
        original_filename=record.original_filename,
        storage_filename=posixpath.basename(record.key),
        file_size=int(record.size),
        content_type=record.content_type,
        created_at=at,
        updated_at=at,
        created_by_id=record.created_by_id,
        created_by_username=record.created_by_username,
        description=record.description,
        storage_path=posixpath.dirname(record.key),
        checksum=record.sha256,
        custom_attributes=record.custom_attributes or {},
        tags=tuple(record.tags),
        retention=Retention(
            policy=record.retention_policy,
            expires_at=None if record.ttl_days is None else at,
            schedule=record.retention_schedule,
        ),
        content_encoding=record.content_encoding,
        original_size=None if record.original_size is None else int(record.original_size),
        original_checksum=record.original_sha256,
        storage_element_id=record.element_id,
        space=record.space,
        folder=record.folder,
        supersedes=None if record.supersedes is None else UUID(record.supersedes),
    )
