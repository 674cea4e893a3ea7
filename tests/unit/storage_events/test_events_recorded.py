"""What is read out of each message in tests/events: the same few facts, whoever sends them."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.storage_events.events import EventKind, StorageEvent, parse_message

RECORDED = Path(__file__).parents[2] / "events"
FILES = sorted(RECORDED.glob("*.json"))
CREATED, REMOVED, RESTORED, OTHER = EventKind

Read = tuple[EventKind, str, str]
"""Kind, name and key of an event."""

_AWS = "2026/03/01/12/Отчёт + 1_anna_20260301T120000_6f1d7c1e-5a52-4f0e-9f0a-0c5a3f0d9b11.pdf"
_BRIDGE = "2026/03/01/12/Отчёт + 1%20.pdf"
_MINIO = "2026/03/01/12/Отчёт 1.pdf"
_HERE = "2026/03/01/Отчёт + 1 (a%b).pdf"
_ENCODED = "2026/03/01/%D0%9E%D1%82%D1%87%D1%91%D1%82%20%2B%201%20%28a%25b%29.pdf"
"""LocalStack sends keys to EventBridge encoded; S3 does not."""

AWS: dict[str, Read] = {
    "aws_object_created_put": (CREATED, "ObjectCreated:Put", _AWS),
    "aws_object_created_post": (CREATED, "ObjectCreated:Post", _AWS),
    "aws_object_created_copy": (CREATED, "ObjectCreated:Copy", _AWS),
    "aws_object_created_complete_multipart_upload": (CREATED, "ObjectCreated:CompleteMultipartUpload", _AWS),
    "aws_object_removed_delete": (REMOVED, "ObjectRemoved:Delete", _AWS),
    "aws_object_removed_delete_marker": (
        REMOVED,
        "ObjectRemoved:DeleteMarkerCreated",
        "2026/03/01/12/report.pdf.attr.json",
    ),
    "aws_lifecycle_expiration": (REMOVED, "LifecycleExpiration:Delete", "old.pdf"),
    "aws_lifecycle_expiration_delete_marker_created": (REMOVED, "LifecycleExpiration:DeleteMarkerCreated", _AWS),
    "aws_object_restore_post": (RESTORED, "ObjectRestore:Post", _AWS),
    "aws_object_restore_completed": (RESTORED, "ObjectRestore:Completed", _AWS),
    "aws_object_restore_delete": (RESTORED, "ObjectRestore:Delete", _AWS),
    "aws_object_tagging_put": (OTHER, "ObjectTagging:Put", _AWS),
    "aws_object_tagging_delete": (OTHER, "ObjectTagging:Delete", _AWS),
    "aws_object_acl_put": (OTHER, "ObjectAcl:Put", _AWS),
    "aws_lifecycle_transition": (OTHER, "LifecycleTransition", _AWS),
    "aws_intelligent_tiering": (OTHER, "IntelligentTiering", _AWS),
    "sns_object_created_put": (CREATED, "ObjectCreated:Put", _AWS),
}

EVENT_BRIDGE: dict[str, Read] = {
    "event_bridge_object_created_put": (CREATED, "ObjectCreated:Put", _BRIDGE),
    "event_bridge_object_created_post": (CREATED, "ObjectCreated:Post", _BRIDGE),
    "event_bridge_object_created_copy": (CREATED, "ObjectCreated:Copy", _BRIDGE),
    "event_bridge_object_created_complete_multipart_upload": (
        CREATED,
        "ObjectCreated:CompleteMultipartUpload",
        _BRIDGE,
    ),
    "event_bridge_object_deleted": (REMOVED, "ObjectRemoved:Delete", _BRIDGE),
    "event_bridge_object_deleted_marker": (REMOVED, "ObjectRemoved:DeleteMarkerCreated", _BRIDGE),
    "event_bridge_object_deleted_lifecycle": (REMOVED, "ObjectRemoved:Delete", _BRIDGE),
    "event_bridge_object_restore_initiated": (RESTORED, "ObjectRestore:Post", _BRIDGE),
    "event_bridge_object_restore_completed": (RESTORED, "ObjectRestore:Completed", _BRIDGE),
    "event_bridge_object_restore_expired": (RESTORED, "ObjectRestore:Delete", _BRIDGE),
    "event_bridge_object_tags_added": (OTHER, "ObjectTagging:Put", _BRIDGE),
    "event_bridge_object_tags_deleted": (OTHER, "ObjectTagging:Delete", _BRIDGE),
    "event_bridge_object_acl_updated": (OTHER, "ObjectAcl:Put", _BRIDGE),
    "event_bridge_object_storage_class_changed": (OTHER, "LifecycleTransition", _BRIDGE),
    "event_bridge_object_access_tier_changed": (OTHER, "IntelligentTiering", _BRIDGE),
}

MINIO: dict[str, Read] = {
    "minio_object_created_put": (CREATED, "ObjectCreated:Put", _MINIO),
    "minio_object_created_post": (CREATED, "ObjectCreated:Post", _MINIO),
    "minio_object_created_copy": (CREATED, "ObjectCreated:Copy", _MINIO),
    "minio_object_created_complete_multipart_upload": (CREATED, "ObjectCreated:CompleteMultipartUpload", _MINIO),
    "minio_object_created_put_tagging": (CREATED, "ObjectCreated:PutTagging", "note.txt"),
    "minio_object_created_delete_tagging": (CREATED, "ObjectCreated:DeleteTagging", _MINIO),
    "minio_object_created_put_retention": (CREATED, "ObjectCreated:PutRetention", _MINIO),
    "minio_object_created_put_legal_hold": (CREATED, "ObjectCreated:PutLegalHold", _MINIO),
    "minio_object_removed_delete": (REMOVED, "ObjectRemoved:Delete", _MINIO),
    "minio_object_removed_delete_marker_created": (REMOVED, "ObjectRemoved:DeleteMarkerCreated", _MINIO),
    "minio_object_removed_delete_all_versions": (REMOVED, "ObjectRemoved:DeleteAllVersions", _MINIO),
    "minio_object_removed_no_op": (REMOVED, "ObjectRemoved:NoOP", _MINIO),
    "minio_lifecycle_del_marker_expiration": (REMOVED, "LifecycleDelMarkerExpiration:Delete", _MINIO),
    "minio_object_restore_post": (RESTORED, "ObjectRestore:Post", _MINIO),
    "minio_object_restore_completed": (RESTORED, "ObjectRestore:Completed", _MINIO),
    "minio_object_transition_complete": (OTHER, "ObjectTransition:Complete", _MINIO),
    "minio_object_accessed_get": (OTHER, "ObjectAccessed:Get", _MINIO),
    "minio_replication_completed": (OTHER, "Replication:OperationCompletedReplication", _MINIO),
    "minio_scanner_many_versions": (OTHER, "Scanner:ManyVersions", _MINIO),
}

_HERE_TOO = {
    "object_created_put": (CREATED, "ObjectCreated:Put", _HERE),
    "object_created_post": (CREATED, "ObjectCreated:Post", "form.txt"),
    "object_created_copy": (CREATED, "ObjectCreated:Copy", "copy.pdf"),
    "object_created_complete_multipart_upload": (CREATED, "ObjectCreated:CompleteMultipartUpload", "parts.bin"),
    "object_removed_delete": (REMOVED, "ObjectRemoved:Delete", _HERE),
    "object_removed_delete_marker_created": (REMOVED, "ObjectRemoved:DeleteMarkerCreated", _HERE),
    "object_restore_post": (RESTORED, "ObjectRestore:Post", "cold.bin"),
    "object_restore_completed": (RESTORED, "ObjectRestore:Completed", "cold.bin"),
}
_BRIDGED_HERE = {
    "object_created_put": (CREATED, "ObjectCreated:Put", _HERE),
    "object_created_post": (CREATED, "ObjectCreated:Post", "form.txt"),
    "object_created_copy": (CREATED, "ObjectCreated:Copy", "copy.pdf"),
    "object_created_complete_multipart_upload": (CREATED, "ObjectCreated:CompleteMultipartUpload", "parts.bin"),
    "object_deleted_permanently": (REMOVED, "ObjectRemoved:Delete", _HERE),
    "object_deleted_marker": (REMOVED, "ObjectRemoved:DeleteMarkerCreated", _HERE),
    "object_restore_initiated": (RESTORED, "ObjectRestore:Post", "cold.bin"),
    "object_restore_completed": (RESTORED, "ObjectRestore:Completed", "cold.bin"),
}
LOCAL: dict[str, Read] = {
    **{f"ministack_{name}": read for name, read in _HERE_TOO.items()},
    **{f"localstack_{name}": read for name, read in _HERE_TOO.items()},
    "localstack_object_tagging_put": (OTHER, "ObjectTagging:Put", _HERE),
    "localstack_object_tagging_delete": (OTHER, "ObjectTagging:Delete", _HERE),
    **{f"ministack_event_bridge_{name}": read for name, read in _BRIDGED_HERE.items()},
    **{
        f"localstack_event_bridge_{name}": (kind, called, _ENCODED if key == _HERE else key)
        for name, (kind, called, key) in _BRIDGED_HERE.items()
    },
    "localstack_event_bridge_object_tags_added": (OTHER, "ObjectTagging:Put", _ENCODED),
    "localstack_event_bridge_object_tags_deleted": (OTHER, "ObjectTagging:Delete", _ENCODED),
}

_WRITTEN, _GONE = "ObjectCreated:Filer", "ObjectRemoved:Filer"
SEAWEEDFS: dict[str, Read] = {
    "seaweedfs_create": (CREATED, _WRITTEN, _HERE),
    "seaweedfs_create_from_parts": (CREATED, _WRITTEN, "parts.bin"),
    "seaweedfs_create_version": (CREATED, _WRITTEN, "docs/a.txt"),
    "seaweedfs_create_delete_marker": (REMOVED, _GONE, "docs/a.txt"),
    "seaweedfs_update": (CREATED, _WRITTEN, _HERE),
    "seaweedfs_update_tags": (CREATED, _WRITTEN, _HERE),
    "seaweedfs_update_legal_hold": (CREATED, _WRITTEN, "docs/a.txt"),
    "seaweedfs_update_latest_version": (CREATED, _WRITTEN, "docs/a.txt"),
    "seaweedfs_update_latest_version_deleted": (REMOVED, _GONE, "docs/a.txt"),
    "seaweedfs_delete": (REMOVED, _GONE, _HERE),
    "seaweedfs_delete_version": (REMOVED, _GONE, "docs/a.txt"),
}

ONE_EVENT = AWS | EVENT_BRIDGE | MINIO | LOCAL | SEAWEEDFS
NO_EVENT = {
    "aws_test_event",
    "ministack_test_event",
    "localstack_test_event",
    "seaweedfs_create_folder",
    "seaweedfs_create_versions_folder",
    "seaweedfs_create_part",
}
BUCKETS = {"minio": "documents", "ministack": "documents-recorded", "localstack": "documents-recorded"}


def read(name: str) -> tuple[StorageEvent, ...]:
    return parse_message((RECORDED / f"{name}.json").read_text("utf-8"))


def test_every_message_is_spoken_of() -> None:
    assert {each.stem for each in FILES} == set(ONE_EVENT) | NO_EVENT


@pytest.mark.parametrize("name", ONE_EVENT)
def test_a_message_tells_what_happened_where(name: str) -> None:
    [event] = read(name)
    assert (event.kind, event.name, event.key) == ONE_EVENT[name]
    if name.startswith("seaweedfs"):
        assert event.bucket == ("kept" if event.key.startswith("docs/") else "documents")
    else:
        assert event.bucket.startswith(BUCKETS.get(name.partition("_")[0], "artstore-"))


@pytest.mark.parametrize("name", sorted(NO_EVENT))
def test_what_concerns_no_object_holds_no_event(name: str) -> None:
    assert read(name) == ()


@pytest.mark.parametrize("name", [name for name in ONE_EVENT if not name.startswith("seaweedfs")])
def test_all_but_a_filer_tell_when(name: str) -> None:
    [event] = read(name)
    assert event.at is not None
    assert event.at.utcoffset() is not None


@pytest.mark.parametrize("name", SEAWEEDFS)
def test_a_filer_tells_no_time_that_can_be_trusted(name: str) -> None:
    [event] = read(name)
    assert event.at is None
