"""What an older version indexed is indexed anew, in batches, whatever interrupts it."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from artstore.index.postgres import PostgresIndex
from artstore.spaces import EVERYWHERE
from infra import migrate, rewording
from tests.fakes.documents import NOON, id_number, make_projection

# As the first version wrote them: lower case, three dictionaries.
_AS_BEFORE = """
UPDATE documents SET words_for = NULL, passages = NULL, search = (
    SELECT to_tsvector('simple', words) || to_tsvector('russian', words) || to_tsvector('english', words)
    FROM (SELECT lower(attributes ->> 'original_filename' || ' ' || search_text) AS words)
)
"""


@pytest.fixture
def old_index(postgres_index: PostgresIndex, database_url: str) -> PostgresIndex:
    for number in range(7):
        postgres_index.project(
            make_projection(
                file_id=id_number(number + 1),
                original_filename=f"Müller{number}",
                text=f"the oﬃce {number} " + "w " * 300 + "golden bridge",
                custom_attributes={"customer": "Nordwerft"},
            )
        )
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_AS_BEFORE)
    return postgres_index


def count(index: PostgresIndex, query: str) -> int:
    return index.search(query, 10, None, EVERYWHERE).total


def test_old_rows_get_the_new_words(old_index: PostgresIndex, database_url: str) -> None:
    queries = ("office", "nordwerft", "muller3 office", '"w golden bridge"')
    assert [count(old_index, query) for query in queries] == [0, 0, 0, 0]
    assert rewording.reword(database_url, batch=3) == 7
    assert [count(old_index, query) for query in queries] == [7, 7, 1, 7]
    assert rewording.reword(database_url) == 0


def test_it_goes_on_where_it_was_interrupted(old_index: PostgresIndex, database_url: str) -> None:
    def interrupt(_done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rewording.reword(database_url, interrupt, batch=3)
    assert count(old_index, "office") == 3
    assert rewording.reword(database_url, batch=3) == 4
    assert count(old_index, "office") == 7


def test_a_row_that_somebody_holds_or_that_cannot_be_read_stops_nobody(
    old_index: PostgresIndex, database_url: str
) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("UPDATE documents SET attributes = '{}' WHERE file_id = %s", [UUID(int=2)])
        other.commit()
        other.execute("SELECT FROM documents WHERE file_id = %s FOR UPDATE", [UUID(int=1)])
        assert rewording.reword(database_url, batch=2) == 5
    assert rewording.reword(database_url) == 1
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM documents WHERE file_id = %s", [UUID(int=2)])


def test_what_the_version_before_writes_afterwards_is_found_too(
    old_index: PostgresIndex, database_url: str
) -> None:
    rewording.reword(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE documents SET attributes_etag = '\"2\"' WHERE file_id = %s", [UUID(int=4)])
    assert rewording.reword(database_url) == 1


def test_tombstones_are_left_alone(postgres_index: PostgresIndex, database_url: str) -> None:
    postgres_index.remove("edit", "gone", NOON)
    assert rewording.reword(database_url) == 0


def test_the_command_does_it_and_says_so(
    old_index: PostgresIndex,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ARTSTORE_DATABASE_URL", database_url)
    assert migrate.main([]) == 0
    assert "7 documents indexed anew" in capsys.readouterr().out
    assert count(old_index, "office") == 7
    assert migrate.main([]) == 0
    assert "index words: nothing to do" in capsys.readouterr().out
