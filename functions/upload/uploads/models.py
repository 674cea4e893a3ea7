"""What the write side takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from artstore.elements import RetentionPolicy
from artstore.http.negotiation import MEDIA_TYPE
from artstore.presign import MAX_SINGLE_PUT_BYTES
from artstore.spaces import SpaceName

# Each ends with (?!\n)$, since $ alone would let a line break follow.
_FILENAME = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*(?!\n)$"
_SHA256 = r"^[0-9a-fA-F]{64}(?!\n)$"
_CONTENT_TYPE = rf"^(?:{MEDIA_TYPE})?(?!\n)$"
DEFAULT_CONTENT_TYPE = "application/octet-stream"

Tag = Annotated[str, Meta(min_length=1, max_length=100)]


class UploadRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The document a client is about to send. Its members have at most 48 KiB together, as JSON in UTF-8."""

    filename: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=255,
            pattern=_FILENAME,
            description="a name without control characters and not of spaces alone",
        ),
    ]
    """Its name for people; any script, no control characters."""
    size: Annotated[int, Meta(ge=0, le=MAX_SINGLE_PUT_BYTES)]
    """Bytes."""
    sha256: Annotated[str, Meta(pattern=_SHA256, description="64 hexadecimal digits, the SHA-256 of the bytes")]
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
    description: Annotated[str, Meta(max_length=4000)] | None = None
    tags: Annotated[list[Tag], Meta(max_length=50)] = []
    custom_attributes: dict[str, Any] = {}
    """Free members; at most 16 KiB as JSON, at most 64 levels deep, integers within 64 bits, no NUL characters."""
    retention_policy: RetentionPolicy = RetentionPolicy.PERMANENT
    """temporary documents may be changed and deleted; permanent ones may not be deleted."""
    ttl_days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    """How long a temporary document lives; 30 days when not said."""
    space: SpaceName | None = None
    """The space it belongs to; without it the caller's only one, or the default space."""
    expires_in: Annotated[int, Meta(ge=1, le=604_800)] | None = None
    """Seconds that the upload URL shall hold; never longer than the archive's own limit."""

    def __post_init__(self) -> None:
        self.sha256 = self.sha256.lower()
        self.content_type = self.content_type or DEFAULT_CONTENT_TYPE


class UploadTarget(msgspec.Struct):
    """How the bytes are sent: one request to storage, with exactly these headers."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


class UploadStarted(msgspec.Struct):
    """An upload that storage waits for."""

    file_id: UUID
    status: str
    upload: UploadTarget | None
    """null when a request was repeated whose upload is over: status says how it ended."""


class UploadState(msgspec.Struct, omit_defaults=True):
    """Where an upload stands."""

    file_id: UUID
    status: str
    """PENDING, STORED, REJECTED or EXPIRED: nothing had arrived when its URL ended. What was on its way then is
    STORED all the same once it is there."""
    original_filename: str
    size: int
    created_at: str
    expires_at: str
    reason: str | None = None
    """Why it was rejected."""
    stored_at: str | None = None
