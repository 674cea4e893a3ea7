"""What the index tells of what is kept from everybody; run on PostgreSQL and on the fake."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from artstore.attributes import Quarantine
from artstore.index import DocumentIndex, KnownPlace, kept_back
from artstore.index.claims import Place
from artstore.index.kept_back import DAMAGED, Damage, KeptBack
from artstore.index.postgres import PostgresIndex
from artstore.spaces import EVERYWHERE, Reach
from tests.fakes.documents import NOON, id_number, make_projection, make_version
from tests.fakes.memory_index import MemoryIndex

BROKEN = Damage(
    code="attributes_not_json", detail="attr.json is not JSON", etag='"9"', since=NOON, file_id=id_number(9)
)
UNREADABLE = Damage(code="archived", detail="not now", etag="")


@pytest.fixture(params=["postgres", "memory"])
def index(request: pytest.FixtureRequest) -> DocumentIndex:
    if request.param == "memory":
        return MemoryIndex()
    index: PostgresIndex = request.getfixturevalue("postgres_index")
    return index


def put(index: DocumentIndex, number: int, reason: str | None = None, **attributes: Any) -> None:
    quarantine = None if reason is None else Quarantine(reason=reason, at=NOON)
    index.project(make_projection(file_id=id_number(number), key=f"{number}", quarantine=quarantine, **attributes))


def listed(index: DocumentIndex, reason: str | None = None, reach: Reach = EVERYWHERE, **asked: Any) -> list[str]:
    page = index.kept_back(reason, 100, None, reach, damaged=asked.get("damaged", True))
    assert page.next is None
    return [each.key for each in page.items]


def test_a_damaged_place_is_known_and_listed_with_what_is_wrong(index: DocumentIndex) -> None:
    version = make_version()
    index.project(make_projection(key="a", file_id=id_number(1), object=version))
    index.remove("edit", "a", None, BROKEN)
    assert index.at("edit", "a") == KnownPlace(file_id=None, object=version, damage=BROKEN)
    assert not index.is_claimed(id_number(1))
    [found] = index.kept_back(None, 10, None, EVERYWHERE, damaged=True).items
    assert found == KeptBack(
        reason=DAMAGED,
        bucket="edit",
        key="a",
        since=NOON,
        file_id=id_number(9),
        code="attributes_not_json",
        detail="attr.json is not JSON",
    )


def test_it_is_out_of_the_list_once_it_is_mended_or_gone(index: DocumentIndex) -> None:
    for key in ("a", "b"):
        index.remove("edit", key, None, BROKEN)
    index.remove("edit", "b", None, UNREADABLE)
    assert listed(index) == ["a", "b"]
    index.project(make_projection(key="a"))
    index.remove("edit", "b", NOON)
    assert listed(index) == []
    assert index.at("edit", "b") == KnownPlace(file_id=None, removed_at=NOON)
    index.remove("edit", "a", None)
    assert listed(index) == [], "what was mended stays mended"


def test_documents_in_quarantine_are_listed_those_in_the_trash_too_each_once(index: DocumentIndex) -> None:
    put(index, 1, "infected", space="press", original_filename="eicar.com")
    put(index, 2)
    put(index, 3, "checksum_mismatch", deleted_at=NOON)
    copy = make_projection(
        file_id=id_number(1), key="copy", at_home=False, quarantine=Quarantine(reason="infected", at=NOON)
    )
    index.project(copy)
    found = index.kept_back(None, 10, None, EVERYWHERE, damaged=True).items
    assert [(each.key, each.reason, each.space) for each in found] == [
        ("1", "infected", "press"),
        ("3", "checksum_mismatch", "default"),
    ]
    assert (found[0].original_filename, found[0].since, found[0].file_id) == ("eicar.com", NOON, id_number(1))


def test_the_list_is_narrowed_by_reason_and_by_reach(index: DocumentIndex) -> None:
    put(index, 1, "infected", space="press")
    put(index, 2, "infected")
    put(index, 3, "checksum_mismatch")
    index.remove("edit", "4", None, BROKEN)
    assert listed(index, "infected") == ["1", "2"]
    assert listed(index, DAMAGED) == ["4"]
    assert listed(index, "unheard_of") == []
    assert listed(index, reach=Reach(frozenset({"press"})), damaged=False) == ["1"]
    assert listed(index, damaged=False) == ["1", "2", "3"]
    assert listed(index, reach=Reach(frozenset()), damaged=False) == []


def test_pages_follow_one_another_in_the_order_of_places(index: DocumentIndex) -> None:
    keys = ["Я", "a", "ё/b", "b", "B", "a/1"]
    for number, key in enumerate(keys):
        if number % 2:
            index.remove("edit", key, None, BROKEN)
        else:
            quarantine = Quarantine(reason="infected", at=NOON + timedelta(days=number))
            index.project(make_projection(key=key, file_id=id_number(number), quarantine=quarantine))
    seen: list[Place] = []
    after: Place | None = None
    while True:
        page = index.kept_back(None, 2, after, EVERYWHERE, damaged=True)
        assert len(page.items) == 2
        seen += [each.place for each in page.items]
        after = page.next
        if after is None:
            break
    assert seen == sorted(Place("edit", key) for key in keys)


def test_postgresql_walks_the_index_of_what_is_kept_back(postgres_index: PostgresIndex, database_url: str) -> None:
    for number in range(30):
        put(postgres_index, number)
    put(postgres_index, 31, "infected")
    postgres_index.remove("edit", "32", None, BROKEN)
    statement = kept_back.listing(EVERYWHERE, by_reason=True, damaged=True, after=True)
    values = {"reason": "infected", "after_bucket": "", "after_key": "", "limit": 10}
    with psycopg.connect(database_url) as connection:
        connection.execute("ANALYZE documents")
        connection.execute("SET enable_seqscan = off")
        plan = "\n".join(row[0] for row in connection.execute("EXPLAIN " + statement, values))
    assert "documents_kept_back" in plan
