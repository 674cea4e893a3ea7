"""A server that answers each HTTP request as the next line of its script says, byte for byte."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import zlib
from collections.abc import Callable
from typing import Any

Act = Callable[[socket.socket, bytes], bool]
"""Answers a request that was read whole, given its body; False ends the connection."""


def answer(body: Any, status: int = 200, /, **headers: str) -> Act:
    """Answer with JSON, and keep the connection."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Content-Length": str(len(content)), "x-amz-crc32": str(zlib.crc32(content))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return raw(f"{head}\r\n".encode() + content)


def echo(connection: socket.socket, body: bytes) -> bool:
    """Answer with the body of the request."""
    return answer(body)(connection, body)


def raw(sent: bytes, *, keep: bool = True) -> Act:
    """Answer with exactly these bytes."""

    def act(connection: socket.socket, _body: bytes) -> bool:
        connection.sendall(sent)
        return keep

    return act


def hang_up(_connection: socket.socket, _body: bytes) -> bool:
    """Answer nothing."""
    return False


def silence(seconds: float) -> Act:
    """Answer nothing for a while."""

    def act(_connection: socket.socket, _body: bytes) -> bool:
        threading.Event().wait(seconds)
        return False

    return act


class ScriptedServer:
    """Listens on a port of this machine; keeps what it was asked."""

    def __init__(self, *script: Act, tls: ssl.SSLContext | None = None) -> None:
        self.script = list(script)
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._tls = tls
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Close everything."""
        self._listening.close()
        self.hang_up_on_all()

    def hang_up_on_all(self) -> None:
        """Close every connection that is open, as a server does with idle ones."""
        while self._open:
            with contextlib.suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            self._open.append(connection)
            with connection, connection.makefile("rb") as stream:
                while stream.readline():
                    headers: dict[str, str] = {}
                    while (line := stream.readline().strip()) != b"":
                        name, _, value = line.decode().partition(": ")
                        headers[name] = value
                    body = stream.read(int(headers["content-length"]))
                    with self._lock:
                        self.requests.append((headers, body))
                        act = self.script.pop(0) if self.script else hang_up
                    if not act(connection, body):
                        return
        except (OSError, ValueError):
            plain.close()
