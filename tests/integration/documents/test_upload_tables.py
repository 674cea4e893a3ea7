"""The write side against DynamoDB."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from moto import mock_aws
from pynamodb.connection import Connection, TableConnection
from pynamodb.exceptions import CancellationReason, TransactWriteError, VerboseClientError

from artstore.errors import Unavailable
from artstore.http import create_app
from artstore.http.app import ArtStoreApp
from artstore.security import Principal, Scope
from functions.upload import app as upload
from functions.upload import dependencies
from functions.upload.uploads.placing import await_until
from functions.upload.uploads.records import Expects, Seen, UploadRecords, Write, Wrote
from tests.fakes.memory_index import MemoryIndex
from tests.support.dynamodb import count_calls, create_tables, intercept, one_call_at_a_time
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
        "ARTSTORE_CURSOR_KEY_SECRET_ID": "cursor-key",
        "ARTSTORE_STORAGE_ELEMENTS": '[{"element_id":"rw-01","bucket":"rw-b","mode":"rw"}]',
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    caller = Principal("sa_1", "robot", frozenset(Scope))
    with mock_aws(), one_call_at_a_time():
        create_tables("moto")
        forget()
        monkeypatch.setattr(dependencies, "index", MemoryIndex)
        yield create_app("moto-upload", upload.ENDPOINTS, lambda _token: caller)
    forget()


def forget() -> None:
    for each in vars(dependencies).values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()


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
    assert records.write([Write(record, Expects.NOTHING)]) == [Wrote.REFUSED]


def test_a_record_whose_upload_is_over_is_not_renewed(app: ArtStoreApp) -> None:
    records = UploadRecords("moto")
    file_id = UUID(repeat(app).json["file_id"])
    awaited, settled = records.find(file_id), records.find(file_id)
    assert awaited is not None
    assert settled is not None
    renewal = Write(awaited, Expects.AWAITED)
    assert records.write([renewal]) == [Wrote.DONE]
    settled.status = "STORED"
    settled.save()
    assert records.write([renewal]) == [Wrote.REFUSED]
    answer = repeat(app)
    assert (answer.status, answer.json["status"], answer.json["upload"]) == (200, "STORED", None)


def test_a_record_that_was_found_expired_since_it_was_read_is_not_renewed(app: ArtStoreApp) -> None:
    """Its multipart upload is about to be ended."""
    records = UploadRecords("moto")
    file_id = UUID(repeat(app).json["file_id"])
    record = records.find(file_id)
    assert record is not None
    record.upload_id = "m-1"
    record.save()
    seen, settled = Seen.of(record), records.find(file_id)
    assert settled is not None
    settled.status = "EXPIRED"
    settled.save()
    assert records.write([Write(record, Expects.AWAITED, seen=seen)]) == [Wrote.REFUSED]
    seen = Seen.of(settled)
    await_until(settled, datetime.fromisoformat(settled.expires_at))
    assert records.write([Write(settled, Expects.AWAITED, seen=seen)]) == [Wrote.DONE]
    renewed = records.find(file_id)
    assert renewed is not None
    assert renewed.status == "PENDING"
    assert renewed.upload_id is None


def batch(app: ArtStoreApp, count: int, key: str | None = None, **members: object) -> Any:
    items = [DOCUMENT | {"filename": f"{number}.pdf"} | members for number in range(count)]
    headers = {} if key is None else {"Idempotency-Key": key}
    return call(app, "POST", "/api/v1/files/batch", payload={"items": items}, token="t", headers=headers)


def ids(answer: Any) -> list[UUID]:
    return [UUID(each["started"]["file_id"]) for each in answer.json["items"]]


def test_a_hundred_without_a_key_are_four_calls(app: ArtStoreApp) -> None:
    start(app)
    with count_calls() as calls:
        answer = batch(app, 100)
    assert calls == ["dynamodb.BatchWriteItem"] * 4
    assert len(UploadRecords("moto").find_many(ids(answer))) == 100


def test_a_hundred_under_a_key_are_one_look_and_two_transactions(app: ArtStoreApp) -> None:
    start(app)
    with count_calls() as calls:
        answer = batch(app, 100, "k")
    assert calls == ["dynamodb.BatchGetItem", *["dynamodb.TransactWriteItems"] * 2]
    with count_calls() as calls:
        again = batch(app, 100, "k")
    assert calls == ["dynamodb.BatchGetItem", *["dynamodb.TransactWriteItems"] * 2]
    assert ids(answer) == ids(again)
    assert {each["status"] for each in again.json["items"]} == {200}


def test_a_repeated_batch_does_not_forget_what_is_stored(app: ArtStoreApp) -> None:
    records = UploadRecords("moto")
    first, *_ = ids(batch(app, 3, "k"))
    stored = records.find(first)
    assert stored is not None
    stored.status = "STORED"
    stored.save()
    items = batch(app, 3, "k").json["items"]
    assert [each["started"]["status"] for each in items] == ["STORED", "PENDING", "PENDING"]
    kept = records.find(first)
    assert kept is not None
    assert kept.status == "STORED"


def test_what_is_in_the_way_of_one_is_not_in_the_way_of_the_others(app: ArtStoreApp) -> None:
    records = UploadRecords("moto")
    settled, awaited, missing = (records.find(each) or records.new(each) for each in ids(batch(app, 3, "k")))
    settled.status = "STORED"
    settled.save()
    missing.delete()
    writes = [Write(each, Expects.AWAITED) for each in (settled, awaited, missing)]
    assert records.write(writes) == [Wrote.REFUSED, Wrote.DONE, Wrote.REFUSED]


@pytest.mark.parametrize("expects", [Expects.ANYTHING, Expects.NOTHING])
def test_the_first_records_are_on_their_way_while_the_next_are_made(
    app: ArtStoreApp, monkeypatch: pytest.MonkeyPatch, expects: Expects
) -> None:
    records = UploadRecords("moto")
    made = records.find(ids(batch(app, 2))[0])
    assert made is not None
    under_way = threading.Event()

    def noticed(_service: str, _operation: str, call: Callable[[], Any]) -> Any:
        under_way.set()
        return call()

    intercept(monkeypatch, noticed)

    def writes() -> Iterator[Write]:
        for number in range(70):
            if number == 60:
                assert under_way.wait(10)
            record = copy.deepcopy(made)
            record.file_id = str(uuid4())
            yield Write(record, expects)

    assert records.write(writes()) == [Wrote.DONE] * 70


def test_a_transaction_that_meets_another_is_tried_again(
    app: ArtStoreApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Connection.transact_write_items
    asked: list[int] = []

    def transact_write_items(self: Connection, *arguments: Any) -> Any:
        asked.append(len(arguments[2]))
        if len(asked) > 1:
            return given(self, *arguments)
        error = {"Error": {"Code": "TransactionCanceledException", "Message": ""}}
        reasons = [None, CancellationReason("TransactionConflict"), None]
        cancelled = VerboseClientError(error, "TransactWriteItems", cancellation_reasons=reasons)
        raise TransactWriteError("cancelled", cancelled)

    monkeypatch.setattr(Connection, "transact_write_items", transact_write_items)
    answer = batch(app, 3, "k")
    assert asked == [3, 3]
    assert len(UploadRecords("moto").find_many(ids(answer))) == 3


def test_a_record_and_its_hold_are_written_together_or_not_at_all(app: ArtStoreApp) -> None:
    records = UploadRecords("moto")
    made = [records.find(each) for each in ids(batch(app, 3))]
    first, rival, bystander = (copy.deepcopy(each) for each in made if each is not None)
    for each in (first, rival, bystander):
        each.file_id = str(uuid4())
    first.supersedes = rival.supersedes = str(UUID(int=1))
    assert records.write([Write(first, Expects.NOTHING)]) == [Wrote.DONE]
    writes = [Write(rival, Expects.NOTHING), Write(bystander, Expects.NOTHING)]
    assert records.write(writes) == [Wrote.HELD, Wrote.DONE]
    assert records.find(UUID(rival.file_id)) is None
    holder = records.holder(UUID(int=1))
    assert holder is not None
    assert holder.successor == first.file_id


def test_what_the_table_did_not_take_at_once_is_tried_again(
    app: ArtStoreApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = TableConnection.batch_write_item
    asked: list[int] = []

    def batch_write_item(self: TableConnection, put_items: list[Any]) -> Any:
        asked.append(len(put_items))
        given(self, put_items=put_items[:10])
        left = [{"PutRequest": {"Item": each}} for each in put_items[10:]]
        return {"UnprocessedItems": {"moto-uploads": left} if left else {}}

    monkeypatch.setattr(TableConnection, "batch_write_item", batch_write_item)
    answer = batch(app, 25)
    assert asked == [25, 15, 5]
    assert len(UploadRecords("moto").find_many(ids(answer))) == 25


def test_what_the_table_never_took_is_told_of_each(app: ArtStoreApp, monkeypatch: pytest.MonkeyPatch) -> None:
    given = TableConnection.batch_write_item

    def batch_write_item(self: TableConnection, put_items: list[Any]) -> Any:
        given(self, put_items=put_items[:-1]) if len(put_items) > 1 else None
        return {"UnprocessedItems": {"moto-uploads": [{"PutRequest": {"Item": put_items[-1]}}]}}

    monkeypatch.setattr(TableConnection, "batch_write_item", batch_write_item)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    items = batch(app, 3).json["items"]
    assert [each["status"] for each in items] == [201, 201, 503]
    assert "started" not in items[2]


def test_own_uploads_come_newest_first_and_go_on_after_one(app: ArtStoreApp) -> None:
    records = UploadRecords("moto")
    for second in range(5):
        record = records.find(UUID(start(app).json["file_id"]))
        assert record is not None
        record.created_at = f"2026-03-01T12:00:0{second}.000Z"
        record.save()
    other = records.find(UUID(start(app).json["file_id"]))
    assert other is not None
    other.created_by_id = "sa_2"
    other.save()
    found = list(records.of_owner("sa_1", None, 2))
    assert [each.created_at[18] for each in found] == [*"43210"]
    assert (found[0].status, found[0].kind) == ("PENDING", "put")
    third = found[2]
    rest = records.of_owner("sa_1", (third.created_at, UUID(third.file_id)), 2)
    assert [each.created_at[18] for each in rest] == [*"10"]
