"""What the index finds of documents whose time is over; run on PostgreSQL and on the fake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from artstore.attributes import Retention
from artstore.index import DocumentIndex, ended
from artstore.index.ended import EndedPage, EndedPosition
from artstore.index.postgres import PostgresIndex
from tests.fakes.documents import NOON, id_number, make_projection
from tests.fakes.memory_index import MemoryIndex

DAY = timedelta(days=1)


@pytest.fixture(params=["postgres", "memory"])
def index(request: pytest.FixtureRequest) -> DocumentIndex:
    if request.param == "memory":
        return MemoryIndex()
    index: PostgresIndex = request.getfixturevalue("postgres_index")
    return index


def temporary(days: float, **members: Any) -> Retention:
    return Retention(policy="temporary", expires_at=NOON + days * DAY, **members)


def put(index: DocumentIndex, number: int, **attributes: Any) -> None:
    index.project(make_projection(file_id=id_number(number), **attributes))


def ids(page: EndedPage) -> list[UUID]:
    return [each.file_id for each in page.items]


Find = Callable[[Any, int, EndedPosition | None], EndedPage]


def all_pages(find: Find, until: Any, limit: int) -> list[UUID]:
    found: list[UUID] = []
    after = None
    while True:
        page = find(until, limit, after)
        assert len(page.items) <= limit
        found += ids(page)
        after = page.next
        if after is None:
            return found


def test_temporary_documents_are_found_once_they_end_those_in_the_trash_too(
    index: DocumentIndex,
) -> None:
    put(index, 1, retention=temporary(2))
    put(index, 2, retention=temporary(1), deleted_at=NOON)
    put(index, 3, retention=temporary(9))
    put(index, 4, retention=Retention(policy="permanent", expires_at=NOON))
    put(index, 5, retention=temporary(1, legal_hold=True, hold_reason="lawsuit"))
    put(index, 6, retention=Retention(policy="temporary"))
    put(index, 7)
    put(index, 8, retention=temporary(1.5, legal_hold=False))
    assert ids(index.expired(NOON + 3 * DAY, 10, None)) == [id_number(2), id_number(8), id_number(1)]
    assert ids(index.expired(NOON + 1 * DAY, 10, None)) == []


def test_they_are_found_where_they_are_shown_and_nowhere_else(index: DocumentIndex) -> None:
    put(index, 1, retention=temporary(1), key="home")
    put(index, 1, retention=temporary(1), key="copy", at_home=False)
    page = index.expired(NOON + 3 * DAY, 10, None)
    assert [(each.bucket, each.key) for each in page.items] == [("edit", "home")]


def test_the_trash_gives_what_was_deleted_before_a_moment(index: DocumentIndex) -> None:
    put(index, 1, deleted_at=NOON + 2 * DAY)
    put(index, 2, deleted_at=NOON + 1 * DAY)
    put(index, 3, deleted_at=NOON + 5 * DAY)
    put(index, 4)
    assert ids(index.trashed(NOON + 3 * DAY, 10, None)) == [id_number(2), id_number(1)]
    assert ids(index.trashed(NOON + 1 * DAY, 10, None)) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_together_give_each_once_the_longest_over_first(index: DocumentIndex, limit: int) -> None:
    for number in range(1, 10):
        moment = NOON + (number // 3) * timedelta(milliseconds=500)
        retention = Retention(policy="temporary", expires_at=moment + DAY)
        put(index, number, retention=retention, deleted_at=moment)
    expected = [id_number(number) for number in range(1, 10)]
    assert all_pages(index.trashed, NOON + DAY, limit) == expected
    # As text 12:00:00Z comes after 12:00:00.5Z: the order is theirs, and each is there once.
    assert sorted(all_pages(index.expired, NOON + 2 * DAY, limit)) == expected


def test_temporary_documents_are_found_by_their_index(postgres_index: PostgresIndex, database_url: str) -> None:
    for number in range(50):
        put(postgres_index, number, retention=temporary(1) if number % 10 == 0 else None)
    values = {
        "until": ended.text_of(NOON + 3 * DAY),
        "limit": 10,
        "after_at": "2026",
        "after_file_id": id_number(1),
    }
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ANALYZE documents")
        connection.execute("SET enable_seqscan = off")
        for after in (False, True):
            plan = connection.execute("EXPLAIN " + ended.expired(after=after), values).fetchall()
            assert "documents_ending" in str(plan)
            assert "Sort" not in str(plan)


def test_documents_that_name_a_finalization_are_found_where_they_are_shown(index: DocumentIndex) -> None:
    for number in range(1, 6):
        put(index, number, finalization=UUID(int=9) if number % 2 else None)
    put(index, 7, finalization=UUID(int=9), deleted_at=NOON)
    found = index.sealed(2, None)
    assert [each.file_id for each in found] == [id_number(1), id_number(3)]
    following = index.sealed(10, found[-1].file_id)
    assert [each.file_id for each in following] == [id_number(5), id_number(7)]
    assert index.sealed(10, id_number(7)) == []


def test_they_are_found_by_their_index(postgres_index: PostgresIndex, database_url: str) -> None:
    put(postgres_index, 1, finalization=UUID(int=9))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        for after in (False, True):
            values = {"limit": 10, "after_file_id": id_number(1)}
            plan = connection.execute("EXPLAIN " + ended.sealed(after=after), values).fetchall()
            assert "documents_sealed" in str(plan)
