"""What the operations on an upload under way take and give: parts, and signatures for Uppy."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from functions.upload.uploads.models import SHA256, SHA256_RULE, ExpiresIn
from functions.upload.uploads.parts import MAX_PART_BYTES, MAX_PARTS

PartNumber = Annotated[int, Meta(ge=1, le=MAX_PARTS)]


class PartAnnounced(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A part that a client is about to send."""

    part_number: PartNumber
    size: Annotated[int, Meta(ge=1, le=MAX_PART_BYTES)]
    """Bytes: part_size, and of the last part what is left."""
    sha256: Annotated[str, Meta(pattern=SHA256, description=SHA256_RULE)]
    """SHA-256 of the part's bytes; storage refuses others."""

    def __post_init__(self) -> None:
        self.sha256 = self.sha256.lower()


class PartsRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Parts that shall be permitted."""

    parts: Annotated[list[PartAnnounced], Meta(min_length=1, max_length=100)]
    expires_in: ExpiresIn | None = None
    """Seconds that the URLs shall hold; never longer than the archive's own limit."""


class PartTarget(msgspec.Struct):
    """How one part is sent: a PUT to storage with exactly these headers."""

    part_number: int
    url: str
    headers: dict[str, str]
    expires_at: datetime


class PartTargets(msgspec.Struct):
    """Permission for parts, in the order asked for."""

    parts: list[PartTarget]


class SignMethod(enum.StrEnum):
    """Methods of the requests that Uppy sends to storage."""

    PUT = "PUT"
    POST = "POST"
    GET = "GET"
    DELETE = "DELETE"


class SignRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """What Uppy hands to signRequest, as it is."""

    method: SignMethod
    key: Annotated[str, Meta(min_length=1, max_length=1024)]
    """The file_id, or the object key that an earlier answer gave."""
    upload_id: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    part_number: PartNumber | None = None
    content_type: Annotated[str, Meta(max_length=200)] | None = None
    """Not needed: the type that was announced is signed."""
    expires_in: ExpiresIn | None = None
    """Seconds that the URL shall hold; never longer than the archive's own limit."""


class SignedRequest(msgspec.Struct, omit_defaults=True):
    """What signRequest has to give Uppy."""

    url: str
    key: str
    """The object key that Uppy goes on with."""
    headers: dict[str, str] = {}
    """Those a script may set: a browser sets Content-Length by itself, and the signature asks for it."""
    fields: dict[str, str] = {}
    """Of a form, where the upload was announced as one."""
