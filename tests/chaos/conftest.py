"""A whole stack that nobody else uses: what happens to it here would break the tests of others."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from infra.local import postgres
from infra.local.postgres import home as postgres_home
from infra.local.state import LocalDirectory, StackFile
from tests.chaos.troubles import Database, Deliveries, Killing
from tests.e2e.archive import Archive
from tests.e2e.operator import Operator
from tests.support.runs.shared import Run


@pytest.fixture(scope="session")
def directory(run: Run) -> LocalDirectory:
    """Where the stack lies."""
    run.stack()
    return LocalDirectory(run.stack_directory)


@pytest.fixture(scope="session")
def stack(run: Run) -> StackFile:
    """The stack."""
    return StackFile(**run.stack())


@pytest.fixture(scope="session")
def archive(stack: StackFile) -> Archive:
    """The archive, as its first administrator."""
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    return Archive(stack.api_url, stack.client_id, stack.client_secret)


@pytest.fixture(scope="session")
def operator(stack: StackFile) -> Operator:
    """The owner of the stack."""
    return Operator(stack)


@pytest.fixture(scope="session")
def database(directory: LocalDirectory, stack: StackFile) -> Iterator[Database]:
    """The PostgreSQL of the stack; it runs again afterwards."""
    home = postgres_home.home_of(directory.root)
    database = Database(home, stack.database_url)
    yield database
    if not postgres.is_running(home):
        database.start()


@pytest.fixture
def deliveries(operator: Operator) -> Iterator[Deliveries]:
    """Events, as an evil postman delivers them."""
    deliveries = Deliveries(operator)
    deliveries.begin()
    yield deliveries
    deliveries.end()


@pytest.fixture
def killing(directory: LocalDirectory) -> Iterator[Killing]:
    """Whoever kills function processes, not yet at it."""
    killing = Killing(directory)
    yield killing
    killing.end()
