"""The DynamoDB tables, as pynamodb models whose names are resolved at run time.

A model is declared once, without a table; ``bind`` gives the class that speaks to the table of one deployment
(``{prefix}-accounts`` and so on), so that two deployments can share an account and a process.
"""

from __future__ import annotations

import functools
import types
from datetime import datetime
from typing import Any, TypeVar, cast

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model

from artstore.aws.dynamodb import LIMITS, OneConnection, hold_plainly

_Model = TypeVar("_Model", bound=Model)


class AccountSecret(MapAttribute[str, Any]):
    """One client secret of a service account: what is kept of it is a hash."""

    hash = UnicodeAttribute()
    """bcrypt."""
    created_at = UnicodeAttribute()
    """RFC 3339, UTC."""
    expires_at = UnicodeAttribute(null=True)
    """RFC 3339, UTC; none for a secret made before secrets expired, which holds until it is rotated."""
    fingerprint = UnicodeAttribute(null=True)
    """32 of the secret's 256 bits, see ``functions.auth.secrets``; none for one that may have fewer."""

    def __init__(self, **attributes: Any) -> None:
        """Take the attributes by name; typed here, since pynamodb's own is not."""
        untyped: Any = super().__init__
        untyped(**attributes)

    def is_usable(self, now: float) -> bool:
        """Tell whether the secret holds at ``now`` (seconds since 1970)."""
        return self.expires_at is None or now < datetime.fromisoformat(self.expires_at).timestamp()


class ServiceAccount(Model):
    """A service account: who may ask for tokens, with which secrets and which role.

    Attributes named ``rate_<minute>`` are counters of the token endpoint and no part of the model. A change is
    made by an update on condition of the ``revision`` that was read, never by replacing the item, so that the
    counters stay and no change is lost.
    """

    client_id = UnicodeAttribute(hash_key=True)
    username = UnicodeAttribute()
    """The account's name, as tokens and documents show it."""
    description = UnicodeAttribute(null=True)
    role = UnicodeAttribute()
    scopes: ListAttribute[str] = ListAttribute(null=True)
    """The scopes that the account may ask for, all of them its role's; none stored: all of the role's."""
    spaces = JSONAttribute(null=True)
    """The spaces it may ask for, each with its document scopes there, null for all that the account has; ``*`` is
    every space. None stored: the default space, with all of them."""
    status = UnicodeAttribute(default="ACTIVE")
    """ACTIVE, SUSPENDED or DELETED."""
    is_system = BooleanAttribute(default=False)
    """True for the first administrator, which cannot be deleted, demoted or suspended."""
    secrets: ListAttribute[AccountSecret] = ListAttribute(of=AccountSecret, default=list)
    """At most two, the newest last; two while a rotation overlaps."""
    secret_hashes: ListAttribute[str] = ListAttribute(null=True)
    """Where the first version kept its bcrypt hashes; read by ``known_secrets``, gone with the next rotation."""
    jwks = JSONAttribute(null=True)
    """Public keys for private_key_jwt, a JWK Set (RFC 7517 §5)."""
    rate_limit_per_minute = NumberAttribute(null=True)
    """Token requests a minute; none stored: the deployment's default."""
    revision = NumberAttribute(default=1)
    """+1 for each change; the ETag is the number in quotes."""
    created_at = UnicodeAttribute()
    """RFC 3339, UTC, as all times here."""
    created_by = UnicodeAttribute(null=True)
    """client_id of the administrator who made the account."""
    updated_at = UnicodeAttribute(null=True)
    deleted_at = UnicodeAttribute(null=True)
    status_before_deletion = UnicodeAttribute(null=True)
    """What a restored account becomes again."""
    request_hash = UnicodeAttribute(null=True)
    """SHA-256 of the request that made the account, when it carried an Idempotency-Key."""
    warned_secret = UnicodeAttribute(null=True)
    """created_at of the secret of whose end an operator has been warned."""

    def known_secrets(self) -> list[AccountSecret]:
        """Give the secrets, oldest first, those of the first version among them."""
        first_version = [AccountSecret(hash=each, created_at=self.created_at) for each in self.secret_hashes or []]
        return [*first_version, *self.secrets]

    def usable_secrets(self, now: float) -> list[AccountSecret]:
        """Give the secrets that hold at ``now`` (seconds since 1970), oldest first."""
        return [each for each in self.known_secrets() if each.is_usable(now)]

    def usable_hashes(self, now: float) -> list[str]:
        """Give the bcrypt hashes of those."""
        return [each.hash for each in self.usable_secrets(now)]


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


class BulkPageRecord(Model):
    """Some of the documents of a job that changes many, and their results, in the table of the jobs; see
    ``artstore.aws.bulk_table``."""

    job_id = UnicodeAttribute(hash_key=True)
    """``<job_id>#<number of the page, from 0, in 6 digits>``, which is no job's."""
    ids = UnicodeAttribute()
    """JSON, as ``results``."""
    results = UnicodeAttribute()
    expires_at_epoch = NumberAttribute()
    """When DynamoDB may drop it: seconds since 1970, after the job itself."""


class SigningKeyRecord(Model):
    """The public half of a signing key: what a verifying function reads."""

    issuer = UnicodeAttribute(hash_key=True)
    kid = UnicodeAttribute(range_key=True)
    jwk = JSONAttribute()
    """Public JWK (RFC 7517 §4)."""
    created_at = UnicodeAttribute()
    state = UnicodeAttribute(null=True)
    """next, active or retired; without it active. Verifiers need not look: each of them verifies."""
    published_at = UnicodeAttribute(null=True)
    activated_at = UnicodeAttribute(null=True)
    retired_at = UnicodeAttribute(null=True)
    expires_at_epoch = NumberAttribute(null=True)
    """When the key verifies no longer, and DynamoDB may drop it: epoch seconds. None while it may yet sign."""


class KeyRotationRecord(Model):
    """One rotation in the history, in the table of the public keys."""

    issuer = UnicodeAttribute(hash_key=True)
    """Always ``#rotations``, which no issuer can be."""
    kid = UnicodeAttribute(range_key=True)
    """``<RFC 3339 time of the rotation>#<kid of the key it activated>``."""
    rotated_at = UnicodeAttribute()
    retired = UnicodeAttribute()
    activated = UnicodeAttribute()
    published = UnicodeAttribute()
    actor = UnicodeAttribute()


class KeyRotationLock(Model):
    """Who may rotate now, in the table of the public keys."""

    issuer = UnicodeAttribute(hash_key=True)
    """Always ``#lock``."""
    kid = UnicodeAttribute(range_key=True)
    """Always ``#ring``."""
    holder = UnicodeAttribute()
    held_until = NumberAttribute()
    """Epoch seconds."""


class _ByExpiry(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by-expiry"
        projection = IncludeProjection(["not_before", "before_revision"])

    partition = UnicodeAttribute(hash_key=True)
    expires_at_epoch = NumberAttribute(range_key=True)


class Revocation(Model):
    """An entry of ``artstore.security.revocations``: a token, or all that a client was issued before a moment."""

    partition = UnicodeAttribute(hash_key=True)
    """Always ``revoked``."""
    id = UnicodeAttribute(range_key=True)
    """``<epoch milliseconds, 13 digits>#jti#<jti>`` or ``...#client#<client_id>``: in the order of writing."""
    jti = UnicodeAttribute(null=True)
    client_id = UnicodeAttribute(null=True)
    not_before = NumberAttribute(null=True)
    """Epoch seconds; the client's tokens with an earlier ``iat`` are revoked."""
    before_revision = NumberAttribute(null=True)
    """The client's tokens from an earlier revision of its account are revoked; decides where a token names one."""
    expires_at_epoch = NumberAttribute()
    """When DynamoDB may drop the entry: epoch seconds, after the last token it forbids has expired."""
    by_expiry = _ByExpiry()


class Attempt(Model):
    """A counter of attempts to authenticate, or an assertion that was used; ends by itself."""

    attempt_id = UnicodeAttribute(hash_key=True)
    attempts = NumberAttribute(null=True)
    """Failures. Those from an address are counted by client too, in attributes ``client_<digest>``."""
    expires_at_epoch = NumberAttribute()
    """When DynamoDB may drop it: seconds since 1970."""


class _ByActor(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by-actor"
        projection = AllProjection()

    actor = UnicodeAttribute(hash_key=True)
    moment = UnicodeAttribute(range_key=True)


class _ByObject(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by-object"
        projection = AllProjection()

    object_ = UnicodeAttribute(hash_key=True, attr_name="object")
    moment = UnicodeAttribute(range_key=True)


class _ByTime(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by-time"
        projection = AllProjection()

    log = UnicodeAttribute(hash_key=True)
    moment = UnicodeAttribute(range_key=True)


class AuditRecord(Model):
    """An entry of the audit log in its place in the chain; see ``artstore.audit.AuditEntry``."""

    log = UnicodeAttribute(hash_key=True)
    seq = NumberAttribute(range_key=True)
    moment = UnicodeAttribute()
    """The time, ``#`` and ``seq`` in 12 digits: sorts as time does, and no two are equal."""
    action = UnicodeAttribute()
    actor = UnicodeAttribute()
    object_ = UnicodeAttribute(attr_name="object")
    outcome = UnicodeAttribute()
    source_ip = UnicodeAttribute()
    request_id = UnicodeAttribute()
    before = UnicodeAttribute(null=True)
    """JSON text, as ``after``."""
    after = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    prev_hash = UnicodeAttribute()
    hash = UnicodeAttribute()
    by_actor = _ByActor()
    by_object = _ByObject()
    by_time = _ByTime()


class WaitingEvent(Model):
    """An event on its way into the audit log; see ``artstore.aws.audit_outbox``."""

    partition = UnicodeAttribute(hash_key=True)
    """Always ``waiting``."""
    id = UnicodeAttribute(range_key=True)
    """``<epoch milliseconds, 13 digits>#<uuid>``: in the order of writing."""
    event = UnicodeAttribute()
    """JSON of the AuditEvent."""


class SpaceItem(Model):
    """A space of the registry, and what is reserved in it; see ``artstore.aws.space_table``."""

    space = UnicodeAttribute(hash_key=True)
    """Its name."""
    description = UnicodeAttribute(null=True)
    max_documents = NumberAttribute(null=True)
    max_bytes = NumberAttribute(null=True)
    allowed_types: ListAttribute[str] = ListAttribute(default=list)
    """Media types in lowercase, or families such as ``image/*``; none: any."""
    revision = NumberAttribute(default=1)
    """+1 for each change of what is above; in quotes it is the ETag."""
    created_at = UnicodeAttribute(null=True)
    created_by = UnicodeAttribute(null=True)
    updated_at = UnicodeAttribute(null=True)
    request_hash = UnicodeAttribute(null=True)
    """SHA-256 of the request that made the space, when it carried an Idempotency-Key."""
    reserved_documents = NumberAttribute(default=0)
    """Uploads that were started while the space had limits and are not over."""
    reserved_bytes = NumberAttribute(default=0)
    released = NumberAttribute(default=0)
    """+1 for each reservation that ended."""


class ElementItem(Model):
    """Something that is known of a storage element; see ``artstore.aws.element_table``."""

    part = UnicodeAttribute(hash_key=True)
    """definition, usage or health."""
    element_id = UnicodeAttribute(range_key=True)
    definition = UnicodeAttribute(null=True)
    """JSON of the Definition."""
    revision = NumberAttribute(null=True)
    used_bytes = NumberAttribute(null=True)
    file_count = NumberAttribute(null=True)
    counted_at = UnicodeAttribute(null=True)
    beyond_bytes = NumberAttribute(null=True)
    reconciled_at = UnicodeAttribute(null=True)
    failures = NumberAttribute(null=True)
    skipped_until = NumberAttribute(null=True)
    """Epoch seconds."""
    reason = UnicodeAttribute(null=True)
    changed_at = UnicodeAttribute(null=True)


class _ByDue(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by-due"
        projection = KeysOnlyProjection()

    due = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


_LISTED = [
    "status",
    "kind",
    "state",
    "priority",
    "attempts",
    "error",
    "object",
    "space",
    "created_by_id",
    "created_at",
    "updated_at",
    "finished_at",
]
"""What lists of jobs show."""


class _ByKind(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by-kind"
        projection = IncludeProjection([each for each in _LISTED if each not in ("kind", "created_at")])

    kind = UnicodeAttribute(hash_key=True)
    created_at = UnicodeAttribute(range_key=True)


class _ByStatus(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by-status"
        projection = IncludeProjection([each for each in _LISTED if each not in ("status", "created_at")])

    status = UnicodeAttribute(hash_key=True)
    created_at = UnicodeAttribute(range_key=True)


class JobRecord(Model):
    """A job; see ``artstore.jobs.Job``. JSON members are text, times RFC 3339 with microseconds, UTC."""

    job_id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute()
    status = UnicodeAttribute()
    state = UnicodeAttribute(null=True)
    priority = UnicodeAttribute()
    attempts = NumberAttribute(default=0)
    request = UnicodeAttribute()
    progress = UnicodeAttribute(null=True)
    result = UnicodeAttribute(null=True)
    error = UnicodeAttribute(null=True)
    object_ = UnicodeAttribute(null=True, attr_name="object")
    space = UnicodeAttribute(null=True)
    created_by_id = UnicodeAttribute()
    source_ip = UnicodeAttribute(null=True)
    request_id = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    finished_at = UnicodeAttribute(null=True)
    lease_until = UnicodeAttribute(null=True)
    revision = NumberAttribute()
    """+1 for each save, every one of which is on condition of the one that was read."""
    due = UnicodeAttribute(null=True)
    """The priority, as long as there is something to do; gone once the job is over."""
    due_at = UnicodeAttribute(null=True)
    expires_at_epoch = NumberAttribute(null=True)
    """When DynamoDB may drop it: seconds since 1970, 90 days after its end. None before."""
    by_due = _ByDue()
    by_kind = _ByKind()
    by_status = _ByStatus()


_TABLES: dict[type[Model], str] = {
    Attempt: "attempts",
    AuditRecord: "audit",
    ElementItem: "elements",
    SpaceItem: "spaces",
    JobRecord: "jobs",
    ServiceAccount: "accounts",
    UploadRecord: "uploads",
    Succession: "uploads",
    BulkPageRecord: "jobs",
    FinalizationRecord: "uploads",
    SigningKeyRecord: "signing-keys",
    KeyRotationRecord: "signing-keys",
    KeyRotationLock: "signing-keys",
    Revocation: "revocations",
    WaitingEvent: "audit-outbox",
}


@functools.cache
def bind(model: type[_Model], prefix: str) -> type[_Model]:
    """Give the class of ``model`` that speaks to the table of the deployment ``prefix``."""
    meta: dict[str, Any] = {"table_name": f"{prefix}-{_TABLES[model]}", "prefix": prefix, **LIMITS}
    body = {"Meta": type("Meta", (), meta), "__module__": __name__}
    bound = types.new_class(model.__name__, (OneConnection, model), exec_body=lambda space: space.update(body))
    hold_plainly(bound)
    return cast(type[_Model], bound)
