"""What Amazon EventBridge hands on of a bucket that notifies it (S3 User Guide, "EventBridge event message
structure").

Keys come as they are, not encoded (LocalStack encodes them). What happened is in ``detail-type`` and, for some, in
``reason`` or ``deletion-type``. The time is in whole seconds.
"""

from __future__ import annotations

from typing import Any

import msgspec

from functions.storage_events.events.contract import StorageEvent, UnknownMessage, kind_of, read_time

_SOURCE = "aws.s3"
_NAMES = {
    "Object Created": "ObjectCreated",
    "Object Deleted": "ObjectRemoved",
    "Object Restore Initiated": "ObjectRestore:Post",
    "Object Restore Completed": "ObjectRestore:Completed",
    "Object Restore Expired": "ObjectRestore:Delete",
    "Object Storage Class Changed": "LifecycleTransition",
    "Object Access Tier Changed": "IntelligentTiering",
    "Object ACL Updated": "ObjectAcl:Put",
    "Object Tags Added": "ObjectTagging:Put",
    "Object Tags Deleted": "ObjectTagging:Delete",
}
_REASONS = {
    "PutObject": "Put",
    "POST Object": "Post",
    "PostObject": "Post",
    "CopyObject": "Copy",
    "CompleteMultipartUpload": "CompleteMultipartUpload",
}
_DELETIONS = {"Permanently Deleted": "Delete", "Delete Marker Created": "DeleteMarkerCreated"}


class _Bucket(msgspec.Struct):
    name: str


class _Object(msgspec.Struct):
    key: str


class _Detail(msgspec.Struct, rename="kebab"):
    bucket: _Bucket
    object: _Object
    reason: str = ""
    deletion_type: str = ""


class _Event(msgspec.Struct, rename="kebab"):
    source: str
    detail_type: str
    detail: _Detail
    time: str = ""


def is_event_bridge(message: dict[str, Any]) -> bool:
    """Tell whether the message has the form of an EventBridge event."""
    return "detail-type" in message


def read_event(message: dict[str, Any]) -> StorageEvent:
    """Read the event. Raises UnknownMessage."""
    try:
        event = msgspec.convert(message, _Event)
    except msgspec.ValidationError as error:
        raise UnknownMessage(f"not an event of S3's: {error}") from error
    if event.source != _SOURCE:
        raise UnknownMessage(f"an event of {event.source!r}")
    name = _name(event)
    kind = kind_of(name)
    return StorageEvent(
        kind=kind,
        name=name,
        bucket=event.detail.bucket.name,
        key=event.detail.object.key,
        at=read_time(event.time, kind),
    )


def _name(event: _Event) -> str:
    """Give the name that the same event has in a notification; one that is new keeps the words it came with."""
    name = _NAMES.get(event.detail_type, event.detail_type)
    if name == "ObjectCreated":
        reason = event.detail.reason.rpartition(":")[2]  # LocalStack gives some the name of the notification
        return f"{name}:{_REASONS.get(reason, reason)}"
    if name == "ObjectRemoved":
        return f"{name}:{_DELETIONS.get(event.detail.deletion_type, event.detail.deletion_type)}"
    return name
