"""PostgreSQL, too, ends as a rebuild would leave it, whatever is done to the buckets."""

from __future__ import annotations

import psycopg
from hypothesis.stateful import run_state_machine_as_test

from artstore.index import DocumentIndex
from artstore.index.postgres import PostgresIndex
from tests.support.ingesting.truth import EXAMPLES, Truth, profile


def test_the_index_in_postgresql_ends_as_a_rebuild_would_leave_it(
    postgres_index: PostgresIndex, database_url: str
) -> None:
    class InPostgresql(Truth):
        def new_index(self) -> DocumentIndex:
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute("TRUNCATE documents")
            return postgres_index

    run_state_machine_as_test(InPostgresql, settings=profile(EXAMPLES // 30))
