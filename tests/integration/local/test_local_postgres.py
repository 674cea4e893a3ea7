"""The embedded PostgreSQL: kept, killed, thrown away; as whoever runs the tests, root too."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from infra.errors import CommandError
from infra.local import postgres, processes
from infra.local.postgres import home as postgres_home
from infra.local.postgres.home import PostgresHome


@pytest.fixture(scope="module")
def home() -> Iterator[PostgresHome]:
    made = postgres_home.temporary_home()
    yield made
    postgres.remove(made)


def _pid(home: PostgresHome) -> int:
    return int((home.data / "postmaster.pid").read_text().splitlines()[0])


def _rows(url: str) -> list[tuple[str]]:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        return connection.execute("SELECT word FROM kept").fetchall()


def test_a_second_start_finds_the_first(home: PostgresHome) -> None:
    first = postgres.start(home)
    second = postgres.start(home)
    assert second.url == first.url
    assert not second.started


def test_data_and_port_outlive_a_stop(home: PostgresHome) -> None:
    before = postgres.start(home)
    _rows(before.url)
    with psycopg.connect(before.url) as connection:
        connection.execute("INSERT INTO kept VALUES ('lighthouse')")
    assert postgres.stop(home)
    assert not postgres.stop(home)
    after = postgres.start(home)
    assert after.started
    assert after.url == before.url
    assert ("lighthouse",) in _rows(after.url)


def test_a_killed_server_starts_again_with_its_data(home: PostgresHome) -> None:
    before = postgres.start(home)
    with psycopg.connect(before.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS killed AS SELECT 1 AS one")
    os.kill(_pid(home), signal.SIGKILL)
    after = postgres.start(home)
    assert after.started
    with psycopg.connect(after.url) as connection:
        assert connection.execute("SELECT one FROM killed").fetchall() == [(1,)]


def test_a_stranger_with_the_old_process_id_is_left_alone(home: PostgresHome) -> None:
    postgres.start(home)
    postgres.stop(home)
    (home.data / "postmaster.pid").write_text(f"{os.getpid()}\n{home.data}\n0\n0\n\n127.0.0.1\n0\nready\n")
    assert not postgres.is_running(home)
    assert not postgres.stop(home)
    assert postgres.start(home).started


def test_another_port_is_taken_when_its_own_is_occupied(home: PostgresHome) -> None:
    before = postgres.start(home)
    postgres.stop(home)
    with socket.socket() as occupier:
        occupier.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        occupier.bind(("127.0.0.1", before.port))
        occupier.listen()
        after = postgres.start(home)
    assert after.port != before.port
    assert _rows(after.url) is not None


def test_a_wrong_password_is_refused(home: PostgresHome) -> None:
    server = postgres.start(home)
    password = str(urlsplit(server.url).password)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace(password, "wrong"))


def test_it_listens_to_this_machine_alone(home: PostgresHome) -> None:
    with psycopg.connect(postgres.start(home).url) as connection:
        shown = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        ).fetchone()
    assert shown == ("127.0.0.1", "")


def test_words_in_cyrillic_are_words(home: PostgresHome) -> None:
    with psycopg.connect(postgres.start(home).url) as connection:
        row = connection.execute(
            "SELECT lower('ЁЛКА'), to_tsvector('russian', 'Договоры')::text, 'б' < 'В' COLLATE \"default\""
        ).fetchone()
    assert row == ("ёлка", "'договор':1", False)


def test_a_temporary_server_leaves_nothing() -> None:
    with postgres.temporary() as url:
        with psycopg.connect(url) as connection:
            place = connection.execute("SELECT current_setting('data_directory')").fetchone()
        assert place is not None
        home = Path(place[0]).parent
        assert home.is_dir()
    assert not home.exists()
    assert processes.working_below(home) == []
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2)


@pytest.mark.parametrize("kind", ["link", "open"])
def test_a_home_that_others_may_write_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    path = tmp_path / "home"
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.mkdir()
        path.chmod(0o777)
    with pytest.raises(CommandError, match="not a private directory"):
        postgres_home.prepare(PostgresHome(path, None))
