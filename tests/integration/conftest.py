"""A real PostgreSQL for the whole run, its schema made by the real migrations, and AWS as moto plays it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import psycopg
import pytest
from moto import mock_aws
from psycopg import sql
from psycopg.conninfo import make_conninfo

from artstore.index.postgres import PostgresIndex
from artstore.naming import document_key, is_attributes_key
from infra.local import postgres
from tests.support.attr_schema import check
from tests.support.dynamodb import create_tables
from tests.support.ingesting.archive import Archive
from tests.support.runs.shared import Run
from tests.support.runs.workers import worker_of


@pytest.fixture(scope="session")
def database_url(run: Run, pytestconfig: pytest.Config) -> str:
    """A database of this worker's own, with the schema of the index."""
    template = run.database_server()
    name = f"tests_{worker_of(pytestconfig)}"
    with psycopg.connect(make_conninfo(template, dbname="postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(postgres.DATABASE)
            )
        )
    return urlsplit(template)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session")
def emulator_url(run: Run) -> str:
    """A MiniStack that modules share: each has names of its own."""
    return run.emulator()


@pytest.fixture
def postgres_index(database_url: str) -> Iterator[PostgresIndex]:
    """An empty index."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE documents")
    index = PostgresIndex(database_url)
    yield index
    index.close()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No call leaves the process, and no credentials of the machine are used."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


@pytest.fixture
def s3(aws: None) -> Any:
    """A client, and the bucket ``edit``."""
    client = boto3.client("s3")
    client.create_bucket(Bucket="edit")
    return client


@pytest.fixture
def archive(s3: Any, postgres_index: PostgresIndex) -> Iterator[Archive]:
    """An empty archive with one storage element. What is in it at the end is what the schema in docs/ says."""
    create_tables("moto")
    archive = Archive(s3, postgres_index)
    yield archive
    for key in filter(is_attributes_key, archive.keys()):
        check(archive.raw(document_key(key)))
