"""What sweeps do to storage and to upload records, against moto's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest

from artstore.tables import UploadRecord, bind
from functions.maintenance.sweeps.records import SHARDS, SweptRecords
from functions.maintenance.sweeps.storage import SweptObjects
from functions.storage_events.records import UploadRecords
from tests.support.dynamodb import count_calls, create_tables

NOW = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


@pytest.fixture
def objects(s3: Any) -> SweptObjects:
    return SweptObjects(s3)


def put(s3: Any, key: str, body: bytes = b"x") -> str:
    etag: str = s3.put_object(Bucket="edit", Key=key, Body=body)["ETag"]
    return etag


def test_an_object_is_listed_in_the_order_of_keys_page_by_page(s3: Any, objects: SweptObjects) -> None:
    for key in ("b", "a/2", "a/1", "c"):
        put(s3, key)
    first = objects.page("edit", "", None, 3)
    assert [each.key for each in first] == ["a/1", "a/2", "b"]
    assert abs(first[0].modified - datetime.now(UTC)) < timedelta(minutes=1)
    assert [each.key for each in objects.page("edit", "", "b", 3)] == ["c"]
    assert [each.key for each in objects.page("edit", "a/", None, 3)] == ["a/1", "a/2"]
    assert objects.page("edit", "none/", None, 3) == []


def test_a_multipart_upload_is_ended_and_one_that_is_over_is_left_as_it_is(s3: Any, objects: SweptObjects) -> None:
    upload_id = s3.create_multipart_upload(Bucket="edit", Key="large")["UploadId"]
    objects.end_multipart("edit", "large", upload_id)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="edit")
    objects.end_multipart("edit", "large", upload_id)


@pytest.fixture
def table(aws: None) -> type[UploadRecord]:
    create_tables("moto")
    return bind(UploadRecord, "moto")


def record(table: type[UploadRecord], minutes: float, shard: str = "3", **changes: Any) -> UploadRecord:
    values: dict[str, Any] = {
        "element_id": "edit-01",
        "bucket": "edit",
        "key": "k",
        "original_filename": "a.pdf",
        "size": 1,
        "sha256": "ab" * 32,
        "content_type": "application/pdf",
        "retention_policy": "permanent",
        "created_at": "2026-11-21T06:00:00.000Z",
        "expires_at": (NOW + timedelta(minutes=minutes)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "created_by_id": "sa_anna",
        "created_by_username": "anna",
        "awaited": shard,
    }
    made: UploadRecord = table(str(uuid4()), **values | changes)
    made.save()
    return made


def test_awaited_uploads_are_found_by_their_end_page_by_page(table: type[UploadRecord]) -> None:
    made = [record(table, -minutes) for minutes in (3, 9, 3, 6)]
    record(table, 1)
    record(table, -1, shard="4")
    record(table, -1, awaited=None, status="STORED")
    record(table, -1, awaited="finalizing")
    records = SweptRecords("moto")
    found: list[tuple[str, str]] = []
    after = None
    while page := records.expired("3", NOW, after, 3):
        found += page
        after = page[-1]
    assert [moment for moment, _ in found] == sorted(moment for moment, _ in found)
    assert {file_id for _, file_id in found} == {each.file_id for each in made}
    assert len(found) == 4
    assert "3" in SHARDS
    with count_calls() as calls:
        assert records.expired("0", NOW, None, 100) == []
    assert calls == ["dynamodb.Query"]


def test_an_upload_expires_only_while_it_is_the_one_that_was_read(table: type[UploadRecord]) -> None:
    records = SweptRecords("moto")
    expired, renewed, stored = record(table, -9), record(table, -9), record(table, -9)
    read = [records.find(UUID(each.file_id)) for each in (expired, renewed, stored)]
    renewed.update(actions=[table.expires_at.set("2026-11-21T09:00:00.000Z")])
    UploadRecords("moto").mark_stored(stored, None, NOW)
    assert [records.mark_expired(each) for each in read if each is not None] == [True, False, False]
    found = [records.find(UUID(each.file_id)) for each in (expired, renewed, stored)]
    assert [(each.status, each.awaited) for each in found if each is not None] == [
        ("EXPIRED", None),
        ("PENDING", "3"),
        ("STORED", None),
    ]
    assert records.find(uuid4()) is None


def test_an_upload_with_parts_is_awaited_until_they_are_dropped(table: type[UploadRecord]) -> None:
    records = SweptRecords("moto")
    one, other = (record(table, -9, upload_id="m-1") for _ in range(2))
    read = [records.find(UUID(each.file_id)) for each in (one, other)]
    other.update(actions=[table.upload_id.set("m-2")])
    assert [records.mark_expired(each) for each in read if each is not None] == [True, False]
    found = records.find(UUID(one.file_id))
    assert found is not None
    assert (found.status, found.awaited, found.upload_id) == ("EXPIRED", "3", "m-1")
    assert records.await_no_more(found)
    found = records.find(UUID(one.file_id))
    assert found is not None
    assert found.status == "EXPIRED"
    assert found.awaited is None


def test_ingest_takes_an_upload_that_has_expired_and_awaits_it_no_more(table: type[UploadRecord]) -> None:
    one, other = record(table, -9), record(table, -9)
    records = SweptRecords("moto")
    assert records.mark_expired(one)
    assert UploadRecords("moto").mark_stored(one, "v1", NOW)
    assert UploadRecords("moto").mark_rejected(other, "size_mismatch")
    for each, status in ((one, "STORED"), (other, "REJECTED")):
        found = records.find(UUID(each.file_id))
        assert found is not None
        assert found.status == status
        assert found.awaited is None


def test_the_note_of_a_record_that_is_settled_is_corrected(table: type[UploadRecord]) -> None:
    records = SweptRecords("moto")
    settled, pending = record(table, -9, status="STORED"), record(table, -9)
    assert records.await_no_more(settled)
    assert not records.await_no_more(pending)
    found = boto3.client("dynamodb").get_item(TableName="moto-uploads", Key={"file_id": {"S": settled.file_id}})
    assert "awaited" not in found["Item"]
