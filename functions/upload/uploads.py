"""Starting an upload, and telling where it stands.

The record is written before the URL is handed out: whatever happens to the client, the event or this process
afterwards, the archive knows what was meant to arrive. A started upload costs one write and no call to S3.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from artstore import naming
from artstore.elements import RetentionPolicy, StorageElements
from artstore.errors import Invalid, NotFound, TooLarge
from artstore.presign import Presigned
from artstore.security import Principal
from artstore.tables import UploadRecord
from functions.upload.models import UploadRequest, UploadStarted, UploadState, UploadTarget

DEFAULT_TTL_DAYS = 30
MAX_CUSTOM_ATTRIBUTES_BYTES = 16_384
PENDING, EXPIRED = "PENDING", "EXPIRED"
RECORD_KEPT = timedelta(days=30)
"""How long a record outlives its URL, before DynamoDB may drop it."""


class Records(Protocol):
    """Where upload records are kept."""

    def new(self, file_id: UUID) -> UploadRecord:
        """Make a record that is not saved yet."""
        ...

    def add(self, record: UploadRecord) -> None:
        """Save a new record."""
        ...

    def find(self, file_id: UUID) -> UploadRecord | None:
        """Read a record, or None."""
        ...


class Signer(Protocol):
    """What permits an upload."""

    def sign_upload(
        self, bucket: str, key: str, *, expires_in: int, content_length: int, content_type: str, sha256: str
    ) -> Presigned:
        """Permit one PUT of exactly these bytes to a new key."""
        ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Uploads:
    """The upload sessions of one deployment."""

    def __init__(
        self,
        *,
        elements: StorageElements,
        records: Records,
        signer: Signer,
        expiry_seconds: int,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Place documents in ``elements``; URLs hold ``expiry_seconds``."""
        self._elements = elements
        self._records = records
        self._signer = signer
        self._expiry_seconds = expiry_seconds
        self._clock = clock

    def start(self, request: UploadRequest, caller: Principal) -> UploadStarted:
        """Place the document, write its record, and permit the upload.

        Raises Invalid (``ttl_without_temporary``), TooLarge (``custom_attributes_too_large``) and Unavailable.
        """
        _check(request)
        now = self._clock()
        file_id = uuid.uuid4()
        element = self._elements.place(request.retention_policy)
        key = naming.object_key(element.prefix, request.filename, caller.username, now, file_id)
        presigned = self._signer.sign_upload(
            element.bucket,
            key,
            expires_in=min(request.expires_in or self._expiry_seconds, self._expiry_seconds),
            content_length=request.size,
            content_type=request.content_type,
            sha256=request.sha256,
        )
        record = self._records.new(file_id)
        record.element_id, record.bucket, record.key = element.element_id, element.bucket, key
        record.original_filename = request.filename
        record.size, record.sha256, record.content_type = request.size, request.sha256, request.content_type
        record.description, record.tags = request.description, list(dict.fromkeys(request.tags))
        record.custom_attributes = request.custom_attributes or None
        record.retention_policy = str(request.retention_policy)
        if request.retention_policy is RetentionPolicy.TEMPORARY:
            record.ttl_days = request.ttl_days or DEFAULT_TTL_DAYS
        record.created_at, record.expires_at = _rfc3339(now), _rfc3339(presigned.expires_at)
        record.expires_at_epoch = int((presigned.expires_at + RECORD_KEPT).timestamp())
        record.created_by_id, record.created_by_username = caller.client_id, caller.username
        self._records.add(record)
        target = UploadTarget("PUT", presigned.url, presigned.headers, presigned.expires_at)
        return UploadStarted(file_id, record.status, target)

    def state(self, file_id: UUID) -> UploadState:
        """Tell where an upload stands at this moment. Raises NotFound (``upload_not_found``)."""
        record = self._records.find(file_id)
        if record is None:
            raise NotFound("there is no such upload", code="upload_not_found")
        return UploadState(
            file_id=file_id,
            status=self._status(record),
            original_filename=record.original_filename,
            size=int(record.size),
            created_at=record.created_at,
            expires_at=record.expires_at,
            reason=record.reason,
            stored_at=record.stored_at,
        )

    def _status(self, record: UploadRecord) -> str:
        """A PENDING upload whose URL has ended is EXPIRED, whether or not its record says so."""
        ended = datetime.fromisoformat(record.expires_at) <= self._clock()
        return EXPIRED if record.status == PENDING and ended else str(record.status)


def _check(request: UploadRequest) -> None:
    if request.ttl_days is not None and request.retention_policy is not RetentionPolicy.TEMPORARY:
        raise Invalid("only a temporary document has ttl_days", code="ttl_without_temporary", field="ttl_days")
    if len(msgspec.json.encode(request.custom_attributes)) > MAX_CUSTOM_ATTRIBUTES_BYTES:
        raise TooLarge(
            f"custom_attributes exceed {MAX_CUSTOM_ATTRIBUTES_BYTES} bytes of JSON",
            code="custom_attributes_too_large",
            field="custom_attributes",
        )


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
