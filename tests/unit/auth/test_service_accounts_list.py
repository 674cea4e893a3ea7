"""Finding service accounts page by page."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.support.authorization.account_world import READER, World


def listed(world: World, parameters: str = "") -> list[str]:
    answer = world.send("GET", f"?{parameters}" if parameters else "")
    assert answer.status == 200, answer.text
    return sorted(item["name"] for item in answer.json["items"])


def test_accounts_are_found_by_role_status_and_any_part_of_name_description_and_id(world: World) -> None:
    world.create(name="Сканер Архива", description="Third floor")
    world.create(name="beta", role="AUDITOR")
    world.patch(world.create(name="idle")["client_id"], status="SUSPENDED")
    world.delete(world.create(name="gone")["client_id"])
    assert listed(world) == sorted(["admin", READER, "Сканер Архива", "beta", "idle"])
    assert listed(world, "role=AUDITOR") == ["beta"]
    assert listed(world, "status=SUSPENDED") == ["idle"]
    assert listed(world, "status=DELETED") == ["gone"]
    assert listed(world, f"query={quote('архив')}") == ["Сканер Архива"]
    assert listed(world, "query=THIRD") == ["Сканер Архива"]
    assert listed(world, "query=sa_root") == ["admin"]
    assert listed(world, "query=%25") == []
    assert listed(world, "query=beta&role=USER") == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_a_list_is_paged_without_gap_or_repetition(world: World, limit: int) -> None:
    for number in range(5):
        world.create(name=f"n{number}")
    seen, cursor, pages = [], "", 0
    while True:
        page = world.send("GET", f"?limit={limit}{cursor}").json
        seen += [item["name"] for item in page["items"]]
        pages += 1
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == sorted(["admin", READER, *(f"n{number}" for number in range(5))])
    assert pages == -(-7 // limit)


def test_a_cursor_continues_only_the_list_it_came_from(world: World) -> None:
    cursor = world.send("GET", "?limit=1").json["next_cursor"]
    assert world.send("GET", f"?limit=2&cursor={cursor}").status == 200
    for forged in (f"role=USER&cursor={cursor}", f"cursor={cursor[:-2]}AA", "cursor=x", "cursor=e30"):
        answer = world.send("GET", f"?{forged}")
        assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("parameters", ["limit=0", "limit=101", "role=KING", "status=GONE", "colour=red"])
def test_wrong_parameters_of_a_list_are_400(world: World, parameters: str) -> None:
    answer = world.send("GET", f"?{parameters}")
    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
