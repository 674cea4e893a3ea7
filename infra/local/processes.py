"""Processes that outlive the command which started them: recognised for certain before they are ended.

A process id alone names nobody, since the system hands it out again. A process is ours when its start time is
the recorded one, or when its environment holds a path that only our stack uses.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.errors import CommandError
from infra.local.state import read_json, write_json

PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessRecord:
    """A process, identified beyond its id by the moment it started."""

    pid: int
    started: str


def start_mark(pid: int) -> str | None:
    """A text that no other process with this id will ever have, or None when no such process runs.

    A zombie counts as ended. proc_pid_stat(5): field 22 is the start time in ticks since boot.
    """
    if not PROC.joinpath("self/stat").exists():
        shown = subprocess.run(
            ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout.split(maxsplit=1)
        return None if len(shown) < 2 or shown[0].startswith("Z") else shown[1].strip()
    try:
        fields = (PROC / str(pid) / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
        boot = (PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def command_line(pid: int) -> str:
    """The command and its arguments, separated by blanks; empty when there is no such process."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return subprocess.run(
            ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout.strip()


def record(path: Path, pid: int) -> ProcessRecord:
    """Write down a process that has just been started. Raises ProcessLookupError when it ended already."""
    started = start_mark(pid)
    if started is None:
        raise ProcessLookupError(pid)
    process = ProcessRecord(pid, started)
    write_json(path, asdict(process))
    return process


def recorded(path: Path) -> ProcessRecord | None:
    """The process written down in `path`, running or not."""
    content = read_json(path)
    if content is None or content.keys() != {"pid", "started"}:
        return None
    return ProcessRecord(content["pid"], content["started"])


def is_running(process: ProcessRecord) -> bool:
    return start_mark(process.pid) == process.started


def wait_until(condition: Callable[[], bool], timeout_seconds: float, interval_seconds: float = 0.05) -> bool:
    """Poll until `condition` holds. Returns whether it did in time."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval_seconds)
    return True


def stop(process: ProcessRecord, grace_seconds: float) -> bool:
    """End a process: SIGTERM, and SIGKILL once the grace is over. Returns whether it ended by itself."""
    if not is_running(process):
        return True
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
    if wait_until(lambda: not is_running(process), grace_seconds):
        return True
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not is_running(process), 10)
    return False


def with_environment(entry: str) -> list[ProcessRecord]:
    """Running processes of this user whose environment holds `entry` ("NAME=value").

    Where the system shows no environments (there is no /proc) the answer is empty.
    """
    wanted = entry.encode()
    found: list[ProcessRecord] = []
    for path in PROC.glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                found += _record_of(path)
    return found


def working_below(directory: Path) -> list[ProcessRecord]:
    """Running processes whose working directory is this one or one below (none where there is no /proc)."""
    found: list[ProcessRecord] = []
    for path in PROC.glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if path.readlink().is_relative_to(directory):
                found += _record_of(path)
    return found


def with_command_naming(text: str) -> list[ProcessRecord]:
    """Running processes whose command or one of its arguments holds `text` (none where there is no /proc)."""
    found: list[ProcessRecord] = []
    for path in PROC.glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if text.encode() in path.read_bytes():
                found += _record_of(path)
    return found


def _record_of(path: Path) -> list[ProcessRecord]:
    """The process that a file of its directory in /proc tells of; none when it has ended meanwhile."""
    pid = int(path.parent.name)
    started = start_mark(pid)
    return [] if started is None else [ProcessRecord(pid, started)]


def free_port() -> int:
    """A TCP port on the loopback interface that nobody listens on at this moment.

    From below the range that Linux and macOS give to outgoing connections, so that it is free again tomorrow.
    """
    while not is_free(port := 20000 + secrets.randbelow(12000)):
        pass
    return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def read_port(path: Path) -> int | None:
    """The port written down in `path`, if one is."""
    try:
        return int(path.read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return None


def choose_port(given: int | None, remembered: int | None) -> int:
    """The port asked for, else the one used before if it is still free, else any free one.

    Raises CommandError when the port asked for is taken.
    """
    if given is not None:
        if not is_free(given):
            raise CommandError(f"Port {given} was asked for, but somebody listens on it")
        return given
    return remembered if remembered is not None and is_free(remembered) else free_port()
