"""Notifications of S3 to a queue, and of what speaks like it.

AWS sends {"Records": [...]} (S3 User Guide, "Event message structure"). MinIO wraps the same in {"EventName",
"Key", "Records"}, prefixes event names with ``s3:``, escapes ``/`` in keys and leaves out the size when it is 0.
LocalStack and MiniStack follow AWS. Of eventVersion the first number changes when a reader has to; the second one
counts additions (2.0 to 2.6 so far), so every 2.x is read.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from functions.storage_events.events.contract import StorageEvent, UnknownMessage, kind_of, read_time

_SOURCES = ("aws:s3", "minio:s3")
_UNDERSTOOD = re.compile(r"2\.[0-9]+", re.ASCII)


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


def is_notification(message: dict[str, Any]) -> bool:
    """Tell whether the message has the form of one."""
    return "Records" in message


def is_test(message: dict[str, Any]) -> bool:
    """Tell whether S3 says that it was told to notify this queue: there is no event in that."""
    return message.get("Event") == "s3:TestEvent"


def read_notification(message: dict[str, Any]) -> tuple[StorageEvent, ...]:
    """Read the events of a notification. Raises UnknownMessage."""
    try:
        records = msgspec.convert(message, _Message).records
    except msgspec.ValidationError as error:
        raise UnknownMessage(f"not a storage notification: {error}") from error
    return tuple(_event(record) for record in records)


def _event(record: _Record) -> StorageEvent:
    if record.event_source not in _SOURCES:
        raise UnknownMessage(f"a notification of {record.event_source!r}")
    if not _UNDERSTOOD.fullmatch(record.event_version):
        raise UnknownMessage(f"event version {record.event_version!r}; 2.x is understood")
    name = record.event_name.removeprefix("s3:")
    kind = kind_of(name)
    return StorageEvent(
        kind=kind,
        name=name,
        bucket=record.s3.bucket.name,
        key=unquote_plus(record.s3.object.key),
        at=read_time(record.event_time, kind),
    )
