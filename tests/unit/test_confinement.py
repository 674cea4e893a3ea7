"""Work on strangers' bytes gets what it is given and no more, and its end always has a reason."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from functions.storage_events.confinement import Ending, Limits, Send, run_confined

LIMITS = Limits(memory_bytes=64 * 1024 * 1024, cpu_seconds=1, wall_seconds=3.0, answer_bytes=100_000)


def test_what_was_sent_arrives_in_order() -> None:
    def work(send: Send) -> None:
        for number in range(100):
            send(str(number).encode())

    assert run_confined(work, LIMITS) == ([str(number).encode() for number in range(100)], Ending.FINISHED)


def test_an_exception_is_a_failure_and_what_was_sent_before_is_kept() -> None:
    def work(send: Send) -> None:
        send(b"before")
        raise ValueError("inside")

    assert run_confined(work, LIMITS) == ([b"before"], Ending.FAILED)


def test_running_in_circles_ends_at_the_processor_limit() -> None:
    def work(send: Send) -> None:
        send(b"before")
        while True:
            pass

    started = time.monotonic()
    assert run_confined(work, LIMITS) == ([b"before"], Ending.CPU)
    assert time.monotonic() - started < 3


def test_waiting_ends_at_the_time_limit() -> None:
    def work(send: Send) -> None:
        time.sleep(60)

    limits = Limits(wall_seconds=0.2)
    started = time.monotonic()
    assert run_confined(work, limits) == ([], Ending.TIME)
    assert time.monotonic() - started < 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to RLIMIT_AS")
def test_taking_memory_ends_at_the_memory_limit() -> None:
    def work(send: Send) -> None:
        send(b"before")
        bytearray(256 * 1024 * 1024)

    assert run_confined(work, LIMITS) == ([b"before"], Ending.MEMORY)


def test_saying_too_much_ends_at_the_answer_limit() -> None:
    def work(send: Send) -> None:
        while True:
            send(b"x" * 30_000)

    messages, ending = run_confined(work, LIMITS)
    assert ending is Ending.ANSWER
    assert 3 <= len(messages) <= 8


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_dying_of_a_signal_is_a_crash(number: signal.Signals) -> None:
    assert run_confined(lambda send: os.kill(os.getpid(), number), LIMITS) == ([], Ending.CRASHED)


def test_leaving_early_is_not_success() -> None:
    assert run_confined(lambda send: os._exit(1), LIMITS) == ([], Ending.FAILED)
    assert run_confined(lambda send: sys.exit("bye"), LIMITS) == ([], Ending.FAILED)


def test_the_child_holds_none_of_the_parents_connections() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def work(send: Send) -> None:
            try:
                theirs.send(b"stolen")
            except OSError:
                send(b"closed")

        messages, ending = run_confined(work, LIMITS)
    assert ending is Ending.FINISHED
    assert messages == [b"closed"]


def test_the_child_writes_no_file(tmp_path: Path) -> None:
    target = tmp_path / "file"

    def work(send: Send) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        target.write_bytes(b"data")

    assert run_confined(work, LIMITS)[1] is Ending.FAILED
    assert not target.exists() or target.read_bytes() == b""


def test_what_the_child_prints_does_not_reach_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    def work(send: Send) -> None:
        os.write(1, b"printed")
        os.write(2, b"complained")

    assert run_confined(work, LIMITS)[1] is Ending.FINISHED
    assert capfd.readouterr() == ("", "")


def test_no_child_is_left_behind() -> None:
    for _ in range(20):
        run_confined(lambda send: None, LIMITS)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_no_descriptor_is_left_open() -> None:
    def count() -> int:
        return sum(1 for _ in Path("/dev/fd").iterdir())

    run_confined(lambda send: None, LIMITS)
    before = count()
    for _ in range(20):
        run_confined(lambda send: None, LIMITS)
    assert count() == before
