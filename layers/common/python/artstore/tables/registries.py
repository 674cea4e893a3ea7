"""Spaces, storage elements and retention schedules."""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.models import Model


class SpaceItem(Model):
    """A space of the registry, and what is reserved in it; see ``artstore.aws.space_table``."""

    space = UnicodeAttribute(hash_key=True)
    """Its name."""
    description = UnicodeAttribute(null=True)
    max_documents = NumberAttribute(null=True)
    max_bytes = NumberAttribute(null=True)
    allowed_types: ListAttribute[str] = ListAttribute(default=list)
    """Media types in lowercase, or families such as ``image/*``; none: any."""
    retention_schedule = UnicodeAttribute(null=True)
    """The schedule of documents that are uploaded without naming one."""
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


class ScheduleItem(Model):
    """A retention schedule; see ``artstore.schedules`` and ``artstore.aws.schedule_table``."""

    name = UnicodeAttribute(hash_key=True)
    period = UnicodeAttribute()
    """ISO 8601, such as P10Y."""
    trigger = UnicodeAttribute()
    """created, finalized, or attribute:NAME."""
    action = UnicodeAttribute()
    """review, delete or keep."""
    automatic = BooleanAttribute(default=False)
    description = UnicodeAttribute(null=True)
    revision = NumberAttribute(default=1)
    """+1 for each change; in quotes it is the ETag."""
    created_at = UnicodeAttribute()
    created_by = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    request_hash = UnicodeAttribute(null=True)
    """Who made the schedule, under which Idempotency-Key, and the SHA-256 of that request."""
