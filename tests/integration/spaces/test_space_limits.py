"""A space takes no more than its limits, whoever starts at once, and what comes to nothing is given back."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from artstore.aws.space_table import SpaceTable
from artstore.aws.upload_settling import settle
from artstore.errors import Conflict
from artstore.http import create_app
from artstore.index.postgres import PostgresIndex
from artstore.security import Principal, Scope
from artstore.tables import SpaceItem, UploadRecord, bind
from functions.storage_events.records import UploadRecords
from functions.upload import app as upload
from functions.upload import dependencies
from functions.upload.uploads.models import UploadRequest
from functions.upload.uploads.rules import SHA256_OF_NOTHING
from tests.fakes.documents import id_number, make_projection
from tests.support.dynamodb import count_calls, intercept, one_call_at_a_time
from tests.support.gateway import Answer, call
from tests.support.walk import PREFIX, walking

WRITER = Principal("sa_1", "robot", frozenset(map(str, Scope)), {"*": frozenset(map(str, Scope))})
SHA256 = hashlib.sha256(b"x").hexdigest()
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Space:
    """The space press, its limits, and uploads into it."""

    def __init__(self, index: PostgresIndex) -> None:
        self.index = index
        self.app = create_app("upload", upload.ENDPOINTS, lambda _token: WRITER)
        self.records = UploadRecords(PREFIX)

    def limit(self, **limits: Any) -> None:
        """Set the limits before anybody has remembered that there are none."""
        bind(SpaceItem, PREFIX)("press", **limits).save()

    def start(self, size: int = 1, key: str | None = None, **fields: Any) -> Answer:
        document = {
            "filename": "a.txt",
            "size": size,
            "sha256": SHA256 if size else SHA256_OF_NOTHING,
            "content_type": "text/plain",
            "space": "press",
        }
        headers = {} if key is None else {"Idempotency-Key": key}
        return call(self.app, "POST", "/api/v1/files", payload=document | fields, headers=headers, token="t")

    def started(self, size: int = 1, **fields: Any) -> UploadRecord:
        answer = self.start(size, **fields)
        assert answer.status == 201, answer.text
        return self.record(answer.json["file_id"])

    def record(self, file_id: str) -> UploadRecord:
        found = self.records.find(UUID(file_id))
        assert found is not None
        return found

    def reserved(self) -> tuple[int, int]:
        item = SpaceTable(PREFIX).find("press")
        assert item is not None
        return int(item.reserved_documents), int(item.reserved_bytes)

    def store(self, record: UploadRecord) -> None:
        """Do what ingest does: describe and index the document, then settle its record."""
        projection = make_projection(
            key=record.key, file_id=UUID(record.file_id), file_size=int(record.size), space="press"
        )
        self.index.project(projection)
        assert self.records.mark_stored(record, None, NOW)


@pytest.fixture
def space(
    aws: None, postgres_index: PostgresIndex, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Space]:
    with walking(postgres_index, database_url, monkeypatch):
        yield Space(postgres_index)


def refused(answer: Answer, limit: str) -> bool:
    return (answer.status, answer.json["code"]) == (409, "space_full") and limit in answer.json["detail"]


def test_a_space_takes_documents_up_to_its_limit(space: Space) -> None:
    space.limit(max_documents=2)
    space.started()
    space.started()
    assert refused(space.start(), "max_documents")
    assert space.reserved() == (2, 2)


def test_a_space_takes_bytes_up_to_its_limit_and_empty_files_beyond(space: Space) -> None:
    space.limit(max_bytes=10)
    space.started(6)
    assert refused(space.start(5), "max_bytes")
    space.started(4)
    space.started(0)
    assert space.reserved() == (3, 10)


def test_what_is_there_already_counts_whoever_put_it_there_and_so_does_the_trash(space: Space) -> None:
    space.index.project(make_projection(key="a", file_id=id_number(1), space="press", created_by_id="s3"))
    space.index.project(make_projection(key="b", file_id=id_number(2), space="press", deleted_at=NOW))
    space.index.project(make_projection(key="c", file_id=id_number(3), space="legal"))
    space.limit(max_documents=3)
    space.started()
    assert refused(space.start(), "max_documents")


def test_foreign_objects_are_never_refused(space: Space) -> None:
    space.limit(max_documents=1)
    for number in range(1, 4):
        space.index.project(make_projection(key=f"{number}", file_id=id_number(number), space="press"))
    assert refused(space.start(), "max_documents")


@pytest.mark.parametrize("how", ["rejected", "expired", "aborted"])
def test_what_comes_to_nothing_is_given_back_once(space: Space, how: str) -> None:
    space.limit(max_documents=1, max_bytes=100)
    record = space.started(70)
    table = bind(UploadRecord, PREFIX)

    def end() -> bool:
        seen = space.record(record.file_id)
        if how == "rejected":
            return space.records.mark_rejected(seen, "size_mismatch")
        return settle(PREFIX, seen, ("PENDING",), [table.status.set(how.upper())])

    assert refused(space.start(), "max_documents")
    assert end()
    assert not end()
    assert not settle(PREFIX, record, ("PENDING",), [table.status.set("EXPIRED")])  # as it was read before
    assert space.reserved() == (0, 0)
    space.started(100)


def test_what_is_stored_stays_counted_and_once(space: Space) -> None:
    space.limit(max_documents=2, max_bytes=100)
    record = space.started(60)
    space.store(record)
    assert space.reserved() == (0, 0)
    assert not space.records.mark_stored(space.record(record.file_id), None, NOW)
    assert refused(space.start(41), "max_bytes")
    space.started(40)
    assert refused(space.start(0), "max_documents")


def test_what_is_removed_for_good_is_given_back(space: Space) -> None:
    space.limit(max_documents=1)
    record = space.started()
    space.store(record)
    assert refused(space.start(), "max_documents")
    space.index.remove("edit", record.key, NOW)
    space.index.remove("edit", record.key, NOW)
    space.started()
    assert refused(space.start(), "max_documents")


def test_uploads_that_start_at_once_do_not_share_the_last_place(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_at_a_time = threading.Lock()  # moto's transactions are none where calls overlap

    def around(_service: str, _operation: str, ask: Callable[[], Any]) -> Any:
        with one_at_a_time:
            return ask()

    intercept(monkeypatch, around)
    space.limit(max_documents=5, max_bytes=50)
    wanted = UploadRequest(filename="a.txt", size=10, sha256=SHA256, space="press")

    def start(_: int) -> str:
        try:
            return dependencies.uploads().start(wanted, WRITER).upload.status
        except Conflict as refusal:
            return refusal.code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(start, range(16)))
    assert answers.count("PENDING") == 5
    assert set(answers) == {"PENDING", "space_full"}
    assert space.reserved() == (5, 50)


def test_a_reservation_that_ends_between_the_look_and_the_write_is_not_missed(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the index was asked, and before the reservation is written, one is stored and another begun."""
    space.limit(max_documents=2)
    record = space.started()
    usage = PostgresIndex.usage
    stored: list[UploadRecord] = []

    def looking(index: PostgresIndex, *arguments: Any) -> Any:
        found = usage(index, *arguments)
        if not stored:
            stored.append(record)
            space.store(record)
            space.started()
        return found

    monkeypatch.setattr(PostgresIndex, "usage", looking)
    answers = [space.start(), space.start()]
    assert all(refused(each, "max_documents") for each in answers)
    assert space.reserved() == (1, 1)


def test_a_batch_takes_what_there_is_room_for(space: Space) -> None:
    space.limit(max_documents=2)
    item = {"filename": "a.txt", "size": 1, "sha256": SHA256, "space": "press"}
    payload = {"items": [item, item, item, item | {"space": "legal"}]}
    with one_call_at_a_time():
        answer = call(space.app, "POST", "/api/v1/files/batch", payload=payload, token="t")
    assert sorted(each["status"] for each in answer.json["items"]) == [201, 201, 201, 409]
    assert answer.json["items"][3]["status"] == 201
    assert space.reserved() == (2, 2)


def test_a_request_that_is_repeated_takes_one_place(space: Space) -> None:
    space.limit(max_documents=1)
    first, again = space.start(key="k"), space.start(key="k")
    assert (first.status, again.status) == (201, 200)
    assert space.reserved() == (1, 1)


def test_an_upload_that_expired_is_permitted_again_only_where_there_is_room(space: Space) -> None:
    space.limit(max_documents=1)
    record = space.record(space.start(key="k").json["file_id"])
    table = bind(UploadRecord, PREFIX)
    assert settle(PREFIX, record, ("PENDING",), [table.status.set("EXPIRED")])
    space.started()
    assert refused(space.start(key="k"), "max_documents")
    url = f"/api/v1/files/{record.file_id}/upload/url"
    answer = call(space.app, "POST", url, "/api/v1/files/{file_id}/upload/url", token="t")
    assert refused(answer, "max_documents")
    assert space.reserved() == (1, 1)


@pytest.mark.parametrize(
    ("content_type", "status"), [("image/png", 201), ("TEXT/Plain; charset=utf-8", 201), ("text/html", 409)]
)
def test_a_space_takes_the_types_it_allows(space: Space, content_type: str, status: int) -> None:
    space.limit(allowed_types=["image/*", "text/plain"])
    answer = space.start(content_type=content_type)
    assert answer.status == status
    if status == 409:
        assert answer.json["code"] == "space_type_not_allowed"
        assert answer.json["detail"] == "the space takes no text/html, only image/*, text/plain"


def test_a_space_that_is_not_there_takes_nothing_even_from_who_reaches_every_one(space: Space) -> None:
    answer = space.start(space="nowhere")
    assert (answer.status, answer.json["code"]) == (404, "space_not_found")
    assert space.start(space="default").status == 201


def test_a_space_without_limits_costs_one_write_and_its_entry_is_remembered(space: Space) -> None:
    space.started()
    with count_calls() as calls:
        space.start()
    assert calls == ["dynamodb.PutItem"]
    space.limit(max_documents=0)
    space.started()  # within the ten seconds
