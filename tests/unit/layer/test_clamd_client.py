"""The client of clamd and a scanner that misbehaves: each thing it may do has one outcome, within its time."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from artstore import deadline
from artstore.errors import Unavailable
from artstore.scanning import Verdict
from artstore.scanning.clamd import MAX_ANSWER, PAUSES, RESERVED_SECONDS, ClamdScanner

Act = Callable[[socket.socket], None]
"""What the scanner does with one connection, which is closed afterwards."""


class ScriptedScanner:
    """Listens at a Unix socket, and does the next thing of its script with each connection."""

    def __init__(self, directory: Path, *script: Act) -> None:
        self.path = str(directory / "scanner.sock")
        self.taken: list[bytes] = []
        self._script = list(script)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.path)
        self._listening.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                command = _until_nul(connection)
                if command == b"zVERSION":
                    connection.sendall(b"ClamAV 1.4.6/27000/Mon\0")
                    continue
                assert command == b"zINSTREAM"
                self._script.pop(0)(connection)

    def taking(self, answer: bytes) -> Act:
        """Take all that is sent, and answer."""

        def act(connection: socket.socket) -> None:
            body = b""
            while (length := struct.unpack("!I", _exactly(connection, 4))[0]) > 0:
                body += _exactly(connection, length)
            self.taken.append(body)
            connection.sendall(answer)

        return act


def _until_nul(connection: socket.socket) -> bytes:
    taken = b""
    while not taken.endswith(b"\0"):
        taken += _exactly(connection, 1)
    return taken[:-1]


def _exactly(connection: socket.socket, count: int) -> bytes:
    taken = b""
    while len(taken) < count:
        more = connection.recv(count - len(taken))
        if not more:
            raise ConnectionError
        taken += more
    return taken


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[ScriptedScanner]:
    server = ScriptedScanner(tmp_path)
    yield server
    server.close()


def play(server: ScriptedScanner, *script: Act) -> None:
    server._script[:] = script


def client(server: ScriptedScanner, seconds: float = 5.0) -> ClamdScanner:
    return ClamdScanner(server.path, seconds)


def test_the_bytes_arrive_whole_and_empty_pieces_end_nothing(scripted: ScriptedScanner) -> None:
    play(scripted, scripted.taking(b"stream: OK\0"))
    large = b"x" * (3 * 1024**2 + 1)
    verdict = client(scripted).scan(iter([b"one", b"", large]))
    assert verdict == Verdict(status="clean", engine="ClamAV 1.4.6/27000/Mon")
    assert scripted.taken == [b"one" + large]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"stream: Win.Test.EICAR_HDB-1 FOUND\0", ("infected", "Win.Test.EICAR_HDB-1", None)),
        (b"stream: OK FOUND\0", ("infected", "OK", None)),
        (b"stream: a\nstream: OK\x1b[0m FOUND\0", ("infected", "a?stream: OK?[0m", None)),
        (b"stream: " + b"n" * 900 + b" FOUND\0", ("infected", "n" * 200, None)),
        (b"INSTREAM size limit exceeded. ERROR\0", ("skipped", None, "scanner_limit")),
        (b"stream: Can't allocate memory ERROR\0", ("failed", None, "scanner_error")),
        (b"UNKNOWN COMMAND\0", ("failed", None, "answer_unknown")),
        (b"stream: OK\n\0", ("failed", None, "answer_unknown")),
        (b"stream: ok\0", ("failed", None, "answer_unknown")),
        (b"OK\0", ("failed", None, "answer_unknown")),
        (b"\0", ("failed", None, "answer_unknown")),
        (b"stream: OK\0stream: OK\0", ("failed", None, "answer_unknown")),
        (b"x" * (MAX_ANSWER + 1), ("failed", None, "answer_unknown")),
        (b"stream: OK", ("failed", None, "connection_lost")),
        (b"", ("failed", None, "connection_lost")),
    ],
)
def test_one_line_is_read_strictly_and_found_means_found(
    scripted: ScriptedScanner, answer: bytes, expected: tuple[str, str | None, str | None]
) -> None:
    play(scripted, scripted.taking(answer))
    verdict = client(scripted).scan(iter([b"bytes"]))
    assert (verdict.status, verdict.signature, verdict.reason) == expected


def test_a_scanner_that_hangs_up_in_the_middle_has_said_nothing(scripted: ScriptedScanner) -> None:
    play(scripted, lambda connection: None)
    verdict = client(scripted).scan(b"x" * 1024**2 for _ in range(20))
    assert verdict == Verdict(status="failed", reason="connection_lost")


def test_what_it_says_before_it_hangs_up_in_the_middle_counts(scripted: ScriptedScanner) -> None:
    def enough(connection: socket.socket) -> None:
        connection.sendall(b"INSTREAM size limit exceeded. ERROR\0")
        _exactly(connection, 10)

    play(scripted, enough)
    verdict = client(scripted).scan(b"x" * 1024**2 for _ in range(20))
    assert verdict == Verdict(status="skipped", reason="scanner_limit")


@pytest.mark.parametrize("takes", [True, False], ids=["answers nothing", "takes nothing"])
def test_a_slow_scanner_is_waited_for_no_longer_than_the_limit(scripted: ScriptedScanner, takes: bool) -> None:
    done = threading.Event()

    def dawdle(connection: socket.socket) -> None:
        if takes:
            scripted.taking(b"")(connection)
        done.wait(10)

    play(scripted, dawdle)
    begun = time.monotonic()
    verdict = client(scripted, seconds=0.3).scan(b"x" * 1024**2 for _ in range(20))
    done.set()
    assert verdict == Verdict(status="failed", reason="timeout")
    assert time.monotonic() - begun < 3


def test_bytes_that_trickle_out_of_it_do_not_outlast_the_limit(scripted: ScriptedScanner) -> None:
    def trickle(connection: socket.socket) -> None:
        scripted.taking(b"")(connection)
        for _ in range(100):
            connection.sendall(b"s")
            time.sleep(0.05)

    play(scripted, trickle)
    assert client(scripted, seconds=0.3).scan(iter([b"x"])).reason == "timeout"


def test_the_deadline_of_the_request_is_a_limit_too(scripted: ScriptedScanner) -> None:
    done = threading.Event()

    def wait(_connection: socket.socket) -> None:
        done.wait(10)

    play(scripted, wait)
    begun = time.monotonic()
    with deadline.within(RESERVED_SECONDS + 0.3):
        assert client(scripted, seconds=60).scan(iter([b"x"])).reason == "timeout"
    done.set()
    assert time.monotonic() - begun < 3


def test_nobody_listening_is_told_at_once(tmp_path: Path) -> None:
    for address in (str(tmp_path / "nothing"), ("127.0.0.1", 9)):
        assert ClamdScanner(address, 5).scan(iter([b"x"])) == Verdict(status="failed", reason="unreachable")


def test_a_scanner_that_is_away_is_let_alone_for_a_while_and_then_tried_again(scripted: ScriptedScanner) -> None:
    now = [1000.0]
    scanner = ClamdScanner(scripted.path, 5, clock=lambda: now[0])
    play(scripted, lambda _: None, lambda _: None, scripted.taking(b"stream: OK\0"))
    assert scanner.scan(iter([b"x"])).reason == "connection_lost"
    assert scanner.scan(iter([b"x"])).reason == "paused"
    now[0] += PAUSES[0]
    assert scanner.scan(iter([b"x"])).reason == "connection_lost"
    now[0] += PAUSES[0]
    assert scanner.scan(iter([b"x"])).reason == "paused"
    now[0] += PAUSES[1]
    assert scanner.scan(iter([b"x"])).status == "clean"


def test_a_document_that_it_cannot_scan_does_not_stop_the_others(scripted: ScriptedScanner) -> None:
    play(scripted, scripted.taking(b"stream: no ERROR\0"), scripted.taking(b"stream: OK\0"))
    scanner = client(scripted)
    assert scanner.scan(iter([b"x"])).reason == "scanner_error"
    assert scanner.scan(iter([b"x"])).status == "clean"


def test_where_storage_does_not_give_the_bytes_there_is_no_verdict(scripted: ScriptedScanner) -> None:
    play(scripted, scripted.taking(b"stream: OK\0"))

    def chunks() -> Iterator[bytes]:
        yield b"first"
        raise Unavailable("storage does not answer")

    with pytest.raises(Unavailable):
        client(scripted).scan(chunks())
    assert scripted.taken == []


def test_a_scanner_that_does_not_name_itself_spoils_no_verdict(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()

        def serve() -> None:
            first, _ = listening.accept()
            with first:
                _exactly(first, 10 + 4 + 1 + 4)
                first.sendall(b"stream: OK\0")
            listening.accept()[0].close()

        thread = threading.Thread(target=serve)
        thread.start()
        assert ClamdScanner(path, 5).scan(iter([b"x"])) == Verdict(status="clean")
        thread.join()
