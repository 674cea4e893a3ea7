"""Jobs, and the documents of those that change many."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model


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
    cancelled_by_id = UnicodeAttribute(null=True)
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


class JobLockRecord(Model):
    """Which job of a kind runs, where there may be one, in the jobs table; see ``artstore.aws.job_locks``."""

    job_id = UnicodeAttribute(hash_key=True)
    """``lock#<kind>``, which is no job's."""
    holder = UnicodeAttribute()
    """The id of the job that took the lock last."""
