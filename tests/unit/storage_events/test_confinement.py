"""Work on strangers' bytes gets what it is given and no more, and its end always has a reason."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from functions.storage_events.extraction.process.confinement import Ending, Limits, Send, run_confined

LIMITS = Limits(memory_bytes=64 * 1024 * 1024, cpu_seconds=1, wall_seconds=20.0, answer_bytes=100_000)


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
    assert time.monotonic() - started < LIMITS.wall_seconds


def test_waiting_ends_at_the_time_limit() -> None:
    def work(send: Send) -> None:
        time.sleep(60)

    limits = Limits(wall_seconds=0.2)
    started = time.monotonic()
    assert run_confined(work, limits) == ([], Ending.TIME)
    assert time.monotonic() - started < 30


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


@pytest.mark.parametrize("die", [lambda send: ctypes.string_at(0), lambda send: os.abort()])
def test_dying_of_a_signal_is_a_crash(die: Callable[[Send], None]) -> None:
    assert run_confined(die, LIMITS) == ([], Ending.CRASHED)


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


def test_the_child_opens_no_file_and_no_connection_even_in_place_of_another_descriptor(tmp_path: Path) -> None:
    target = tmp_path / "file"
    attempts: list[Callable[[], object]] = [
        lambda: target.write_bytes(b"data"),
        lambda: Path(__file__).read_bytes(),
        socket.socket,
        os.pipe,
        lambda: os.dup(1),
    ]

    def work(send: Send) -> None:
        os.close(0)
        for attempt in attempts:
            try:
                attempt()
            except OSError:
                send(b"refused")

    assert run_confined(work, LIMITS) == ([b"refused"] * len(attempts), Ending.FINISHED)
    assert not target.exists()


def test_a_module_that_is_not_loaded_is_absent() -> None:
    def work(send: Send) -> None:
        try:
            importlib.import_module("this")
        except ModuleNotFoundError:
            send(b"absent")

    assert run_confined(work, LIMITS) == ([b"absent"], Ending.FINISHED)


def test_what_the_child_prints_does_not_reach_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    def work(send: Send) -> None:
        os.write(1, b"printed")
        os.write(2, b"complained")

    assert run_confined(work, LIMITS)[1] is Ending.FINISHED
    assert capfd.readouterr() == ("", "")


def reap() -> int:
    """Tell how many children have ended and were not waited for, and wait for them."""
    count = 0
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            count += 1
    return count


def test_no_child_is_left_behind() -> None:
    reap()
    for _ in range(20):
        run_confined(lambda send: None, LIMITS)
    assert reap() == 0


def test_no_descriptor_is_left_open() -> None:
    def count() -> int:
        return sum(1 for _ in Path("/dev/fd").iterdir())

    run_confined(lambda send: None, LIMITS)
    before = count()
    for _ in range(20):
        run_confined(lambda send: None, LIMITS)
    assert count() == before
