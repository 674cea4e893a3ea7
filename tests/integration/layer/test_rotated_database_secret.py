"""The database's password is changed under a process that runs; it finds the new one in the secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import psycopg
import pytest

from artstore.aws.secret_store import read_secret
from artstore.config import DatabaseSettings
from artstore.database import RENEWAL_COOLDOWN_SECONDS, DatabaseAddress
from artstore.errors import Misconfigured, Unavailable
from artstore.index.postgres import PostgresIndex
from artstore.spaces import EVERYWHERE
from tests.fakes.documents import make_projection

SECRET = "unit/database"
ROLE = "rotated"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Deployment:
    """A role of its own, a secret with its URL, and a process that uses both."""

    def __init__(self, database_url: str) -> None:
        self.database_url = database_url
        self.secrets: Any = boto3.client("secretsmanager")
        self.clock = Clock()
        self.execute("DROP ROLE IF EXISTS rotated")
        self.execute("CREATE ROLE rotated LOGIN SUPERUSER PASSWORD 'first'")
        self.secrets.create_secret(Name=SECRET, SecretString=self.url("first"))
        self.reads = 0
        settings = DatabaseSettings(prefix="unit", database_secret_id=SECRET)
        self.index = PostgresIndex(DatabaseAddress(settings, self.clock))

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def url(self, password: str) -> str:
        return psycopg.conninfo.make_conninfo(self.database_url, user=ROLE, password=password)

    def change_password(self, password: str) -> None:
        """Change it on the server, and drop what is connected with the old one."""
        self.execute(f"ALTER ROLE rotated PASSWORD '{password}'")
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rotated'")

    def write_secret(self, text: str) -> None:
        self.secrets.put_secret_value(SecretId=SECRET, SecretString=text)


@pytest.fixture
def deployment(aws: None, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    made = Deployment(database_url)
    with pytest.raises(psycopg.OperationalError):
        # A server that asks for no password would make every test here pass.
        psycopg.connect(made.url("wrong"))

    def read(secret_id: str) -> str | None:
        made.reads += 1
        return read_secret(secret_id)

    monkeypatch.setattr("artstore.database.read_secret", read)
    yield made
    made.index.close()
    made.execute("DROP ROLE rotated")


def test_a_rotated_secret_is_read_again_when_the_old_one_is_refused(deployment: Deployment) -> None:
    deployment.index.ping()
    deployment.clock.now += 3600
    deployment.write_secret(deployment.url("second"))
    deployment.change_password("second")
    assert deployment.index.project(make_projection())
    assert deployment.reads == 2
    deployment.index.ping()
    assert deployment.reads == 2


def test_an_address_that_nobody_changed_is_not_asked_for_at_every_request(deployment: Deployment) -> None:
    deployment.index.ping()
    deployment.change_password("second")
    deployment.clock.now += 3600
    for _ in range(5):
        with pytest.raises(Unavailable) as caught:
            deployment.index.ping()
        assert caught.value.code == "index_unavailable"
    assert deployment.reads == 2
    deployment.write_secret(deployment.url("second"))
    deployment.clock.now += RENEWAL_COOLDOWN_SECONDS
    deployment.index.ping()
    assert deployment.reads == 3


def test_a_database_that_moved_is_found_where_the_secret_says(deployment: Deployment) -> None:
    deployment.write_secret("postgresql://rotated:first@127.0.0.1:1/nowhere")
    with pytest.raises(Unavailable):
        deployment.index.ping()
    deployment.write_secret(deployment.url("first"))
    deployment.clock.now += RENEWAL_COOLDOWN_SECONDS
    deployment.index.ping()


def test_a_secret_that_cannot_be_read_does_not_hide_that_the_server_refuses(deployment: Deployment) -> None:
    deployment.index.ping()
    deployment.clock.now += 3600
    deployment.change_password("second")
    deployment.secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    with pytest.raises(Unavailable) as caught:
        deployment.index.ping()
    assert caught.value.code == "index_unavailable"


def test_a_secret_that_is_no_url_is_never_repeated_in_an_error(deployment: Deployment) -> None:
    deployment.write_secret('{"username": "rotated", "password": "hunter2"}')
    with pytest.raises(Misconfigured) as caught:
        deployment.index.search(None, 10, None, EVERYWHERE)
    assert "hunter2" not in f"{caught.value}{caught.value.__cause__}"
