"""Runs work on strangers' bytes in a child process that cannot take more than it is given.

The child is forked, so that it starts in milliseconds with its libraries loaded, and can do less than its
parent: it has no descriptor but the pipe to answer through and gets no other (``lockdown``), and has so much
address space, processor time and time on the clock and no more. Whatever it does, running in circles or dying of
a signal, ends as a reason.

It has its parent's memory. So the parent is to be a process that holds no secret: ``helper``.
"""

from __future__ import annotations

import enum
import os
import resource
import select
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import msgspec

from artstore.errors import Unavailable
from functions.storage_events.extraction.process.lockdown import limit, lock_down

_HEADER = struct.Struct("!I")
_OUT_OF_MEMORY = 3
_FAILED = 4
_READ = 65536
_MOST_DESCRIPTORS = 65536


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the child may use. Memory counts on top of what the parent has mapped; macOS does not keep to it."""

    memory_bytes: int = 512 * 1024 * 1024
    cpu_seconds: int = 5
    wall_seconds: float = 6.0
    answer_bytes: int = 4 * 1024 * 1024


class Ending(enum.StrEnum):
    """How the child ended."""

    FINISHED = "finished"
    FAILED = "failed"
    MEMORY = "memory_limit"
    CPU = "cpu_limit"
    TIME = "time_limit"
    ANSWER = "answer_limit"
    CRASHED = "crashed"


Send = Callable[[bytes], None]


def run_confined(work: Callable[[Send], None], limits: Limits) -> tuple[list[bytes], Ending]:
    """Run ``work`` in a child; give the messages it sent, in order, and how it ended.

    Messages sent before an end by limit are kept. An exception of ``work`` is Ending.FAILED.
    Raises Unavailable when no process can be made.
    """
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError as error:
        os.close(reading)
        os.close(writing)
        raise Unavailable("no process can be started for extraction") from error
    if child == 0:
        _live(work, writing, limits)
    os.close(writing)
    try:
        answer, cut_short = _collect(reading, limits)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)  # without effect on one that has ended and waits to be reaped
        _, status = os.waitpid(child, 0)
    return _messages(answer), cut_short or _ending(status)


def _collect(reading: int, limits: Limits) -> tuple[bytes, Ending | None]:
    """Read what the child sends until it ends, or until it has had its time or said too much."""
    deadline = time.monotonic() + limits.wall_seconds
    readable = select.poll()
    readable.register(reading, select.POLLIN)
    answer = bytearray()
    while (left := deadline - time.monotonic()) > 0:
        if not readable.poll(left * 1000):
            break
        chunk = os.read(reading, _READ)
        if not chunk:
            return bytes(answer), None
        answer += chunk
        if len(answer) > limits.answer_bytes:
            return bytes(answer), Ending.ANSWER
    return bytes(answer), Ending.TIME


def _messages(answer: bytes) -> list[bytes]:
    """Split the whole messages off; one that was cut is dropped."""
    messages: list[bytes] = []
    at = 0
    while at + _HEADER.size <= len(answer):
        (length,) = _HEADER.unpack_from(answer, at)
        at += _HEADER.size
        if at + length > len(answer):
            break
        messages.append(answer[at : at + length])
        at += length
    return messages


def _ending(status: int) -> Ending:
    if os.WIFSIGNALED(status):
        return Ending.CPU if os.WTERMSIG(status) == signal.SIGXCPU else Ending.CRASHED
    code = os.waitstatus_to_exitcode(status)
    return {0: Ending.FINISHED, _OUT_OF_MEMORY: Ending.MEMORY}.get(code, Ending.FAILED)


def _live(work: Callable[[Send], None], writing: int, limits: Limits) -> NoReturn:
    """Be the child. It never returns into the parent's code, whatever happens."""
    code = _FAILED
    try:
        answer = _confine(writing, limits)
        work(lambda message: _send(answer, message))
        code = 0
    except MemoryError:
        code = _OUT_OF_MEMORY
    finally:
        os._exit(code)


def _confine(writing: int, limits: Limits) -> int:
    """Give up descriptors and take on limits; give the descriptor to answer through."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    answer = 3
    os.dup2(writing, answer)
    os.closerange(answer + 1, min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], _MOST_DESCRIPTORS))
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_FSIZE, 0)
    limit(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1)
    if (mapped := _mapped_bytes()) is not None:
        limit(resource.RLIMIT_AS, mapped + limits.memory_bytes)
    lock_down()
    return answer


def _mapped_bytes() -> int | None:
    """Tell how much address space this process has mapped (proc(5), statm); None where that cannot be told."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    except OSError:
        return None
    return int(pages) * resource.getpagesize()


def _send(answer: int, message: bytes) -> None:
    data = memoryview(_HEADER.pack(len(message)) + message)
    while data:
        data = data[os.write(answer, data) :]
