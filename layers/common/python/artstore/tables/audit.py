"""The audit log, and what is on its way into it."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model


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
