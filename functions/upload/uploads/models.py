"""What the write side takes and gives."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from artstore.changes.limits import Description, Filename, Tags
from artstore.elements import RetentionPolicy
from artstore.folders import MAX_FOLDER
from artstore.http.negotiation import MEDIA_TYPE
from artstore.http.problems import Problem
from artstore.presign import MAX_OBJECT_BYTES, MAX_SINGLE_PUT_BYTES
from artstore.schedules import ScheduleName
from artstore.spaces import SpaceName

# Each ends with (?!\n)$, since $ alone would let a line break follow.
SHA256 = r"^[0-9a-fA-F]{64}(?!\n)$"
_CONTENT_TYPE = rf"^(?:{MEDIA_TYPE})?(?!\n)$"
_ASCII = r"^[\x20-\x7e]+(?!\n)$"
SHA256_RULE = "64 hexadecimal digits, the SHA-256 of the bytes"
DEFAULT_CONTENT_TYPE = "application/octet-stream"

ExpiresIn = Annotated[int, Meta(ge=1, le=604_800)]


class Method(enum.StrEnum):
    """How the bytes come to storage."""

    PUT = "put"
    FORM = "form"
    MULTIPART = "multipart"


class OnDuplicate(enum.StrEnum):
    """What is done about content that is stored already."""

    TELL = "tell"
    REJECT = "reject"


class ContentEncoding(enum.StrEnum):
    """How a client may compress what it sends (RFC 9110 §8.4.1)."""

    GZIP = "gzip"
    BR = "br"


class UploadRetention(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is said of how the document is kept, besides its policy."""

    schedule: ScheduleName | None
    """The retention schedule that says when somebody decides what becomes of it; null: none, whatever its space
    says."""


class UploadRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The document a client is about to send. Its members have at most 48 KiB together, as JSON in UTF-8."""

    filename: Filename
    """Its name for people; any script, no control characters."""
    size: Annotated[int, Meta(ge=0, le=MAX_OBJECT_BYTES)]
    """Bytes, as they are sent; 0 is an empty file. put and form take at most 5 GiB."""
    sha256: Annotated[str, Meta(pattern=SHA256, description=SHA256_RULE)]
    """SHA-256 of the bytes; either case is taken, and kept as lowercase."""
    content_type: Annotated[
        str,
        Meta(
            max_length=200,
            pattern=_CONTENT_TYPE,
            description='a media type as in RFC 9110 §8.3.1, such as text/plain; charset="utf-8"',
        ),
    ] = DEFAULT_CONTENT_TYPE
    """Media type (RFC 9110 §8.3.1); it is signed, so storage takes it only as it stands here. Empty: not known."""
    description: Description | None = None
    tags: Tags = []
    custom_attributes: dict[str, Any] = {}
    """Free members; at most 16 KiB as JSON, at most 64 levels deep, integers within 64 bits, no NUL characters."""
    retention_policy: RetentionPolicy = RetentionPolicy.PERMANENT
    """temporary documents may be changed and deleted; permanent ones may not be deleted."""
    ttl_days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    """How long a temporary document lives; 30 days when not said."""
    retention: UploadRetention | None = None
    """Without it the document names the schedule of its space, if that has one."""
    space: SpaceName | None = None
    """The space it belongs to; without it the caller's only one, or the default space."""
    expires_in: ExpiresIn | None = None
    """Seconds that the upload URL shall hold; never longer than the archive's own limit."""
    method: Method | None = None
    """put: one PUT; form: one POST of multipart/form-data, as an HTML form sends it; multipart: many PUTs, each
    of a part, in any order. Without it: put up to 5 GiB, multipart beyond."""
    folder: Annotated[str, Meta(max_length=MAX_FOLDER)] | None = None
    """Where people look for it, such as /contracts/2026; absolute, kept in NFC, no part of its key."""
    supersedes: UUID | None = None
    """file_id of the current document that this one shall take the place of."""
    on_duplicate: OnDuplicate = OnDuplicate.TELL
    """tell: content that is stored already is named in duplicate_of, and stored again; reject: it is 409."""
    content_encoding: ContentEncoding | None = None
    """How the client has compressed the bytes; size and sha256 are of what is sent. Signed, as content_type is."""
    original_size: Annotated[int, Meta(ge=0, le=MAX_OBJECT_BYTES)] | None = None
    """Bytes before content_encoding; needed with it, and only then."""
    original_sha256: Annotated[str, Meta(pattern=SHA256, description=SHA256_RULE)] | None = None
    """SHA-256 of the bytes before content_encoding; needed with it, and only then."""

    @property
    def chosen_method(self) -> Method:
        """How the bytes come."""
        return self.method or (Method.PUT if self.size <= MAX_SINGLE_PUT_BYTES else Method.MULTIPART)

    def __post_init__(self) -> None:
        self.sha256 = self.sha256.lower()
        self.original_sha256 = self.original_sha256 and self.original_sha256.lower()
        self.content_type = self.content_type or DEFAULT_CONTENT_TYPE


class UploadTarget(msgspec.Struct, kw_only=True):
    """How the bytes are sent: one request to storage, with exactly these headers, or these fields of a form; or in
    parts, for which permission is asked (POST .../upload/parts)."""

    method: str
    """PUT, POST for a form, or MULTIPART."""
    url: str | None = None
    """null for a multipart upload: each part has its own."""
    headers: dict[str, str] = {}
    fields: dict[str, str] = {}
    """Of a form, all of them, before its last field: the file, named file."""
    part_size: int | None = None
    """Bytes of every part of a multipart upload but the last, which has what is left."""
    part_count: int | None = None
    """Its parts are numbered from 1 to that."""
    expires_at: datetime


class UploadStarted(msgspec.Struct, kw_only=True):
    """An upload that storage waits for."""

    file_id: UUID
    status: str
    upload: UploadTarget | None
    """null when a request was repeated whose upload is over: status says how it ended."""
    duplicate_of: UUID | None = None
    """A document with the same content in a space that the caller may write to, the newest one."""
    duplicates_checked: bool = True
    """Whether that was looked up: not while the index is away."""


MAX_BATCH = 100
"""The most uploads that one request starts."""


class BatchedUpload(UploadRequest, forbid_unknown_fields=True, kw_only=True):
    """One upload of a batch."""

    idempotency_key: Annotated[str, Meta(min_length=1, max_length=255, pattern=_ASCII)] | None = None
    """As the header Idempotency-Key of a request for this upload alone, and in place of the batch's own."""


class BatchRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Documents that a client is about to send; at most 1 MiB of JSON. Each is judged by itself."""

    items: Annotated[list[BatchedUpload], Meta(min_length=1, max_length=MAX_BATCH)]


class RawBatch(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A batch as it is read: a wrong item is no reason to refuse the others."""

    items: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_BATCH)]


class BatchItem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What became of one upload of a batch."""

    status: int
    """As the request for this upload alone would have been answered: 201, 200 for one that was started before, or
    the problem's."""
    started: UploadStarted | None = None
    problem: Problem | None = None


class BatchStarted(msgspec.Struct):
    """What became of a batch, in its order."""

    items: list[BatchItem]


class UrlRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the new permission shall be."""

    expires_in: ExpiresIn | None = None
    """Seconds that it shall hold; never longer than the archive's own limit."""


class PartStored(msgspec.Struct):
    """A part that storage has."""

    part_number: int
    size: int
    sha256: str | None
    """null for a part that was sent without one."""


class MultipartState(msgspec.Struct):
    """What has arrived of a multipart upload."""

    part_size: int
    part_count: int
    parts: list[PartStored]
    """In the order of their numbers, a thousand at a time."""
    next_after_part: int | None
    """after_part for those that follow; null when these are all."""


class StateQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """From where the parts that have arrived are listed."""

    after_part: Annotated[int, Meta(ge=0, le=10_000)] = 0
    """next_after_part of the answer before."""


class UploadState(msgspec.Struct, omit_defaults=True):
    """Where an upload stands."""

    file_id: UUID
    status: str
    """PENDING, STORED, REJECTED, ABORTED by its client, or EXPIRED: nothing had arrived when its URL ended. What
    was on its way then is STORED all the same once it is there."""
    original_filename: str
    size: int
    created_at: str
    expires_at: str
    reason: str | None = None
    """Why it was rejected."""
    stored_at: str | None = None
    notice: str | None = None
    """What is to be known of a document that is stored, as a code."""
    method: Method = Method.PUT
    multipart: MultipartState | None = None
    """Of a multipart upload that is PENDING: what has arrived."""


class UploadStatus(enum.StrEnum):
    """Where an upload may stand."""

    PENDING = "PENDING"
    STORED = "STORED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    ABORTED = "ABORTED"


class UploadsQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which of the caller's uploads, and how many at a time."""

    status: UploadStatus | None = None
    """Without it: all of them."""
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(max_length=300)] | None = None
    """next_cursor of the page before, with the same status."""


class UploadList(msgspec.Struct):
    """One page of uploads, newest first. A page that finds few among many may have fewer than asked for."""

    items: list[UploadState]
    next_cursor: str | None
