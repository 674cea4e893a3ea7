"""What only the PostgreSQL index promises: stemming, phrases, time limits, and a server that goes away."""

from __future__ import annotations

import itertools
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from artstore.attributes import to_document
from artstore.errors import Invalid, Misconfigured, Unavailable
from artstore.index import KnownPlace
from artstore.index.postgres import PostgresIndex
from artstore.spaces import EVERYWHERE
from infra import migrate
from infra.local import processes
from tests.fakes.documents import NOON, make_projection


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("годовые отчёты", "отчет"),
        ("годовой отчёт", "отчетами"),
        ("annual reports", "reporting"),
        ("annual report о продажах", "reports продажа"),
        ("в начале было слово", "в"),
        ("to be or not to be", '"to be"'),
        ("годовой отчёт", '"годовой отчет"'),
        ("invoices", "nothing or invoice"),
    ],
)
def test_words_are_found_in_their_other_forms(postgres_index: PostgresIndex, text: str, query: str) -> None:
    postgres_index.project(make_projection(text=text))
    assert postgres_index.search(query, 10, None, EVERYWHERE).total == 1


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("reports of the year", "year -report"),
        ("отчёты за год", "год -отчёт"),
        ("a report about the year", '"year report"'),
        ("отчёт готов", '-"отчёт готов"'),
    ],
)
def test_what_must_be_absent_is_absent_in_any_form(postgres_index: PostgresIndex, text: str, query: str) -> None:
    postgres_index.project(make_projection(text=text))
    assert postgres_index.search(query, 10, None, EVERYWHERE).total == 0


def test_no_part_of_a_text_without_spaces_is_lost_however_many_pairs_it_has(postgres_index: PostgresIndex) -> None:
    text = "".join(random.Random(2).choices([chr(code) for code in range(0x20000, 0x2A000)], k=200_000))
    assert postgres_index.project(make_projection(text=text))
    for start in (0, 1, 15_999, 16_000, 99_990, 199_990):
        assert postgres_index.search(text[start : start + 10], 10, None, EVERYWHERE).total == 1
        assert postgres_index.search(text[start : start + 10][::-1], 10, None, EVERYWHERE).total == 0
    assert postgres_index.search(text[-1], 10, None, EVERYWHERE).total == 1


@pytest.mark.parametrize("letters", ["абвгдежзиклмнопрстуфхц", "abcdefghijklmnopqrstuv", "𐌀𐌁𐌂𐌃𐌄𐌅𐌆𐌇𐌈𐌉𐌊𐌋𐌌𐌍𐌎𐌏𐌐𐌑𐌒𐌓𐌔𐌕"])
def test_no_word_of_a_text_of_different_words_is_lost(postgres_index: PostgresIndex, letters: str) -> None:
    words = ["".join(each) for each in itertools.islice(itertools.product(letters, repeat=4), 40_000)]
    assert postgres_index.project(make_projection(text=" ".join(words)))
    for each in words[::4_000] + words[-1:]:
        assert postgres_index.search(each, 10, None, EVERYWHERE).total == 1
    assert postgres_index.search(f'"{" ".join(words[-5:])}"', 10, None, EVERYWHERE).total == 1


def test_text_too_large_for_a_tsvector_is_cut_not_refused(postgres_index: PostgresIndex) -> None:
    letters = random.Random(2)
    text = " ".join("".join(letters.choices("абвгдежзик", k=8)) for _ in range(110_000))
    postgres_index.project(make_projection(original_filename="huge.txt", text="beginning " + text))
    assert postgres_index.search("huge beginning", 10, None, EVERYWHERE).total == 1


def test_a_connection_the_server_dropped_is_opened_again(postgres_index: PostgresIndex, database_url: str) -> None:
    postgres_index.ping()
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'artstore' AND datname = current_database()"
        )
    postgres_index.project(make_projection())


def test_a_statement_that_waits_too_long_is_unavailable(
    postgres_index: PostgresIndex, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artstore.index.connection.STATEMENT_TIMEOUT_MILLISECONDS", 100)
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE documents")
        with pytest.raises(Unavailable) as search:
            postgres_index.search(None, 10, None, EVERYWHERE)
        with pytest.raises(Unavailable) as other_work:
            postgres_index.ping()
    assert (search.value.code, other_work.value.code) == ("search_timeout", "index_unavailable")
    postgres_index.ping()


def test_a_server_that_is_not_there_is_unavailable_at_once() -> None:
    index = PostgresIndex(f"postgresql://nobody:secret@127.0.0.1:{processes.free_port()}/none")
    started = time.monotonic()
    with pytest.raises(Unavailable) as error:
        index.ping()
    assert time.monotonic() - started < 3.5
    assert "secret" not in str(error.value)


def test_a_database_without_the_schema_is_named_as_such(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS bare")
    index = PostgresIndex(f"{database_url}?options=-csearch_path%3Dbare")
    with pytest.raises(Misconfigured, match="run the migrations"):
        index.search(None, 10, None, EVERYWHERE)
    with pytest.raises(Unavailable):
        index.ping()


def test_two_migrations_at_once_make_one_schema(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA two")
    url = f"{database_url}?options=-csearch_path%3Dtwo"
    outcomes: list[tuple[str | None, str | None]] = []
    threads = [threading.Thread(target=lambda: outcomes.append(migrate.upgrade(url))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    newest = migrate.newest_revision()
    assert sorted(outcomes, key=str) == [(newest, newest), (newest, newest), (None, newest)]
    index = PostgresIndex(url)
    index.ping()
    index.close()


def test_migrating_needs_no_more_than_its_schema(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE modest LOGIN PASSWORD 'modest'")
        connection.execute("CREATE SCHEMA modest AUTHORIZATION modest")
    url = psycopg.conninfo.make_conninfo(
        database_url, user="modest", password="modest", options="-csearch_path=modest"
    )
    assert migrate.upgrade(url) == (None, migrate.newest_revision())
    index = PostgresIndex(url)
    index.project(make_projection())
    index.close()


def test_attributes_that_the_database_cannot_hold_are_refused_and_nothing_is_written(
    postgres_index: PostgresIndex,
) -> None:
    with pytest.raises(Invalid) as error:
        postgres_index.project(make_projection(key="a", revision=2**70))
    assert error.value.code == "attributes_not_indexable"
    assert postgres_index.at("edit", "a") is None


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_every_time_that_an_attr_json_can_hold_is_held(postgres_index: PostgresIndex, at: datetime) -> None:
    projection = make_projection(created_at=at, updated_at=at)
    postgres_index.project(projection)
    document = postgres_index.find(projection.attributes.file_id, EVERYWHERE)
    assert document is not None
    assert document.attributes.created_at == at


@pytest.mark.parametrize("value", [5e-324, 10**300, 10**308, -0.5, [[]] * 2000, {"": {"": ""}}, "\ud7ff\uffff"])
def test_values_at_the_edge_of_json_are_held(postgres_index: PostgresIndex, value: object) -> None:
    projection = make_projection(custom_attributes={"value": value})
    postgres_index.project(projection)
    document = postgres_index.find(projection.attributes.file_id, EVERYWHERE)
    assert document is not None
    assert document.attributes.custom_attributes == {"value": value}


def test_many_writers_of_one_document_at_many_places_leave_one_shown(
    postgres_index: PostgresIndex, database_url: str
) -> None:
    file_id = uuid4()

    def write(number: int) -> None:
        index = PostgresIndex(database_url)
        chance = random.Random(number)
        for _ in range(20):
            key = f"place {chance.randrange(5)}"
            if chance.random() < 0.3:
                index.remove("edit", key, None)
            else:
                missing, revision = chance.random() < 0.5, chance.randrange(3)
                index.project(make_projection(key=key, file_id=file_id, missing=missing, revision=revision))
        index.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT object_key, shown FROM documents WHERE file_id IS NOT NULL"
            " ORDER BY missing, at_home DESC, revision DESC, bucket, object_key"
        ).fetchall()
    assert [shown for _, shown in rows] == [True] + [False] * (len(rows) - 1)
    assert len(rows) > 1


def test_documents_of_the_schema_before_stay_visible_and_their_tombstones_stay(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA older")
    url = f"{database_url}?options=-csearch_path%3Dolder"
    migrate.upgrade(url, "0001")
    insert = """
        INSERT INTO documents VALUES (%s, 'edit', %s, 1, now(), now(), %s, '"1"', '', '', %s, %s)
    """
    with psycopg.connect(url, autocommit=True) as connection:
        kept, hidden = make_projection(storage_version_id="v1"), make_projection(deleted_at=NOON)
        for each in (kept, hidden):
            attributes = each.attributes
            document = Jsonb(to_document(attributes))
            connection.execute(insert, (attributes.file_id, each.key, document, attributes.deleted_at, False))
        connection.execute(insert, (uuid4(), "gone", Jsonb({}), NOON, True))
    assert migrate.upgrade(url) == ("0001", migrate.newest_revision())
    index = PostgresIndex(url)
    found = index.find(kept.attributes.file_id, EVERYWHERE)
    assert found is not None
    assert (found.version_id, found.missing) == ("v1", False)
    assert index.find(hidden.attributes.file_id, EVERYWHERE) is None
    assert index.at("edit", "gone") == KnownPlace(file_id=None, removed_at=NOON)
    copy = make_projection(file_id=kept.attributes.file_id, key="elsewhere", at_home=False)
    assert index.project(copy).shown == kept.place
    index.close()
