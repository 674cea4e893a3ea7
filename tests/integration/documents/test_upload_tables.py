"""The write side against DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from moto import mock_aws

from artstore.errors import Unavailable
from artstore.http import create_app
from artstore.http.app import ArtStoreApp
from artstore.security import Principal, Scope
from functions.upload import app as upload
from functions.upload import dependencies
from functions.upload.uploads.records import UploadRecords
from tests.support.dynamodb import count_calls, create_tables
from tests.support.gateway import call

DOCUMENT: dict[str, Any] = {
    "filename": "Отчёт.pdf",
    "size": 3,
    "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "tags": ["a"],
    "custom_attributes": {"depth": {"of": ["things", 1, None, 1.5]}},
}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArtStoreApp]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "ARTSTORE_PREFIX": "moto",
        "ARTSTORE_ISSUER": "https://archive.example/v1",
        "ARTSTORE_DATABASE_URL": "postgresql://",
        "ARTSTORE_INGEST_FUNCTION": "moto-storage-events",
        "ARTSTORE_STORAGE_ELEMENTS": '[{"element_id":"rw-01","bucket":"rw-b","mode":"rw"}]',
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    caller = Principal("sa_1", "robot", frozenset(Scope))
    with mock_aws():
        create_tables("moto")
        dependencies.uploads.cache_clear()
        yield create_app("moto-upload", upload.ENDPOINTS, lambda _token: caller)
    dependencies.uploads.cache_clear()


def start(app: ArtStoreApp) -> Any:
    return call(app, "POST", "/api/v1/files", payload=DOCUMENT, token="t")


def test_a_started_upload_costs_one_call_to_dynamodb_and_none_to_s3(app: ArtStoreApp) -> None:
    start(app)
    with count_calls() as calls:
        assert start(app).status == 201
    assert calls == ["dynamodb.PutItem"]


def test_the_record_comes_back_as_it_was_written(app: ArtStoreApp) -> None:
    file_id = UUID(start(app).json["file_id"])
    record = UploadRecords("moto").find(file_id)
    assert record is not None
    assert record.original_filename == "Отчёт.pdf"
    assert record.custom_attributes == DOCUMENT["custom_attributes"]
    assert (record.status, list(record.tags)) == ("PENDING", ["a"])
    assert record.reason is None


def test_a_table_that_is_not_there_is_unavailable(app: ArtStoreApp) -> None:
    assert start(app).status == 201
    with pytest.raises(Unavailable):
        UploadRecords("elsewhere").find(UUID(int=1))


def repeat(app: ArtStoreApp, **changes: object) -> Any:
    return call(
        app,
        "POST",
        "/api/v1/files",
        payload=DOCUMENT | changes,
        token="t",
        headers={"Idempotency-Key": "k"},
    )


def test_a_repeated_request_meets_the_record_of_the_first(app: ArtStoreApp) -> None:
    first, again = repeat(app), repeat(app)
    assert (first.status, again.status) == (201, 200)
    assert first.json["file_id"] == again.json["file_id"]
    assert repeat(app, filename="another.pdf").json["code"] == "idempotency_key_reused"
    record = UploadRecords("moto").find(UUID(first.json["file_id"]))
    assert record is not None
    assert record.expires_at_epoch is None


def test_of_two_records_of_one_id_the_table_takes_one(app: ArtStoreApp) -> None:
    records = UploadRecords("moto")
    record = records.find(UUID(repeat(app).json["file_id"]))
    assert record is not None
    assert records.add(record) is False


def test_a_record_whose_upload_is_over_is_not_renewed(app: ArtStoreApp) -> None:
    records = UploadRecords("moto")
    file_id = UUID(repeat(app).json["file_id"])
    awaited, settled = records.find(file_id), records.find(file_id)
    assert awaited is not None
    assert settled is not None
    assert records.renew(awaited) is True
    settled.status = "STORED"
    settled.save()
    assert records.renew(awaited) is False
    answer = repeat(app)
    assert (answer.status, answer.json["status"], answer.json["upload"]) == (200, "STORED", None)
