"""A real PostgreSQL for the whole session, its schema made by the real migrations."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from artstore.index.postgres import PostgresIndex
from infra import migrate
from infra.local import postgres


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    with postgres.temporary() as url:
        migrate.upgrade(url)
        yield url


@pytest.fixture
def postgres_index(database_url: str) -> Iterator[PostgresIndex]:
    """An empty index."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE documents")
    index = PostgresIndex(database_url)
    yield index
    index.close()
