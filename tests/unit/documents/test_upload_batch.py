"""Up to a hundred uploads in one request, each with an outcome of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from artstore.errors import Unavailable
from functions.upload.uploads.rules import SHA256_OF_NOTHING
from tests.fakes.documents import make_projection
from tests.support.uploading import Clock, UploadWorld, document

NOW = datetime(2026, 11, 21, 7, 5, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def world(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> UploadWorld:
    return UploadWorld(clock, monkeypatch)


def started(items: list[dict[str, Any]]) -> list[str]:
    return [each["started"]["file_id"] for each in items]


def test_each_item_is_answered_in_its_place(world: UploadWorld) -> None:
    empty = document(filename="c.pdf", size=0, sha256=SHA256_OF_NOTHING)
    answer = world.batch([document(filename="a.pdf"), document(sha256="x"), empty])
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    first, wrong, last = answer.json["items"]
    assert [each["status"] for each in (first, wrong, last)] == [201, 400, 201]
    assert wrong["problem"]["code"] == "invalid_body"
    assert wrong["problem"]["field"] == "sha256"
    assert "started" not in wrong
    assert first["started"]["upload"]["url"].startswith("http://127.0.0.1:4566/rw-b/docs/2026/11/21/07/a_robot_")
    assert [world.records.kept[each].original_filename for each in started([first, last])] == ["a.pdf", "c.pdf"]


@pytest.mark.parametrize(
    ("item", "status", "code"),
    [
        ("text", 400, "invalid_body"),
        (document(colour="red"), 400, "invalid_body"),
        (document(ttl_days=1), 400, "ttl_without_temporary"),
        (document(custom_attributes={"x": "y" * 20_000}), 413, "custom_attributes_too_large"),
        (document(folder="a"), 400, "invalid_folder"),
        (document(idempotency_key=""), 400, "invalid_body"),
        (document(supersedes="6a4f7a3e-4f0b-4b54-9d0e-0c8b9f5c7a10"), 404, "document_not_found"),
    ],
    ids=range(7),
)
def test_a_wrong_item_does_no_harm_to_the_others(world: UploadWorld, item: object, status: int, code: str) -> None:
    wrong, right = world.batch([item, document()]).json["items"]
    assert (wrong["status"], wrong["problem"]["code"]) == (status, code)
    assert right["status"] == 201
    assert len(world.records.kept) == 1


@pytest.mark.parametrize("items", [[], [document()] * 101, None, {"a": 1}], ids=["none", "101", "null", "object"])
def test_a_batch_has_1_to_100_items(world: UploadWorld, items: object) -> None:
    answer = world.batch(items)
    assert (answer.status, answer.json["field"]) == (400, "items")


def test_a_hundred_are_started(world: UploadWorld) -> None:
    answer = world.batch([document(filename=f"{number}.pdf") for number in range(100)])
    assert {each["status"] for each in answer.json["items"]} == {201}
    assert len(world.records.kept) == 100


def test_a_batch_of_more_than_a_mebibyte_is_refused(world: UploadWorld) -> None:
    answer = world.batch([document(description="x" * 4000, custom_attributes={"a": "y" * 8000})] * 90)
    assert (answer.status, answer.json["code"]) == (413, "batch_too_large")
    assert world.records.kept == {}


def test_a_batch_that_is_repeated_gives_the_same_uploads_with_fresh_urls(world: UploadWorld, clock: Clock) -> None:
    items = [document(filename=f"{number}.pdf") for number in range(3)]
    first = world.batch(items, "k").json["items"]
    clock.pass_(hours=2)
    again = world.batch(items, "k").json["items"]
    assert started(first) == started(again)
    assert len(set(started(first))) == 3
    assert [each["status"] for each in again] == [200, 200, 200]
    assert {each["started"]["upload"]["expires_at"] for each in again} == {"2026-11-21T09:15:09Z"}


def test_an_item_that_changed_under_the_key_is_a_conflict_of_its_own(world: UploadWorld) -> None:
    world.batch([document(), document(filename="b.pdf")], "k")
    same, other = world.batch([document(), document(filename="c.pdf")], "k").json["items"]
    assert (same["status"], other["status"]) == (200, 409)
    assert other["problem"]["code"] == "idempotency_key_reused"


def test_a_batch_goes_on_where_it_was_cut_off(world: UploadWorld) -> None:
    items = [document(filename=f"{number}.pdf") for number in range(3)]
    begun = world.batch(items[:1], "k").json["items"]
    whole = world.batch(items, "k").json["items"]
    assert [each["status"] for each in whole] == [200, 201, 201]
    assert started(whole)[0] == started(begun)[0]


def test_an_items_own_key_is_that_of_a_request_for_it_alone(world: UploadWorld) -> None:
    alone = world.start(key="mine").json
    [item] = world.batch([document(idempotency_key="mine")], "batch").json["items"]
    assert (item["status"], item["started"]["file_id"]) == (200, alone["file_id"])


def test_one_key_twice_in_a_batch_is_one_upload(world: UploadWorld) -> None:
    first, second = world.batch([document(idempotency_key="k"), document(idempotency_key="k")]).json["items"]
    assert [first["status"], second["status"]] == [201, 200]
    assert first["started"]["file_id"] == second["started"]["file_id"]
    other = world.batch([document(idempotency_key="l"), document(idempotency_key="l", size=4)]).json["items"]
    assert [each["status"] for each in other] == [201, 409]


def test_a_batch_and_a_single_upload_under_one_key_are_not_confused(world: UploadWorld) -> None:
    alone = world.start(key="k").json["file_id"]
    [item] = world.batch([document()], "k").json["items"]
    assert item["started"]["file_id"] != alone


def test_without_a_table_nothing_is_handed_out(world: UploadWorld) -> None:
    world.records.down = True
    answer = world.batch([document()] * 2)
    assert answer.status == 503
    assert "url" not in answer.text


def test_what_was_started_is_told_when_the_table_does_not_say_who_has_a_place(
    world: UploadWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    predecessor = make_projection(bucket="rw-b")
    world.index.project(predecessor)
    named = str(predecessor.attributes.file_id)
    world.start(supersedes=named)

    def silent(_predecessor: object) -> None:
        raise Unavailable("the table store does not answer")

    monkeypatch.setattr(world.records, "holder", silent)
    rival, other = world.batch([document(supersedes=named), document()]).json["items"]
    assert (rival["status"], other["status"]) == (503, 201)


def test_what_was_started_is_told_when_the_table_goes_away_before_the_rest(world: UploadWorld) -> None:
    def go_away() -> None:
        world.records.down = True

    def first_write() -> None:
        world.records.before_write = go_away

    world.records.before_write = first_write
    items = [document(idempotency_key="k"), document(idempotency_key="k"), document()]
    first, repeated, other = world.batch(items).json["items"]
    assert [first["status"], repeated["status"], other["status"]] == [201, 503, 201]


def test_who_was_quicker_under_the_key_is_met(world: UploadWorld) -> None:
    items = [document(filename="a.pdf"), document(filename="b.pdf")]

    def overtake() -> None:
        world.batch(items[:1], "k")

    world.records.before_write = overtake
    first, second = world.batch(items, "k").json["items"]
    assert [first["status"], second["status"]] == [200, 201]
    assert len(world.records.kept) == 2
