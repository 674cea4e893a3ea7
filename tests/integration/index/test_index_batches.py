"""Many claims written together: the same as one after the other, by one statement each step, the bad one alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artstore.errors import Invalid
from artstore.index import DocumentIndex, Projection, Written
from artstore.index.connection import Connection
from artstore.index.postgres import PostgresIndex
from artstore.spaces import EVERYWHERE
from tests.fakes.documents import NOON, id_number, make_projection
from tests.fakes.memory_index import MemoryIndex
from tests.support.ingesting.world import showing
from tests.support.runs.examples import examples


@pytest.fixture(params=["postgres", "memory"])
def index(request: pytest.FixtureRequest) -> DocumentIndex:
    if request.param == "memory":
        return MemoryIndex()
    index: PostgresIndex = request.getfixturevalue("postgres_index")
    return index


def fresh(count: int, **said: Any) -> list[Projection]:
    return [make_projection(file_id=id_number(number), key=f"{number}", **said) for number in range(count)]


def test_documents_that_come_together_are_all_shown(index: DocumentIndex) -> None:
    together = fresh(10)
    assert index.project_many(together) == [
        Written(first=True, file_id=each.attributes.file_id, shown=each.place) for each in together
    ]
    assert index.search(None, 20, None, EVERYWHERE).total == 10


def test_nothing_together_is_nothing(index: DocumentIndex) -> None:
    assert index.project_many([]) == []


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"revision": 2**70}, id="a number out of range"),
        pytest.param({"folder": random.Random(0).randbytes(10_000).hex()}, id="too long for an index's page"),
    ],
)
def test_one_that_cannot_be_held_fails_alone(postgres_index: PostgresIndex, said: dict[str, Any]) -> None:
    together = fresh(3)
    together[1] = make_projection(file_id=id_number(1), key="1", **said)
    first, second, third = postgres_index.project_many(together)
    assert isinstance(first, Written)
    assert isinstance(second, Invalid)
    assert second.code == "attributes_not_indexable"
    assert isinstance(third, Written)
    assert postgres_index.search(None, 10, None, EVERYWHERE).total == 2


def test_a_place_that_is_named_twice_ends_as_it_was_named_last(index: DocumentIndex) -> None:
    first, second = make_projection(key="a", description="first"), make_projection(key="a", description="second")
    written = index.project_many([first, make_projection(key="b"), second])
    assert [each.first for each in written if isinstance(each, Written)] == [True, True, False]
    found = index.find(second.attributes.file_id, EVERYWHERE)
    assert found is not None
    assert found.attributes.description == "second"


@pytest.fixture
def statements_run() -> Iterator[list[str]]:
    run: list[str] = []
    execute = Connection.execute

    def record(self: Connection, query: Any, *arguments: Any, **named: Any) -> Any:
        run.append(str(query))
        return execute(self, query, *arguments, **named)

    with patch.object(Connection, "execute", record):
        yield run


def test_many_documents_cost_as_many_statements_as_one(
    postgres_index: PostgresIndex, statements_run: list[str]
) -> None:
    postgres_index.ping()
    statements_run.clear()
    postgres_index.project(make_projection(key="alone"))
    alone = len(statements_run)
    statements_run.clear()
    postgres_index.project_many(fresh(10))
    assert len(statements_run) == alone
    assert sum("INSERT INTO documents" in each for each in statements_run) == 1


def test_long_documents_do_not_all_go_into_one_statement(
    postgres_index: PostgresIndex, statements_run: list[str]
) -> None:
    postgres_index.project_many(fresh(3, text="harbour " * 250_000))
    assert sum("INSERT INTO documents" in each for each in statements_run) == 2


ids = st.integers(1, 4).map(id_number)
keys = st.sampled_from(["a", "b", "c", "d", "e"])


@st.composite
def projections(draw: Callable[..., Any]) -> Projection:
    file_id: UUID = draw(ids)
    supersedes = draw(st.none() | ids)
    return make_projection(
        file_id=file_id,
        key=draw(keys),
        revision=draw(st.integers(1, 3)),
        missing=draw(st.booleans()),
        at_home=draw(st.booleans()),
        deleted_at=draw(st.none() | st.just(NOON + timedelta(hours=1))),
        supersedes=None if supersedes == file_id else supersedes,
        created_at=NOON + timedelta(minutes=draw(st.integers(0, 3))),
        space=draw(st.sampled_from([None, "press"])),
    )


batches = st.lists(st.lists(projections(), min_size=1, max_size=6), min_size=1, max_size=4)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(batches=batches, removed=st.lists(keys, max_size=2))
def test_together_comes_to_the_same_as_one_after_the_other(
    postgres_index: PostgresIndex, database_url: str, batches: list[list[Projection]], removed: list[str]
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE documents")
    alone = MemoryIndex()
    for batch in batches:
        postgres_index.project_many(batch)
        for each in batch:
            alone.project(each)
        for key in removed:
            postgres_index.remove("edit", key, None)
            alone.remove("edit", key, None)
        assert showing(postgres_index) == showing(alone)
        for each in batch:
            assert place_of(postgres_index, each) == place_of(alone, each), "what is in the trash, too"


def place_of(index: DocumentIndex, projection: Projection) -> tuple[str, str] | None:
    found = index.find_any(projection.attributes.file_id, EVERYWHERE)
    return None if found is None else (found.key, found.attributes_etag)
