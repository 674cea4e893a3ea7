"""HTTP/1.1 to one endpoint over connections that are kept: what a signed request needs, and nothing more.

An exchange costs a tenth of a millisecond of processor time here, two and a half times that with http.client,
which reads headers as it would read a mail's. Failures are botocore's exceptions, so that callers tell them as
they tell botocore's own.

Safe for threads: a connection is used by one at a time. One that the server has closed meanwhile, or on which it
has sent more than the answer, is not used again: what is left over would be taken for the next answer. When a loss
shows only by using it, every idle one is given up, and trying again is the caller's decision.
"""

from __future__ import annotations

import contextlib
import functools
import select
import socket
import ssl
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from typing import IO, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import get_cert_path

from artstore.errors import Misconfigured

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MAX_IDLE: Final = 10
_MAX_LINE: Final = 65_536
_MAX_HEADERS: Final = 200
_PIECE: Final = 1024 * 1024


class Answer(NamedTuple):
    """What a server answered; names of headers are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Readable(Protocol):
    """A body that is read as it comes."""

    def read(self, size: int | None = None, /) -> bytes: ...
    def close(self) -> None: ...


class Incoming(NamedTuple):
    """An answer whose body is still to be read; see ``Body``."""

    status: int
    headers: Mapping[str, str]
    body: Readable


class Wire:
    """The way to one endpoint."""

    def __init__(self, url: str, ca_bundle: str | None = None) -> None:
        """Take ``http(s)://host[:port][/path]``; certificates are verified with ``ca_bundle``, or botocore's.

        Raises Misconfigured for what is no such URL. Nothing is opened before the first exchange.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise _no_endpoint() from error
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.query or parts.fragment:
            raise _no_endpoint()
        self.url = url
        self.path = parts.path or "/"
        default = _DEFAULT_PORTS[parts.scheme]
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.host = host if port in (None, default) else f"{host}:{port}"
        """The Host header."""
        self._address = (parts.hostname, port or default)
        self._secure = parts.scheme == "https"
        self._ca_bundle = ca_bundle
        self._idle: deque[_Connection] = deque(maxlen=_MAX_IDLE)

    def exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        connect_timeout: float,
        read_timeout: float,
    ) -> Answer:
        """Do as ``open`` does, and read the whole answer."""
        incoming = self.open(
            method, path, headers, body, connect_timeout=connect_timeout, read_timeout=read_timeout
        )
        return Answer(incoming.status, incoming.headers, incoming.body.read())

    def open(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        connect_timeout: float,
        read_timeout: float,
    ) -> Incoming:
        """Send a request and read the head of its answer; ``headers`` are sent as they are, a length is added.

        ``read_timeout`` (seconds) is the longest wait for any next bytes. The connection is kept once the body was
        read to its end, and is lost with ``close`` before that. Raises botocore's ConnectTimeoutError,
        EndpointConnectionError, SSLError, ReadTimeoutError, ConnectionClosedError and HTTPClientError.
        """
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"{method} {path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n"
        connection = self._take() or self._connect(connect_timeout)
        with self._failing(connection):
            connection.socket.settimeout(read_timeout)
            connection.socket.sendall(head.encode("latin-1") + body)
            version, status, received = _read_head(connection.stream)
            reusable = version != b"HTTP/1.0" and received.get("connection", "").lower() != "close"
            pieces = _pieces(connection.stream, method, status, received)
        return Incoming(status, received, Body(self, connection, pieces, reusable=reusable))

    @contextlib.contextmanager
    def _failing(self, connection: _Connection) -> Iterator[None]:
        """Give a connection up on which something goes wrong, and tell it as botocore does."""
        try:
            yield
        except BaseException as error:
            connection.close()
            if isinstance(error, TimeoutError):
                raise ReadTimeoutError(endpoint_url=self.url) from error
            if isinstance(error, OSError | EOFError):
                self._forget_idle()
                raise ConnectionClosedError(endpoint_url=self.url) from error
            if isinstance(error, ValueError):
                raise HTTPClientError(error=error) from error
            raise

    def _take(self) -> _Connection | None:
        """Give the connection that was used last, unless the server has closed it."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if connection.is_quiet():
                return connection
            connection.close()
        return None

    def _forget_idle(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _connect(self, timeout: float) -> _Connection:
        try:
            plain = socket.create_connection(self._address, timeout)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self.url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self.url, error=error) from error
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not self._secure:
                return _Connection(plain)
            context = _tls(self._ca_bundle)
            return _Connection(context.wrap_socket(plain, server_hostname=self._address[0]))
        except BaseException as error:
            plain.close()
            if isinstance(error, TimeoutError):
                raise ConnectTimeoutError(endpoint_url=self.url, error=error) from error
            if isinstance(error, ssl.SSLError):
                raise SSLError(endpoint_url=self.url, error=error) from error
            if isinstance(error, OSError):
                raise EndpointConnectionError(endpoint_url=self.url, error=error) from error
            raise


class _Connection:
    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.stream = connected.makefile("rb")
        self._poll = select.poll()
        self._poll.register(connected.fileno(), select.POLLIN)

    def is_quiet(self) -> bool:
        """Tell that nothing has come after the last answer: neither bytes, read already or not, nor the end."""
        if self._poll.poll(0):
            return False
        self.socket.settimeout(0)
        try:
            return not self.stream.peek(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.stream.close()
        with contextlib.suppress(OSError):
            self.socket.close()


def _no_endpoint() -> Misconfigured:
    return Misconfigured("an AWS endpoint is scheme://host[:port][/path] with http or https")


@functools.cache
def _tls(ca_bundle: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_bundle or get_cert_path(True))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _read_head(stream: IO[bytes]) -> tuple[bytes, int, dict[str, str]]:
    """Read status and headers of an answer (RFC 9112 §4, §5).

    Raises EOFError when the answer ends before its time, ValueError for what is none.
    """
    while True:
        version, status = _read_status(stream)
        headers = _read_headers(stream)
        if status >= 200:  # interim answers come before the one that counts (RFC 9110 §15.2)
            return version, status, headers


def _pieces(stream: IO[bytes], method: str, status: int, headers: Mapping[str, str]) -> _Pieces:
    """Tell how the body is parted (RFC 9112 §6.3). Raises ValueError."""
    if method == "HEAD" or status in (204, 304):
        return _OneLength(stream, 0)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _Chunks(stream)
    length = headers.get("content-length")
    if length is None:
        return _UntilTheEnd(stream)
    if not length.isdecimal():
        raise ValueError("the length of the answer is no number")
    return _OneLength(stream, int(length))


class _Pieces(Protocol):
    """A body as it comes: at most ``size`` bytes at a time, none at its end."""

    keeps: bool
    """Whether the end of the body leaves the connection of use."""

    def read(self, size: int) -> bytes: ...


class _OneLength:
    keeps = True

    def __init__(self, stream: IO[bytes], length: int) -> None:
        self._stream, self.left = stream, length

    def read(self, size: int) -> bytes:
        wanted = min(size, self.left)
        found = self._stream.read(wanted) if wanted else b""
        if len(found) != wanted:
            raise EOFError("the connection was closed")
        self.left -= wanted
        return found


class _Chunks:
    keeps = True

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._chunk = _OneLength(stream, 0)
        self._begun = self._ended = False

    def read(self, size: int) -> bytes:
        if not self._ended and not self._chunk.left:
            if self._begun:
                _read_line(self._stream)  # the end of the chunk before
            length = int(_read_line(self._stream).partition(b";")[0], 16)
            if length < 0:
                raise ValueError("a chunk of the answer has a negative length")
            self._begun, self._ended = True, length == 0
            self._chunk = _OneLength(self._stream, length)
            if self._ended:
                _read_headers(self._stream)  # trailers
        return self._chunk.read(size)


class _UntilTheEnd:
    keeps = False

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        return self._stream.read(size)


class Body:
    """The body of an answer, read as it comes. Not for several threads."""

    def __init__(self, wire: Wire, connection: _Connection, pieces: _Pieces, *, reusable: bool) -> None:
        self._wire = wire
        self._connection: _Connection | None = connection
        self._pieces = pieces
        self._reusable = reusable and pieces.keeps
        if isinstance(pieces, _OneLength) and not pieces.left:
            self._end()

    def read(self, size: int | None = None, /) -> bytes:
        """Read ``size`` bytes, fewer at the end; all of them when it is not said. Raises as ``Wire.open`` does."""
        found: list[bytes] = []
        left = sys.maxsize if size is None else size
        while left > 0 and self._connection is not None:
            with self._wire._failing(self._connection):
                piece = self._pieces.read(min(left, _PIECE))
            if not piece or (isinstance(self._pieces, _OneLength) and not self._pieces.left):
                self._end()
            found.append(piece)
            left -= len(piece)
        return found[0] if len(found) == 1 else b"".join(found)

    def close(self) -> None:
        """Let the rest go, and the connection with it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _end(self) -> None:
        if self._connection is not None:
            if self._reusable:
                self._wire._idle.append(self._connection)
            else:
                self._connection.close()
        self._connection = None


def _read_status(stream: IO[bytes]) -> tuple[bytes, int]:
    version, _, rest = _read_line(stream).partition(b" ")
    code = rest[:3]
    if not version.startswith(b"HTTP/1.") or not code.isdigit():
        raise ValueError("the answer is not HTTP/1.1")
    return version, int(code)


def _read_headers(stream: IO[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MAX_HEADERS):
        line = _read_line(stream)
        if not line:
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise ValueError("a header of the answer has no name")
        headers[name.lower()] = value.strip()
    raise ValueError("the answer has too many headers")


def _read_line(stream: IO[bytes]) -> bytes:
    line = stream.readline(_MAX_LINE)
    if not line.endswith(b"\n"):
        if len(line) == _MAX_LINE:
            raise ValueError("a line of the answer is too long")
        raise EOFError("the connection was closed")
    return line.rstrip(b"\r\n")
