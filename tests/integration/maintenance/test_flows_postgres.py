"""With PostgreSQL as the index, too, every document is whole or gone, whoever is killed."""

from __future__ import annotations

import psycopg
from hypothesis.stateful import run_state_machine_as_test

from artstore.index import DocumentIndex
from artstore.index.postgres import PostgresIndex
from tests.support.flows.machine import EXAMPLES, Machine, profile


def test_every_document_is_whole_or_gone_with_postgresql(postgres_index: PostgresIndex, database_url: str) -> None:
    class InPostgresql(Machine):
        def new_index(self) -> DocumentIndex:
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute("TRUNCATE documents")
            return postgres_index

    run_state_machine_as_test(InPostgresql, settings=profile(max(5, EXAMPLES // 10)))
