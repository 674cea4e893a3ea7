"""Uploads under way, and what else lies in their table."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection
from pynamodb.models import Model


class _ByOwner(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by-owner"
        projection = IncludeProjection(
            ["status", "reason", "notice", "original_filename", "size", "space", "expires_at", "stored_at", "kind"]
        )

    created_by_id = UnicodeAttribute(hash_key=True)
    created_at = UnicodeAttribute(range_key=True)


class _ByEnd(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by-end"
        projection = IncludeProjection(["status"])

    awaited = UnicodeAttribute(hash_key=True)
    expires_at = UnicodeAttribute(range_key=True)


class UploadRecord(Model):
    """The write-ahead entry of an upload: written before a URL is handed out, settled by the event."""

    file_id = UnicodeAttribute(hash_key=True)
    status = UnicodeAttribute(default="PENDING")
    """PENDING, then STORED, REJECTED (with a reason), EXPIRED or ABORTED, by its client."""
    reason = UnicodeAttribute(null=True)
    element_id = UnicodeAttribute()
    bucket = UnicodeAttribute()
    key = UnicodeAttribute()
    original_filename = UnicodeAttribute()
    size = NumberAttribute()
    """Bytes."""
    sha256 = UnicodeAttribute()
    """64 lowercase hex digits."""
    content_type = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    tags: ListAttribute[str] = ListAttribute(default=list)
    custom_attributes = JSONAttribute(null=True)
    retention_policy = UnicodeAttribute()
    """temporary or permanent."""
    ttl_days = NumberAttribute(null=True)
    retention_schedule = UnicodeAttribute(null=True)
    """The schedule that the document will name."""
    created_at = UnicodeAttribute()
    expires_at = UnicodeAttribute()
    """When the presigned URL ends; RFC 3339, UTC."""
    expires_at_epoch = NumberAttribute(null=True)
    """When DynamoDB may drop the record: seconds since 1970, well after ``expires_at``. None: never."""
    request_hash = UnicodeAttribute(null=True)
    """SHA-256 of the request that started the upload, when it carried an Idempotency-Key."""
    created_by_id = UnicodeAttribute()
    created_by_username = UnicodeAttribute()
    created_by_fullname = UnicodeAttribute(null=True)
    version_id = UnicodeAttribute(null=True)
    stored_at = UnicodeAttribute(null=True)
    kind = UnicodeAttribute(null=True)
    """How the bytes come: put, form or multipart; none stored: put."""
    upload_id = UnicodeAttribute(null=True)
    """S3's id of a multipart upload."""
    part_size = NumberAttribute(null=True)
    """Bytes of every part but the last."""
    part_checksums = BooleanAttribute(null=True)
    """True when each part has to come with its SHA-256; not for an upload that Uppy has begun."""
    composite_sha256 = UnicodeAttribute(null=True)
    """The checksum that storage will show of an object made of the parts that were put together."""
    space = UnicodeAttribute(null=True)
    """None: the default space."""
    reserved = BooleanAttribute(null=True)
    """True while the upload's document and bytes are reserved in a space that has limits."""
    folder = UnicodeAttribute(null=True)
    supersedes = UnicodeAttribute(null=True)
    """file_id of the document that this one takes the place of."""
    content_encoding = UnicodeAttribute(null=True)
    original_size = NumberAttribute(null=True)
    """Bytes before ``content_encoding``, as ``original_sha256`` is of these."""
    original_sha256 = UnicodeAttribute(null=True)
    notice = UnicodeAttribute(null=True)
    """What the client is to be told of a document that is stored, as a code; ``reason`` is for refusals."""
    awaited = UnicodeAttribute(null=True)
    """0 to 7 while bytes are awaited, by the file_id's first digit modulo 8; gone once the upload is over."""
    by_owner = _ByOwner()
    by_end = _ByEnd()


class Succession(Model):
    """Who takes the place of a document, in the table of the uploads; see ``artstore.aws.successions``."""

    file_id = UnicodeAttribute(hash_key=True)
    """``successor#<file_id of the predecessor>``, which is no upload's."""
    successor = UnicodeAttribute()
    """file_id of the document, or of the upload, that has the place."""
    held_until = NumberAttribute(null=True)
    """When an upload that was only started has it no longer: epoch seconds."""
    settled_at = NumberAttribute(null=True)
    """When a successor was stored: epoch seconds. From then on it has the place for good."""
    expires_at_epoch = NumberAttribute(null=True)
    """When DynamoDB may drop the item: epoch seconds. None once a successor was stored."""


class FinalizationRecord(Model):
    """The last finalization of a document, in the table of the uploads; see ``artstore.finalizations``."""

    file_id = UnicodeAttribute(hash_key=True)
    """``finalization#<file_id>``, which is no upload's."""
    transaction_id = UnicodeAttribute()
    phase = UnicodeAttribute()
    """OPEN, COMMITTED or UNDONE."""
    source_bucket = UnicodeAttribute()
    source_key = UnicodeAttribute()
    bucket = UnicodeAttribute()
    """With ``key`` the place where the bytes are copied to."""
    key = UnicodeAttribute()
    element_id = UnicodeAttribute()
    """The storage element of that place."""
    started_at = UnicodeAttribute()
    settled_at = UnicodeAttribute(null=True)
    etag = UnicodeAttribute(null=True)
    """Of the copy, as the version."""
    version_id = UnicodeAttribute(null=True)
    source_etag = UnicodeAttribute(null=True)
    sealed_etag = UnicodeAttribute(null=True)
    """Of the attr.json that was left at the source."""
    awaited = UnicodeAttribute(null=True)
    """finalizing while it is under way, finalized while its source is there; then gone."""
    expires_at = UnicodeAttribute(null=True)
    """Since when; RFC 3339, UTC, with microseconds. The name is the index's."""
    by_end = _ByEnd()
    code = UnicodeAttribute(null=True)
    detail = UnicodeAttribute(null=True)
