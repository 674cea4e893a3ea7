"""Secrets of service accounts: rotated with an overlap, and valid for a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions.auth.accounts.table import make_secret
from tests.support.authorization.account_world import LIFETIME, READER, START, World


def test_both_secrets_work_while_a_rotation_overlaps_and_then_only_the_new_one(world: World) -> None:
    created = world.create()
    client_id, old = created["client_id"], created["client_secret"]
    answer = world.rotate(client_id)
    new = answer.json["client_secret"]
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    assert [each["expires_at"] for each in answer.json["secrets"]] == [
        "2026-11-22T12:00:00Z",
        "2027-02-19T12:00:00Z",
    ]
    assert world.logs_in(client_id, old)
    assert world.logs_in(client_id, new)
    world.now += timedelta(hours=24)
    assert not world.logs_in(client_id, old)
    assert world.logs_in(client_id, new)
    assert world.revocations.clients == {}


def test_a_second_rotation_in_the_overlap_ends_the_oldest_secret(world: World) -> None:
    created = world.create()
    client_id = created["client_id"]
    second = world.rotate(client_id).json["client_secret"]
    third = world.rotate(client_id, overlap_hours=1).json
    assert len(third["secrets"]) == 2
    works = [world.logs_in(client_id, each) for each in (created["client_secret"], second, third["client_secret"])]
    assert works == [False, True, True]


def test_without_an_overlap_the_old_secret_and_the_tokens_end_at_once(world: World) -> None:
    created = world.create()
    rotated = world.rotate(created["client_id"], overlap_hours=0).json
    assert len(rotated["secrets"]) == 1
    assert not world.logs_in(created["client_id"], created["client_secret"])
    assert world.revocations.clients == {created["client_id"]: START.timestamp()}


def test_a_secret_ends_after_its_lifetime_and_an_overlap_does_not_prolong_it(world: World) -> None:
    created = world.create()
    client_id = created["client_id"]
    world.now += LIFETIME - timedelta(hours=1)
    assert world.logs_in(client_id, created["client_secret"])
    rotated = world.rotate(client_id, overlap_hours=720).json
    assert rotated["secrets"][0]["expires_at"] == "2027-02-19T12:00:00Z"
    world.now += timedelta(hours=1)
    assert not world.logs_in(client_id, created["client_secret"])


def test_a_secret_of_the_first_version_holds_until_it_is_rotated(world: World) -> None:
    hashed = make_secret("first", 4, START, LIFETIME).hash
    world.add("sa_old", secrets=[], secret_hashes=[hashed])
    world.now += timedelta(days=1000)
    assert world.logs_in("sa_old", "first")
    shown = world.send("GET", "/sa_old").json
    assert shown["secrets"] == [{"created_at": "2026-11-21T12:00:00Z", "expires_at": None}]
    rotated = world.rotate("sa_old").json
    assert len(rotated["secrets"]) == 2
    assert world.logs_in("sa_old", "first")
    world.now += timedelta(days=1)
    assert not world.logs_in("sa_old", "first")
    assert world.logs_in("sa_old", rotated["client_secret"])


@pytest.mark.parametrize("hours", [-1, 721, "24", 1.5])
def test_an_overlap_is_0_to_720_hours(world: World, hours: object) -> None:
    answer = world.rotate(READER, overlap_hours=hours)
    assert (answer.status, answer.json["field"]) == (400, "overlap_hours")
