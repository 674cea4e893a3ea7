"""What an index shows and counts is within the reach of the one who asks; run on PostgreSQL and on the fake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from artstore.index import COUNT_LIMIT, DocumentIndex, Position, statements
from artstore.index.matching import EVERYTHING
from artstore.index.postgres import PostgresIndex
from artstore.index.usage import Dimension, Usage
from artstore.spaces import EVERYWHERE, Reach
from tests.fakes.documents import NOON, id_number, make_projection
from tests.fakes.memory_index import MemoryIndex

PRESS, LEGAL, OTHERS = (Reach(frozenset({each})) for each in ("press", "legal", "others"))
BOTH = Reach(frozenset({"press", "legal"}))
DEFAULT = Reach(frozenset({"default"}))
NOTHING = Reach(frozenset())


@pytest.fixture(params=["postgres", "memory"])
def index(request: pytest.FixtureRequest) -> DocumentIndex:
    if request.param == "memory":
        return MemoryIndex()
    index: PostgresIndex = request.getfixturevalue("postgres_index")
    return index


def put(index: DocumentIndex, number: int, space: str | None, **changes: Any) -> None:
    at = NOON + timedelta(minutes=number)
    projection = make_projection(
        key=f"{number}.txt",
        file_id=id_number(number),
        original_filename=f"{number} report.txt",
        created_at=at,
        updated_at=at,
        space=space,
        **changes,
    )
    index.project(projection)


def pages(index: DocumentIndex, reach: Reach, query: str | None = None, limit: int = 2) -> Iterator[int]:
    position: Position | None = None
    while True:
        page = index.search(query, limit, position, reach)
        yield from (each.attributes.file_id.int for each in page.items)
        position = page.next
        if position is None:
            return


@pytest.mark.parametrize("query", [None, "report"])
def test_a_list_holds_the_documents_within_reach_newest_first(index: DocumentIndex, query: str | None) -> None:
    for number in range(1, 10):
        put(index, number, ("press", "legal", None)[number % 3])
    assert list(pages(index, PRESS, query)) == [9, 6, 3]
    assert list(pages(index, BOTH, query)) == [9, 7, 6, 4, 3, 1]
    assert list(pages(index, DEFAULT, query)) == [8, 5, 2]
    assert list(pages(index, EVERYWHERE, query)) == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert list(pages(index, NOTHING, query)) == list(pages(index, OTHERS, query)) == []


@pytest.mark.parametrize("query", [None, "report"])
def test_a_long_list_of_several_spaces_is_paged_without_gap_or_repetition(
    index: DocumentIndex, query: str | None
) -> None:
    count = COUNT_LIMIT + 200
    for number in range(1, count + 1):
        put(index, number, ("press", "legal", "legal", None)[number % 4])
    expected = [number for number in range(count, 0, -1) if number % 4 != 3]
    assert list(pages(index, BOTH, query, limit=100)) == [each for each in expected if each % 4 in (0, 1, 2)]


def test_nothing_out_of_reach_is_counted(index: DocumentIndex) -> None:
    for number in range(1, 4):
        put(index, number, "press")
    assert index.search("report", 10, None, LEGAL).total == 0
    assert index.search(None, 10, None, PRESS).total == 3


def test_a_document_is_found_within_reach_only(index: DocumentIndex) -> None:
    put(index, 1, "press")
    assert index.find(id_number(1), PRESS) is not None
    assert index.find(id_number(1), EVERYWHERE) is not None
    assert [index.find(id_number(1), each) for each in (LEGAL, DEFAULT, NOTHING)] == [None, None, None]


def test_a_document_that_goes_to_another_space_is_there_at_once(index: DocumentIndex) -> None:
    put(index, 1, "press")
    put(index, 1, "legal", revision=2)
    assert index.find(id_number(1), PRESS) is None
    assert list(pages(index, LEGAL)) == [1]


@pytest.mark.parametrize("reach", [PRESS, BOTH], ids=["one space", "several"])
def test_a_document_that_leaves_while_it_is_searched_is_not_shown(
    postgres_index: PostgresIndex, database_url: str, monkeypatch: pytest.MonkeyPatch, reach: Reach
) -> None:
    put(postgres_index, 1, "press")
    put(postgres_index, 2, "press")
    read_page = statements.page_of_candidates

    def leave(*arguments: Any, **named: Any) -> str:
        another = PostgresIndex(database_url)
        put(another, 1, "others", revision=2)
        another.close()
        return read_page(*arguments, **named)

    monkeypatch.setattr(statements, "page_of_candidates", leave)
    page = postgres_index.search("report", 10, None, reach)
    assert [each.attributes.file_id for each in page.items] == [id_number(2)]


@pytest.mark.parametrize("odd", ["Default", "de fault", "default\0"])
def test_a_space_that_is_none_is_seen_by_those_who_reach_everything(index: DocumentIndex, odd: str) -> None:
    put(index, 1, odd)
    assert list(pages(index, EVERYWHERE)) == [1]
    assert list(pages(index, DEFAULT)) == []


def used(key: str | None, documents: int, size: int, trashed: int = 0, trashed_size: int = 0) -> Usage:
    return Usage(key=key, documents=documents, bytes=size, trashed_documents=trashed, trashed_bytes=trashed_size)


def test_usage_is_what_the_documents_within_reach_amount_to(index: DocumentIndex) -> None:
    put(index, 1, "press", file_size=10, content_type="Text/Plain; charset=utf-8", created_by_id="sa_1")
    put(index, 2, "press", file_size=20, content_type="text/plain", created_by_id="sa_2")
    put(index, 3, "legal", file_size=5, content_type="image/png", storage_element_id="rw-01", created_by_id="sa_1")
    put(index, 4, None, file_size=100, deleted_at=NOON, created_by_id="sa_1")
    by_space = index.usage(Dimension.SPACE, EVERYWHERE, 10)
    assert by_space.items == (used("default", 0, 0, 1, 100), used("press", 2, 30), used("legal", 1, 5))
    assert by_space.total == used(None, 3, 35, 1, 100)
    assert index.usage(Dimension.SPACE, LEGAL, 10).items == (used("legal", 1, 5),)
    assert index.usage(Dimension.TYPE, BOTH, 10).items == (used("text/plain", 2, 30), used("image/png", 1, 5))
    assert index.usage(Dimension.ACCOUNT, BOTH, 10).items == (used("sa_2", 1, 20), used("sa_1", 2, 15))
    assert index.usage(Dimension.ELEMENT, BOTH, 10).items == (used(None, 2, 30), used("rw-01", 1, 5))
    assert index.usage(Dimension.SPACE, NOTHING, 10).total == used(None, 0, 0)


def test_the_total_holds_also_what_is_not_listed(index: DocumentIndex) -> None:
    for number, space in enumerate(("a", "b", "c"), 1):
        put(index, number, space, file_size=number)
    report = index.usage(Dimension.SPACE, EVERYWHERE, 2)
    assert [each.key for each in report.items] == ["c", "b"]
    assert report.total == used(None, 3, 6)


def test_a_copy_is_not_used_twice_and_a_deleted_document_lies_in_the_trash_once(index: DocumentIndex) -> None:
    values: dict[str, Any] = {"file_id": id_number(1), "file_size": 10}
    index.project(make_projection(key="a.txt", **values))
    index.project(make_projection(key="b.txt", at_home=False, **values))
    assert index.usage(Dimension.SPACE, EVERYWHERE, 10).total == used(None, 1, 10)
    index.project(make_projection(key="a.txt", revision=2, deleted_at=NOON, **values))
    assert index.usage(Dimension.SPACE, EVERYWHERE, 10).total == used(None, 0, 0, 1, 10)
    index.remove("edit", "a.txt", None)
    assert index.usage(Dimension.SPACE, EVERYWHERE, 10).total == used(None, 1, 10)
    index.remove("edit", "b.txt", None)
    assert index.usage(Dimension.SPACE, EVERYWHERE, 10).items == ()


def test_compacting_changes_no_sum_and_leaves_few_rows(postgres_index: PostgresIndex, database_url: str) -> None:
    for number in range(1, 31):
        put(postgres_index, number, "press", file_size=number)
    for number in range(1, 11):
        postgres_index.remove("edit", f"{number}.txt", None)
    before = postgres_index.usage(Dimension.TYPE, PRESS, 10)
    assert not postgres_index.compact_usage()  # so few are not worth it
    assert postgres_index.compact_usage(many=10)
    assert postgres_index.usage(Dimension.TYPE, PRESS, 10) == before
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM usage_deltas").fetchone() == (1,)


def test_a_writer_does_not_wait_for_another_nor_for_a_compaction(
    postgres_index: PostgresIndex, database_url: str
) -> None:
    """Somebody's transaction that has counted, and a compaction, are both still open when the next one counts."""
    put(postgres_index, 1, "press", file_size=1)
    with psycopg.connect(database_url) as writing, psycopg.connect(database_url) as compacting:
        writing.execute("UPDATE documents SET space = 'legal'")
        compacting.execute("DELETE FROM usage_deltas")
        put(postgres_index, 2, "press", file_size=2)
        compacting.rollback()
        writing.rollback()
    assert postgres_index.usage(Dimension.SPACE, PRESS, 10).total == used(None, 2, 3)


@pytest.mark.parametrize(("reach", "sorts"), [(PRESS, 0), (BOTH, 1)], ids=["one space", "several, merged"])
def test_a_list_within_spaces_walks_their_index(
    postgres_index: PostgresIndex, database_url: str, reach: Reach, sorts: int
) -> None:
    for number in range(1, 40):
        put(postgres_index, number, ("press", "legal", None, None)[number % 4])
    values = statements.within(reach) | {"limit": 3}
    with psycopg.connect(database_url) as connection:
        connection.execute("SET enable_seqscan = off")
        asked = "EXPLAIN " + statements.page_of_many(EVERYTHING, reach, all_versions=False, after=False)
        plan = "\n".join(row[0] for row in connection.execute(asked, values))
    assert "Index Scan using documents_in_space" in plan
    assert plan.count("Sort Key") == sorts
