"""A fresh permission for the same upload, as often as it takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.support.uploading import Clock, UploadWorld

NOW = datetime(2026, 11, 21, 7, 5, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def world(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> UploadWorld:
    return UploadWorld(clock, monkeypatch)


def test_a_url_that_has_ended_is_renewed_for_the_same_place(world: UploadWorld, clock: Clock) -> None:
    first = world.start().json
    clock.pass_(hours=2)
    answer = world.renew(first["file_id"])
    assert (answer.status, answer.json["file_id"], answer.json["status"]) == (200, first["file_id"], "PENDING")
    before, after = (each["upload"]["url"].split("?")[0] for each in (first, answer.json))
    assert before == after
    assert answer.json["upload"]["headers"] == first["upload"]["headers"]
    record = world.records.kept[first["file_id"]]
    assert record.expires_at == "2026-11-21T09:15:09.000Z"
    assert record.expires_at_epoch == (clock.now + timedelta(seconds=600, days=30)).timestamp()
    assert record.awaited == str(int(first["file_id"][0], 16) % 8)


def test_a_record_that_its_key_leads_to_stays_for_good(world: UploadWorld) -> None:
    file_id = world.start(key="k").json["file_id"]
    world.renew(file_id)
    assert world.records.kept[file_id].expires_at_epoch is None


def test_a_renewed_url_may_end_sooner(world: UploadWorld) -> None:
    file_id = world.start().json["file_id"]
    assert world.renew(file_id, expires_in=5).json["upload"]["expires_at"] == "2026-11-21T07:05:14Z"


def test_an_upload_that_was_found_expired_is_awaited_again(world: UploadWorld) -> None:
    file_id = world.start().json["file_id"]
    world.records.kept[file_id].status = "EXPIRED"
    world.records.kept[file_id].awaited = None
    assert world.renew(file_id).status == 200
    record = world.records.kept[file_id]
    assert (record.status, record.awaited) == ("PENDING", str(int(file_id[0], 16) % 8))


@pytest.mark.parametrize("status", ["STORED", "REJECTED"])
def test_what_is_over_is_not_permitted_again(world: UploadWorld, status: str) -> None:
    file_id = world.start().json["file_id"]
    world.records.kept[file_id].status = status
    answer = world.renew(file_id)
    assert (answer.status, answer.json["code"]) == (409, "upload_over")


def test_bytes_that_arrive_meanwhile_are_not_forgotten(world: UploadWorld) -> None:
    file_id = world.start().json["file_id"]

    def arrive() -> None:
        world.records.kept[file_id].status = "STORED"

    world.records.before_write = arrive
    assert world.renew(file_id).json["code"] == "upload_over"
    assert world.records.kept[file_id].status == "STORED"


def test_an_upload_that_is_none_is_not_found(world: UploadWorld) -> None:
    answer = world.renew(str(uuid4()))
    assert (answer.status, answer.json["code"]) == (404, "upload_not_found")


@pytest.mark.parametrize("expires_in", [0, 604_801, "5"])
def test_a_wrong_time_is_refused(world: UploadWorld, expires_in: object) -> None:
    answer = world.renew(world.start().json["file_id"], expires_in=expires_in)
    assert (answer.status, answer.json["field"]) == (400, "expires_in")


def test_an_upload_of_another_space_is_not_found(world: UploadWorld) -> None:
    world.caller = world.principal("press")
    file_id = world.start().json["file_id"]
    world.caller = world.principal("legal")
    assert world.renew(file_id).json["code"] == "upload_not_found"
