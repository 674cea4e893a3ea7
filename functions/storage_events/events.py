"""Notifications of S3 and of what speaks like it, read into one small form.

AWS sends {"Records": [...]} (S3 User Guide, "Event message structure"). MinIO wraps the same in {"EventName",
"Key", "Records"}, prefixes event names with ``s3:``, escapes ``/`` in keys and leaves out the size when it is 0.
LocalStack and MiniStack follow AWS. Events come at least once and in any order, so nothing here is trusted
to be new: whoever handles an event looks at the object as it is now.
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

import msgspec

_SOURCES = ("aws:s3", "minio:s3")


class UnknownMessage(ValueError):
    """The message is not a storage notification; trying it again changes nothing."""


class EventKind(enum.StrEnum):
    """What happened, as far as ArtStore cares."""

    CREATED = "created"
    REMOVED = "removed"
    OTHER = "other"


class StorageEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened to an object. ``key`` is decoded; ``at`` is UTC, None when the event does not tell."""

    kind: EventKind
    name: str
    bucket: str
    key: str
    at: datetime | None


class _Bucket(msgspec.Struct):
    name: str


class _Object(msgspec.Struct):
    key: str


class _S3(msgspec.Struct):
    bucket: _Bucket
    object: _Object


class _Record(msgspec.Struct, rename="camel"):
    event_version: str
    event_source: str
    event_name: str
    s3: _S3
    event_time: str = ""


class _Message(msgspec.Struct):
    records: list[_Record] = msgspec.field(name="Records")


def parse_message(body: str) -> tuple[StorageEvent, ...]:
    """Read the body of one queue message; ``s3:TestEvent``, sent when a notification is set up, holds no
    event.

    Raises UnknownMessage for anything that is not a notification of eventVersion 2.x.
    """
    try:
        message: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnknownMessage("not JSON") from error
    if isinstance(message, dict) and message.get("Event") == "s3:TestEvent":
        return ()
    try:
        records = msgspec.convert(message, _Message).records
    except msgspec.ValidationError as error:
        raise UnknownMessage(f"not a storage notification: {error}") from error
    return tuple(_event(record) for record in records)


def _event(record: _Record) -> StorageEvent:
    if record.event_source not in _SOURCES:
        raise UnknownMessage(f"a notification of {record.event_source!r}")
    if not record.event_version.startswith("2."):
        raise UnknownMessage(f"event version {record.event_version!r}; 2.x is understood")
    name = record.event_name.removeprefix("s3:")
    return StorageEvent(
        kind=_kind(name),
        name=name,
        bucket=record.s3.bucket.name,
        key=unquote_plus(record.s3.object.key),
        at=_time(record.event_time),
    )


def _kind(name: str) -> EventKind:
    if name.startswith("ObjectCreated:"):
        return EventKind.CREATED
    if name.startswith(("ObjectRemoved:", "LifecycleExpiration:")):
        return EventKind.REMOVED
    return EventKind.OTHER


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
