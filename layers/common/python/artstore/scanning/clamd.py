"""A client of ClamAV's daemon: one document, one connection, one line of answer (clamd(8), INSTREAM).

The bytes are sent as they come, each piece behind its length (four bytes, big endian), nothing behind the last; so
memory is that of one piece. Of what clamd says one line of at most ``MAX_ANSWER`` bytes is read and taken apart
strictly: what is not understood is a failure, and what says FOUND is a finding whatever else stands there.

Nothing here waits longer than one limit for the whole document, and never past the request's own deadline. After a
failure that is the scanner's, not the document's, it is let alone for some seconds, longer each time, so that a
scanner that hangs holds up no queue.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Final

from artstore import deadline
from artstore.scanning import CLEAN, FAILED, SKIPPED, Verdict

Address = tuple[str, int] | str
"""Host and port, or the path of a Unix socket."""
MAX_ANSWER = 1024
CONNECT_SECONDS = 2.0
VERSION_SECONDS = 300.0
"""How long it is taken for granted which signatures the scanner has."""
PAUSES = (5.0, 15.0, 60.0)
"""How long the scanner is let alone after so many failures in a row, in seconds."""
PIECE_BYTES = 1024**2
RESERVED_SECONDS = 4.0
"""What is left of the request's time, to write down what came of it."""

_FOUND = re.compile(rb"stream: (.*) FOUND", re.DOTALL)
_TOO_LARGE = re.compile(rb"(?:stream: )?INSTREAM[:]? size limit exceeded\.? ERROR")
_UNPRINTABLE = re.compile(r"[^ -~]")
_MAX_NAME = 200
_END: Final = struct.pack("!I", 0)
_SCANNERS_FAULT = frozenset({"unreachable", "timeout", "connection_lost"})


class _Failure(Exception):
    """No verdict: ``reason`` is what attr.json tells."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ClamdScanner:
    """Scanner: clamd at one address. Several threads may scan at once, each on a connection of its own."""

    def __init__(
        self,
        address: Address,
        seconds: float,
        *,
        failed: Callable[[str], None] = lambda _detail: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take where clamd listens, and the most that one document may take; ``failed`` is told what went
        wrong, in words. Nothing is connected yet."""
        self._address = address
        self._seconds = seconds
        self._failed = failed
        self._clock = clock
        self._failures = 0
        self._let_alone_until = 0.0
        self._engine: str | None = None
        self._engine_until = 0.0

    def scan(self, chunks: Iterator[bytes]) -> Verdict:
        """See Scanner.

        ``failed`` comes with the reason ``unreachable``, ``paused`` (it was unreachable a moment ago),
        ``timeout``, ``connection_lost``, ``scanner_error`` (clamd answered ERROR) or ``answer_unknown``; bytes
        that clamd takes no more of (StreamMaxLength) are ``skipped`` as ``scanner_limit``.
        """
        if self._clock() < self._let_alone_until:
            return Verdict(status=FAILED, reason="paused")
        try:
            ends = self._clock() + min(self._seconds, deadline.remaining() - RESERVED_SECONDS)
            verdict = self._read(self._ask(chunks, ends), ends)
        except _Failure as failure:
            if failure.reason in _SCANNERS_FAULT and self._clock() >= self._let_alone_until:
                pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
                self._failures += 1
                self._let_alone_until = self._clock() + pause
            self._failed(f"{failure.reason}: {failure.__cause__ or 'no verdict'}")
            return Verdict(status=FAILED, reason=failure.reason)
        self._failures = 0
        return verdict

    def _ask(self, chunks: Iterator[bytes], ends: float) -> bytes:
        with self._connected(ends) as connection:
            has_said = select.poll()
            has_said.register(connection, select.POLLIN)
            try:
                self._send(connection, b"zINSTREAM\0", ends)
                for piece in _pieces(chunks):
                    self._send(connection, struct.pack("!I", len(piece)) + piece, ends)
                    if has_said.poll(0):
                        break  # it has heard enough
                else:
                    self._send(connection, _END, ends)
            except (BrokenPipeError, ConnectionResetError):
                with contextlib.suppress(_Failure):  # what it said before it hung up says more
                    return self._receive(connection, ends)
                raise _Failure("connection_lost") from None
            return self._receive(connection, ends)

    def _read(self, answer: bytes, ends: float) -> Verdict:
        if answer == b"stream: OK":
            return Verdict(status=CLEAN, engine=self._version(ends))
        if (found := _FOUND.fullmatch(answer)) is not None:
            return Verdict(status="infected", signature=_name(found[1]), engine=self._version(ends))
        if _TOO_LARGE.fullmatch(answer) is not None:
            self._failed("clamd's StreamMaxLength is less than what it is sent")
            return Verdict(status=SKIPPED, reason="scanner_limit")
        if answer.endswith(b" ERROR"):
            raise _Failure("scanner_error") from ValueError(_name(answer))
        raise _Failure("answer_unknown")

    def _version(self, ends: float) -> str | None:
        """Give which program with which signatures it is; None where it does not say, which spoils no verdict."""
        if self._clock() >= self._engine_until:
            try:
                with self._connected(ends) as connection:
                    self._send(connection, b"zVERSION\0", ends)
                    self._engine = _name(self._receive(connection, ends)) or None
            except (_Failure, OSError):
                self._engine = None
            self._engine_until = self._clock() + VERSION_SECONDS
        return self._engine

    @contextlib.contextmanager
    def _connected(self, ends: float) -> Iterator[socket.socket]:
        family = socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET
        try:
            if isinstance(self._address, str):
                connection = socket.socket(family, socket.SOCK_STREAM)
                connection.settimeout(min(CONNECT_SECONDS, self._left(ends)))
                connection.connect(self._address)
            else:
                connection = socket.create_connection(self._address, min(CONNECT_SECONDS, self._left(ends)))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise _Failure("unreachable") from error
        with connection:
            yield connection

    def _send(self, connection: socket.socket, data: bytes, ends: float) -> None:
        connection.settimeout(self._left(ends))
        try:
            connection.sendall(data)
        except TimeoutError as error:
            raise _Failure("timeout") from error
        except (BrokenPipeError, ConnectionResetError):
            raise
        except OSError as error:
            raise _Failure("connection_lost") from error

    def _receive(self, connection: socket.socket, ends: float) -> bytes:
        """Give the answer without the NUL that ends it."""
        answer = b""
        while not answer.endswith(b"\0"):
            connection.settimeout(self._left(ends))
            try:
                more = connection.recv(MAX_ANSWER + 1 - len(answer))
            except TimeoutError as error:
                raise _Failure("timeout") from error
            except OSError as error:
                raise _Failure("connection_lost") from error
            if not more:
                raise _Failure("connection_lost")
            answer += more
            if len(answer) > MAX_ANSWER or b"\0" in answer[:-1]:
                raise _Failure("answer_unknown")
        return answer[:-1]

    def _left(self, ends: float) -> float:
        left = ends - self._clock()
        if left <= 0:
            raise _Failure("timeout")
        return left


def _pieces(chunks: Iterator[bytes]) -> Iterator[memoryview]:
    """Cut what comes into pieces that are neither empty, which would end it, nor large."""
    for chunk in chunks:
        view = memoryview(chunk)
        for start in range(0, len(view), PIECE_BYTES):
            yield view[start : start + PIECE_BYTES]


def _name(text: bytes) -> str:
    """Make what a scanner calls a thing fit to be kept and shown: printable ASCII, and not long."""
    return _UNPRINTABLE.sub("?", text.decode("ascii", "replace"))[:_MAX_NAME]
