"""With PostgreSQL as the index, too, every document is whole or gone, whoever is killed."""

from __future__ import annotations

import psycopg
from hypothesis.stateful import run_state_machine_as_test

from artstore.index import DocumentIndex
from artstore.index.postgres import PostgresIndex
from tests.support.flows.disturbing import profile
from tests.support.flows.lifetimes import Lifetimes
from tests.support.flows.machine import EXAMPLES, Machine


def _emptied(index: PostgresIndex, database_url: str) -> PostgresIndex:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE documents")
    return index


def test_every_document_is_whole_or_gone_with_postgresql(postgres_index: PostgresIndex, database_url: str) -> None:
    class InPostgresql(Machine):
        def new_index(self) -> DocumentIndex:
            return _emptied(postgres_index, database_url)

    run_state_machine_as_test(InPostgresql, settings=profile(max(4, EXAMPLES // 10)))


def test_every_acknowledged_change_is_there_with_postgresql(
    postgres_index: PostgresIndex, database_url: str
) -> None:
    class InPostgresql(Lifetimes):
        def new_index(self) -> DocumentIndex:
            return _emptied(postgres_index, database_url)

    run_state_machine_as_test(InPostgresql, settings=profile(max(4, EXAMPLES // 10), 40))
