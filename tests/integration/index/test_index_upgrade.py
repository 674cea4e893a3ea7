"""What the schema before spaces and versions held is listed, counted and in the trash after the migrations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from alembic import command
from psycopg.types.json import Jsonb

from artstore.attributes import to_document
from artstore.index import Projection
from artstore.index.postgres import PostgresIndex
from artstore.index.usage import Dimension, Usage
from artstore.spaces import EVERYWHERE, Reach
from infra import migrate
from tests.fakes.documents import NOON, id_number, make_projection

OLDER, NEWER, DELETED, COPIED, FOREIGN = map(id_number, range(1, 6))
DEFAULT, PRESS = Reach(frozenset({"default"})), Reach(frozenset({"press"}))

_INSERT = """
INSERT INTO documents (bucket, object_key, file_id, revision, created_at, updated_at, attributes, attributes_etag,
    search_text, search, deleted_at, at_home, shown)
VALUES (%s, %s, %s, 1, %s, %s, %s, '"1"', '', '', %s, %s, %s)
"""


def held(number: int, **changes: Any) -> Projection:
    at = NOON + timedelta(minutes=number)
    file_id = changes.pop("file_id", id_number(number))
    return make_projection(
        file_id=file_id, key=f"{number}.txt", file_size=10**number, created_at=at, updated_at=at, **changes
    )


@pytest.fixture
def released(database_url: str) -> Iterator[str]:
    """The URL of a schema of its own, as it was before, with places in it."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA released")
    url = f"{database_url}?options=-csearch_path%3Dreleased"
    migrate.upgrade(url, "0003")
    places = [
        held(1),
        held(2, supersedes=OLDER),  # a tool wrote it
        held(3, deleted_at=NOON),
        held(4),
        held(5, space="press"),
        held(6, file_id=DELETED, deleted_at=NOON, at_home=False),
        held(7, file_id=COPIED, at_home=False),
    ]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO documents (bucket, object_key, removed_at) VALUES ('edit', 'gone', now())")
        for each in places:
            said = each.attributes
            shown = said.deleted_at is None and each.at_home
            times = (said.created_at, said.updated_at)
            values = (said.file_id, *times, Jsonb(to_document(said)), said.deleted_at, each.at_home, shown)
            connection.execute(_INSERT, (each.bucket, each.key, *values))
    yield url
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA released CASCADE")


def listed(index: PostgresIndex, reach: Reach, *, all_versions: bool = False) -> list[UUID]:
    page = index.search(None, 10, None, reach, all_versions=all_versions)
    return [each.attributes.file_id for each in page.items]


def check(url: str) -> None:
    index = PostgresIndex(url)
    assert listed(index, DEFAULT) == [COPIED, NEWER]
    assert listed(index, DEFAULT, all_versions=True) == [COPIED, NEWER, OLDER]
    assert listed(index, PRESS) == [FOREIGN]
    trash = index.trash(10, None, EVERYWHERE).items
    assert [(each.attributes.file_id, each.key) for each in trash] == [(DELETED, "3.txt")]
    usage = index.usage(Dimension.SPACE, EVERYWHERE, 10)
    press = Usage(key="press", documents=1, bytes=10**5, trashed_documents=0, trashed_bytes=0)
    default = Usage(key="default", documents=3, bytes=10_110, trashed_documents=1, trashed_bytes=1000)
    assert usage.items == (press, default)
    index.close()


def test_what_was_there_is_listed_counted_and_in_the_trash(released: str) -> None:
    assert migrate.upgrade(released) == ("0003", migrate.newest_revision())
    check(released)
    index = PostgresIndex(released)
    index.remove("edit", "4.txt", None)
    shown = index.find(COPIED, EVERYWHERE)
    assert shown is not None
    assert shown.key == "7.txt"
    assert index.usage(Dimension.SPACE, DEFAULT, 10).total.bytes == 10_000_110
    index.close()


def test_the_way_back_and_forth_again_loses_nothing(released: str) -> None:
    migrate.upgrade(released)
    with migrate._engine(released).begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
    assert migrate.upgrade(released) == ("0003", migrate.newest_revision())
    check(released)
