"""GET /api/v1/uploads: what a client has started, and where each of it stands."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from artstore.security import Principal, Scope
from functions.upload.uploads import listing
from tests.support.gateway import Answer
from tests.support.uploading import Clock, UploadWorld

NOW = datetime(2026, 11, 21, 7, 5, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def world(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> UploadWorld:
    return UploadWorld(clock, monkeypatch)


def start(world: UploadWorld, clock: Clock, *names: str) -> dict[str, str]:
    """Start uploads, a second apart; give their ids by name."""
    found = {}
    for name in names:
        clock.pass_(seconds=1)
        found[name] = str(world.start(filename=name).json["file_id"])
    return found


def names(answer: Answer) -> list[str]:
    return [each["original_filename"] for each in answer.json["items"]]


def test_ones_own_uploads_are_listed_newest_first(world: UploadWorld, clock: Clock) -> None:
    ids = start(world, clock, "a", "b")
    answer = world.list()
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.json == {
        "items": [
            {
                "file_id": ids[name],
                "status": "PENDING",
                "original_filename": name,
                "size": 3,
                "created_at": f"2026-11-21T07:05:1{second}.000Z",
                "expires_at": f"2026-11-21T07:15:1{second}.000Z",
            }
            for name, second in (("b", 1), ("a", 0))
        ],
        "next_cursor": None,
    }


def test_another_accounts_uploads_are_not_listed(world: UploadWorld, clock: Clock) -> None:
    start(world, clock, "a")
    world.caller = Principal("sa_2", "robot", frozenset({Scope.FILES_WRITE}))
    assert world.list().json["items"] == []


def test_those_in_a_space_that_was_taken_from_the_account_are_not_listed(world: UploadWorld, clock: Clock) -> None:
    world.caller = world.principal("press,default")
    start(world, clock, "a")
    clock.pass_(seconds=1)
    world.start(filename="b", space="press")
    assert names(world.list()) == ["b", "a"]
    world.caller = world.principal("default")
    assert names(world.list()) == ["a"]


def test_they_are_chosen_by_where_they_stand(world: UploadWorld, clock: Clock) -> None:
    ids = start(world, clock, "stored", "rejected", "expired")
    world.records.kept[ids["stored"]].status = "STORED"
    world.records.kept[ids["rejected"]].status = "REJECTED"
    world.records.kept[ids["rejected"]].reason = "size_mismatch"
    clock.pass_(minutes=10)
    start(world, clock, "pending")
    for status in ("pending", "stored", "rejected", "expired"):
        assert names(world.list(status=status.upper())) == [status]
    assert world.list(status="REJECTED").json["items"][0]["reason"] == "size_mismatch"


def test_pages_follow_each_other_without_a_gap(world: UploadWorld, clock: Clock) -> None:
    start(world, clock, *"abcde")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = world.list(limit=2, **cursor)
        seen += names(page)
        cursor = {"cursor": page.json["next_cursor"]}
    assert seen == [*"edcba"]
    assert page.json["next_cursor"] is None


def test_a_page_that_ends_with_the_last_upload_is_the_last(world: UploadWorld, clock: Clock) -> None:
    start(world, clock, *"ab")
    assert world.list(limit=2).json["next_cursor"] is None


def test_a_page_looks_at_so_many_and_goes_on_with_the_next(
    world: UploadWorld, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = start(world, clock, *"abcd")
    world.records.kept[ids["a"]].status = "STORED"
    monkeypatch.setattr(listing, "MAX_EXAMINED", 2)
    first = world.list(status="STORED")
    assert (names(first), first.json["next_cursor"] is None) == ([], False)
    assert names(world.list(status="STORED", cursor=first.json["next_cursor"])) == ["a"]


def test_a_cursor_is_for_the_list_and_the_client_that_got_it(world: UploadWorld, clock: Clock) -> None:
    start(world, clock, *"ab")
    cursor = world.list(limit=1).json["next_cursor"]
    assert world.list(status="PENDING", cursor=cursor).json["code"] == "invalid_cursor"
    assert world.list(cursor=cursor[:-2] + "AA").json["code"] == "invalid_cursor"
    world.caller = Principal("sa_2", "robot", frozenset({Scope.FILES_WRITE}))
    assert world.list(cursor=cursor).json["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    "query", [{"status": "pending"}, {"limit": 0}, {"limit": 101}, {"colour": "red"}], ids=str
)
def test_a_wrong_question_is_refused(world: UploadWorld, query: dict[str, object]) -> None:
    answer = world.list(**query)
    assert (answer.status, answer.json["field"]) == (400, next(iter(query)))
