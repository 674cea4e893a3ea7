"""Events as each kind of storage tells them, to be read again by what reads messages."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

from functions.storage_events.events import EventKind, StorageEvent
from tests.fakes.memory_bucket import KEPT


def aws(event: StorageEvent) -> str:
    """As Amazon S3 tells a queue."""
    return json.dumps({"Records": [_record(event, "aws:s3", event.name, quote_plus(event.key, safe="/"))]})


def minio(event: StorageEvent) -> str:
    """As MinIO tells a webhook."""
    name = f"s3:{event.name}"
    record = _record(event, "minio:s3", name, quote_plus(event.key))
    return json.dumps({"EventName": name, "Key": f"{event.bucket}/{event.key}", "Records": [record]})


def event_bridge(event: StorageEvent) -> str:
    """As Amazon EventBridge hands it on: in whole seconds, the key as it is."""
    created = event.kind is EventKind.CREATED
    assert event.at is not None
    detail: dict[str, Any] = {"bucket": {"name": event.bucket}, "object": {"key": event.key}}
    detail |= {"reason": "PutObject"} if created else {"deletion-type": "Permanently Deleted"}
    return json.dumps(
        {
            "source": "aws.s3",
            "detail-type": "Object Created" if created else "Object Deleted",
            "time": f"{event.at:%Y-%m-%dT%H:%M:%SZ}",
            "detail": detail,
        }
    )


def filer(event: StorageEvent) -> str:
    """As SeaweedFS's filer tells a webhook, without a time; the directory of the versions tells where there are
    some."""
    path = f"/buckets/{event.bucket}/{event.key}"
    created = event.kind is EventKind.CREATED
    if event.bucket == KEPT:
        path += ".versions"
        extended = {"Seaweed-X-Amz-Latest-Version-Id": "MQ=="}
        extended |= {} if created else {"Seaweed-X-Amz-Latest-Version-Is-Delete-Marker": "dHJ1ZQ=="}
        entry = {"name": path.rpartition("/")[2], "is_directory": True, "extended": extended}
        change: dict[str, Any] = {"old_entry": entry | {"extended": None}, "new_entry": entry}
    else:
        entry = {"name": path.rpartition("/")[2]}
        change = {"new_entry": entry} if created else {"old_entry": entry}
    return json.dumps({"key": path, "event_type": "update", "message": change})


SOURCES = (aws, minio, event_bridge, filer)


def _record(event: StorageEvent, source: str, name: str, key: str) -> dict[str, Any]:
    assert event.at is not None
    return {
        "eventVersion": "2.0",
        "eventSource": source,
        "eventName": name,
        "eventTime": event.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "s3": {"bucket": {"name": event.bucket}, "object": {"key": key, "sequencer": "0055AED6DCD90281E5"}},
    }
