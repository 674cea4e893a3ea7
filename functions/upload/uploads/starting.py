"""Starting an upload, and telling where it stands.

The record is written before the URL is handed out: whatever happens to the client, the event or this process
afterwards, the archive knows what was meant to arrive. A started upload costs one write and no call to S3.

Under an Idempotency-Key the file_id is derived from the account and the key, so that a repetition, however
simultaneous, meets the record of the first request: DynamoDB takes one of them. Such a record is kept for good,
since its key would otherwise lead to the id of a document that is there already.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from artstore import naming
from artstore.elements import RetentionPolicy, StorageElements
from artstore.errors import Conflict
from artstore.http.idempotency import key_reused
from artstore.presign import Presigned
from artstore.security import Principal, Scope
from artstore.spaces import Reach, not_found
from artstore.tables import UploadRecord
from functions.upload.uploads.models import UploadRequest, UploadStarted, UploadState, UploadTarget
from functions.upload.uploads.rules import check_rules, check_storable_request, choose_space

DEFAULT_TTL_DAYS = 30
PENDING, EXPIRED = "PENDING", "EXPIRED"
RECORD_KEPT = timedelta(days=30)
"""How long a record outlives its URL, before DynamoDB may drop it."""
AWAITED = (PENDING, EXPIRED)
"""Statuses of a record whose bytes may still come."""
_DERIVED = uuid.UUID("6d0f4c0e-6f0b-5b54-9d0e-0c8b9f5c7a10")
"""The namespace (RFC 9562 §5.5) of ids that are derived from an account and a key."""


class Records(Protocol):
    """Where upload records are kept."""

    def new(self, file_id: UUID) -> UploadRecord:
        """Make a record that is not saved yet."""
        ...

    def add(self, record: UploadRecord) -> bool:
        """Save a new record; False when there is one of that id."""
        ...

    def renew(self, record: UploadRecord) -> bool:
        """Save a record whose upload was still awaited; False when it is over."""
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


@dataclass(frozen=True)
class Started:
    """What starting an upload came to."""

    upload: UploadStarted
    repeated: bool
    """Whether it was started before, under the same Idempotency-Key."""


class Uploads:
    """The upload sessions of one deployment."""

    def __init__(
        self,
        *,
        elements: Callable[[], StorageElements],
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

    def start(self, request: UploadRequest, caller: Principal, idempotency_key: str | None = None) -> Started:
        """Place the document, write its record, and permit the upload.

        The same ``idempotency_key`` and request from the same account give the upload that was started then, with
        a URL that is valid from now, as long as the caller may write where it belongs. Raises what
        ``functions.upload.uploads.rules`` raises, Conflict (``idempotency_key_reused``) and Unavailable.
        """
        check_rules(request)
        reach = caller.reach(Scope.FILES_WRITE)
        space = choose_space(request.space, reach)
        file_id, fingerprint = uuid.uuid4(), None
        if idempotency_key is not None:
            file_id = uuid.uuid5(_DERIVED, f"{caller.client_id}\x00{idempotency_key}")
            fingerprint = hashlib.sha256(msgspec.json.encode(request, order="sorted")).hexdigest()
            if existing := self._records.find(file_id):
                return self._repeat(existing, request, fingerprint, reach)
        record = self._place(file_id, request, caller)
        record.space = space
        record.request_hash = fingerprint
        presigned = self._permit(record, request)
        if fingerprint is None:
            record.expires_at_epoch = int((presigned.expires_at + RECORD_KEPT).timestamp())
        if self._records.add(record):
            return _started(record, presigned)
        taken = self._records.find(file_id)
        if taken is None or fingerprint is None:  # a random id that is taken is not to be expected
            raise Conflict("the upload could not be started; try again", code="upload_busy")
        return self._repeat(taken, request, fingerprint, reach)

    def _repeat(self, record: UploadRecord, request: UploadRequest, fingerprint: str, reach: Reach) -> Started:
        reach.require(record.space, "space")
        if record.request_hash != fingerprint:
            raise key_reused()
        if record.status in AWAITED:
            record.status = PENDING
            presigned = self._permit(record, request)
            if self._records.renew(record):
                return _started(record, presigned, repeated=True)
            record = self._records.find(UUID(record.file_id)) or record
        return _started(record, None, repeated=True)

    def _place(self, file_id: UUID, request: UploadRequest, caller: Principal) -> UploadRecord:
        now = self._clock()
        element = self._elements().place(request.retention_policy, request.size, request.content_type)
        record = self._records.new(file_id)
        record.element_id, record.bucket = element.element_id, element.bucket
        record.key = naming.object_key(element.prefix, request.filename, caller.username, now, file_id)
        record.original_filename = request.filename
        record.size, record.sha256, record.content_type = request.size, request.sha256, request.content_type
        record.description, record.tags = request.description, list(dict.fromkeys(request.tags))
        record.custom_attributes = request.custom_attributes or None
        record.retention_policy = str(request.retention_policy)
        if request.retention_policy is RetentionPolicy.TEMPORARY:
            record.ttl_days = request.ttl_days or DEFAULT_TTL_DAYS
        record.created_at = _rfc3339(now)
        record.created_by_id, record.created_by_username = caller.client_id, caller.username
        check_storable_request(request, caller, key=record.key, element_id=element.element_id, at=now)
        return record

    def _permit(self, record: UploadRecord, request: UploadRequest) -> Presigned:
        """Permit the upload that ``record`` describes, and write down until when."""
        presigned = self._signer.sign_upload(
            record.bucket,
            record.key,
            expires_in=min(request.expires_in or self._expiry_seconds, self._expiry_seconds),
            content_length=int(record.size),
            content_type=record.content_type,
            sha256=record.sha256,
        )
        record.expires_at = _rfc3339(presigned.expires_at)
        return presigned

    def state(self, file_id: UUID, caller: Principal) -> UploadState:
        """Tell where an upload stands at this moment.

        Raises NotFound (``upload_not_found``) also where it belongs to a space that the caller does not write.
        """
        record = self._records.find(file_id)
        if record is None or not caller.reach(Scope.FILES_WRITE).includes(record.space):
            raise not_found("upload")
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


def _started(record: UploadRecord, presigned: Presigned | None, *, repeated: bool = False) -> Started:
    target = None
    if presigned is not None:
        target = UploadTarget("PUT", presigned.url, presigned.headers, presigned.expires_at)
    return Started(UploadStarted(UUID(record.file_id), record.status, target), repeated)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
