"""Tells what it can reach from where it runs: environment, files, the network, programs, other processes."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from functions.storage_events.extraction.contract import Document, Report

SYS_PTRACE_ATTACH = 16


def _call(name: str, *arguments: object) -> None:
    """Call the C library. Raises OSError when it says no."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


ATTEMPTS: dict[str, Callable[[], object]] = {
    "reads its parent's environment": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "reads a file": lambda: Path(__file__).read_bytes(),
    "writes a file": lambda: Path("/tmp/artstore-pried").write_bytes(b"x"),
    "makes a socket": socket.socket,
    "makes a pipe": os.pipe,
    "starts a program": lambda: subprocess.run(["/bin/true"], check=True),
    "becomes another program": lambda: _call("execv", b"/bin/true", None),
    "forks": os.fork,
    "signals its parent": lambda: os.kill(os.getppid(), signal.SIGTERM),
    "traces its parent": lambda: _call("ptrace", SYS_PTRACE_ATTACH, os.getppid(), 0, 0),
    "makes a folder": lambda: Path("/tmp/artstore-pried").mkdir(exist_ok=True),
}


def read(document: Document, report: Report) -> None:
    report.text(f"environment: {sorted(os.environ)}\n")
    report.text(f"secret in memory: {any(document.body in each for each in _texts())}\n")
    for name, attempt in ATTEMPTS.items():
        try:
            attempt()
        except OSError:
            continue
        report.text(f"{name}\n")


def _texts() -> list[bytes]:
    return [each.encode() for each in gc.get_objects() if isinstance(each, str)]
