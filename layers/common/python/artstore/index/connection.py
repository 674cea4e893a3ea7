"""The way to PostgreSQL: one connection for the process, opened when it is needed and anew when it was lost.

Every step is bounded: 3 s for a host to accept a connection, 5 s for a statement on the server, 8 s for bytes that
nobody acknowledges, and, whatever the server does or does not do, the deadline of the request.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import psycopg
from psycopg import errors
from psycopg.rows import TupleRow

from artstore import deadline
from artstore.errors import Misconfigured, Unavailable

CONNECT_TIMEOUT_SECONDS = 3
STATEMENT_TIMEOUT_MILLISECONDS = 5000
_SILENCE_MILLISECONDS = 8000
_INTERVAL_SECONDS = 0.1

_T = TypeVar("_T")


class Address(Protocol):
    """Where the server is, and as whom it is spoken to; see ``artstore.database``."""

    def url(self) -> str:
        """Give the postgresql:// URL. Raises Unavailable when it cannot be known."""

    def renew(self) -> bool:
        """Look the URL up again; True when there is another one than before."""


class FixedAddress:
    """A URL that never changes."""

    def __init__(self, url: str) -> None:
        """Take a PostgreSQL URL or connection string."""
        self._url = url

    def url(self) -> str:
        """Give it."""
        return self._url

    def renew(self) -> bool:
        """There is no other."""
        return False


class Connection(psycopg.Connection[TupleRow]):
    """A connection that waits for its server no longer than the request may.

    The server's own limits do not help against a server that is frozen, and a limit for each host not against
    several hosts.
    """

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Any:
        """Connect to one host; psycopg resumes this at every interval, and closes it at the host's own limit."""
        attempt = super()._connect_gen(conninfo)
        ready = None
        with contextlib.closing(attempt):
            while True:
                if deadline.remaining() <= 0:
                    raise errors.ConnectionTimeout("the request may wait no longer")
                try:
                    ready = yield attempt.send(ready)  # type: ignore[arg-type]  # the first is None, as of next()
                except StopIteration as end:
                    return end.value

    def wait(self, gen: Any, interval: float = _INTERVAL_SECONDS, timeout: float | None = None) -> Any:
        """Wait for an answer. One that does not come in time leaves the connection of no use: it is closed."""
        left = min(deadline.remaining(), math.inf if timeout is None else timeout)
        try:
            return super().wait(gen, interval, None if left == math.inf else left)
        except errors._WaitTimeout as error:
            self.pgconn.finish()
            raise errors.OperationalError("the server does not answer in time") from error


class Server:
    """Runs work on the process's one connection."""

    def __init__(self, address: Address) -> None:
        """Take the address; nothing is opened before the first work."""
        self._address = address
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def run(self, work: Callable[[Connection], _T]) -> _T:
        """Do ``work``, once more on a new connection when an old one turned out to be dead.

        Raises Unavailable (``index_unavailable``) when the server does not answer or refuses us, and Misconfigured
        when it has no schema.
        """
        with self._alone():
            reused = self._connection is not None
            try:
                return work(self._open())
            except errors.UndefinedTable as error:
                raise Misconfigured("the index has no schema: run the migrations") from error
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if not reused or not self._is_dead():
                    raise unavailable() from error
                self._drop()
            try:
                return work(self._open())
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                raise unavailable() from error

    def close(self) -> None:
        """Close the connection, if one is open; the next work opens another."""
        with self._alone():
            self._drop()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        left = deadline.remaining()
        if not self._lock.acquire(timeout=-1 if left == math.inf else left):
            raise unavailable()
        try:
            yield
        finally:
            self._lock.release()

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            try:
                self._connection = _connect(self._address.url())
            except psycopg.OperationalError:
                # psycopg does not tell a wrong password from a server that is away; nor need it: either may be
                # mended by what the address says now.
                if not self._address.renew():
                    raise
                self._connection = _connect(self._address.url())
        return self._connection

    def _is_dead(self) -> bool:
        return self._connection is None or bool(self._connection.closed)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _connect(url: str) -> Connection:
    try:
        made = Connection.connect(
            url,
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            tcp_user_timeout=_SILENCE_MILLISECONDS,
            application_name="artstore",
        )
    except psycopg.ProgrammingError:
        # Its text repeats what it could not read, a password perhaps.
        raise Misconfigured("the URL of the index is no connection string of PostgreSQL") from None
    made.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MILLISECONDS}")
    return made


def unavailable() -> Unavailable:
    """Give the error that stands for a server which does not answer."""
    return Unavailable("the index does not answer", code="index_unavailable")
