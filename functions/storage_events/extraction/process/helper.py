"""A process of its own for reading documents, started clean: no environment, no credentials, no connections.

The function's process holds credentials, the database's address and open connections, and a fork of it would hold
them too. So reading is done in a helper: a fresh interpreter with an empty environment that has been given nothing
but the search path for modules. It forks one confined child for each document, from a process in which readers are
loaded already, and passes on what the child says. It ends with the process that started it.
"""

from __future__ import annotations

import contextlib
import encodings
import importlib
import json
import math
import os
import pkgutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Literal

import msgspec

from artstore import deadline
from artstore.config import environment
from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable
from functions.storage_events.extraction.contract import Document, StopReading
from functions.storage_events.extraction.parsing.charsets import load_guessing
from functions.storage_events.extraction.process.confinement import Ending, Limits, Send, run_confined
from functions.storage_events.extraction.process.messages import SendingReport

_LENGTHS = struct.Struct("!II")
_UNHURRIED = 0.75
"""The part of its time after which a reader is asked to stop, and so ends with what it has."""
_GRACE_SECONDS = 5.0
"""What the helper may take beyond a document's time: starting up, loading a reader, passing on."""
_LOADED_LATE = ("_strptime", "copy", "errno", "heapq", "warnings")
_PASSED_ON = ("LD_LIBRARY_PATH",)
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from functions.storage_events.extraction.process.helper import serve; serve()"
)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One document to read: the module of its reader, and what the reader is told."""

    reader: str
    guesses: Literal["body", "parts"] | None
    complete: bool
    charset: str | None
    limits: Limits


class _Answer(msgspec.Struct, frozen=True):
    ending: Ending | None
    messages: list[bytes]


_encode_task = msgspec.msgpack.Encoder().encode
_decode_task = msgspec.msgpack.Decoder(Task).decode
_encode_answer = msgspec.msgpack.Encoder().encode
_decode_answer = msgspec.msgpack.Decoder(_Answer).decode


class Helper:
    """The helper as the function sees it. One document at a time; a helper that fails is replaced."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._owner = 0

    def start(self) -> None:
        """Start the process unless it runs. Raises Unavailable when none can be started."""
        with self._lock:
            self._connect()

    def run(self, task: Task, body: bytes) -> tuple[list[bytes], Ending]:
        """Have a document read; give what its reader said and how it ended.

        Raises Unavailable when no process can be made, and DeadlineExceeded where the request has less time left
        than the document may take, perhaps since others are read before it.
        """
        with self._alone(task.limits.wall_seconds):
            for attempt in (1, 2):
                try:
                    answer = self._ask(self._connect(), task, body)
                except TimeoutError:
                    self._drop()
                    return [], Ending.TIME
                except (OSError, EOFError) as error:
                    self._drop()
                    if attempt == 2:
                        raise Unavailable("the process for extraction ends before it answers") from error
                    continue
                if answer.ending is None:
                    raise Unavailable("no process can be started for extraction")
                return answer.messages, answer.ending
        raise AssertionError

    def stop(self) -> None:
        """End the process."""
        with self._lock:
            self._drop()

    @contextlib.contextmanager
    def _alone(self, needed_seconds: float) -> Iterator[None]:
        wait = deadline.remaining() - needed_seconds
        if wait < 0 or not self._lock.acquire(timeout=-1 if wait == math.inf else wait):
            raise DeadlineExceeded("the document would not be read in time")
        try:
            yield
        finally:
            self._lock.release()

    def _ask(self, connection: socket.socket, task: Task, body: bytes) -> _Answer:
        connection.settimeout(task.limits.wall_seconds + _GRACE_SECONDS)
        head = _encode_task(task)
        connection.sendall(_LENGTHS.pack(len(head), len(body)) + head)
        connection.sendall(body)
        (length, _) = _LENGTHS.unpack(_receive(connection, _LENGTHS.size))
        return _decode_answer(_receive(connection, length))

    def _connect(self) -> socket.socket:
        if self._connection is not None and self._owner == os.getpid():
            return self._connection
        ours, theirs = socket.socketpair()
        passed_on = {name: value for name, value in environment().items() if name in _PASSED_ON}
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [
                        sys.executable,
                        "-I",
                        "-S",
                        "-c",
                        _START,
                        json.dumps([str(Path(path).absolute()) for path in sys.path]),
                    ],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=passed_on,
                    cwd="/",
                )
        except OSError as error:
            ours.close()
            raise Unavailable("no process can be started for extraction") from error
        self._connection, self._owner = ours, os.getpid()
        return ours

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
        self._connection = self._process = None


def _receive(connection: socket.socket, length: int) -> bytes:
    """Read so many bytes. Raises EOFError when the other side has ended."""
    data = bytearray(length)
    view = memoryview(data)
    while view:
        count = connection.recv_into(view)
        if not count:
            raise EOFError
        view = view[count:]
    return bytes(data)


def serve() -> None:
    """Be the helper: read one document after the other, until the process that asks is gone."""
    load_library()
    with socket.socket(fileno=os.dup(0)) as connection, contextlib.suppress(EOFError, ConnectionError):
        while True:
            head, length = _LENGTHS.unpack(_receive(connection, _LENGTHS.size))
            task = _decode_task(_receive(connection, head))
            answer = _encode_answer(_answer(task, _receive(connection, length)))
            connection.sendall(_LENGTHS.pack(len(answer), 0) + answer)


def _answer(task: Task, body: bytes) -> _Answer:
    reader = load_reader(task.reader, task.guesses, body)
    document = Document(body=body, complete=task.complete, charset=task.charset)
    stop_at = time.monotonic() + task.limits.wall_seconds * _UNHURRIED

    def work(send: Send) -> None:
        report = SendingReport(send, stop_at)
        try:
            reader.read(document, report)
        except StopReading as stop:
            report.finish(stop)
        except BaseException:
            report.flush()
            raise
        else:
            report.finish()

    try:
        messages, ending = run_confined(work, task.limits)
    except Unavailable:
        return _Answer(None, [])
    return _Answer(ending, messages)


def load_library() -> None:
    """Load Python's codecs, and what its library loads when first used: a confined child can open no file."""
    for name in _LOADED_LATE:
        importlib.import_module(name)
    for module in pkgutil.iter_modules(encodings.__path__):
        with contextlib.suppress(ImportError, LookupError):  # those of another system
            importlib.import_module(f"encodings.{module.name}")


def load_reader(name: str, guesses: Literal["body", "parts"] | None, body: bytes) -> ModuleType:
    """Load a reader and what it names as ``NEEDS``, and what guesses a charset if that may be needed."""
    reader = importlib.import_module(name)
    for needed in getattr(reader, "NEEDS", ()):
        importlib.import_module(needed)
    if guesses is not None and "chardet" not in sys.modules and not (guesses == "body" and _is_utf8(body)):
        load_guessing()
    return reader


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
