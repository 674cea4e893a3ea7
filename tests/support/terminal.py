"""A terminal in which a person pastes."""

from __future__ import annotations

import errno
import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_TAKES_PASTES = b"\x1b[?2004h"
"""What a shell prints that wants pasted text between two marks, so that it does not act on each line at once."""
_PASTE_BEGINS, _PASTE_ENDS = b"\x1b[200~", b"\x1b[201~"
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[=>]|\r")


def paste(shell: Sequence[str], text: str, cwd: Path, env: Mapping[str, str], timeout_seconds: float) -> str:
    """Start an interactive shell on a terminal, paste `text`, press Return, leave. Gives all that was shown.

    Raises TimeoutError, with what was shown, when the shell does not end in time.
    """
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (50, 400))
    process = subprocess.Popen(
        shell, cwd=cwd, env=dict(env), stdin=slave, stdout=slave, stderr=slave, preexec_fn=lambda: os.login_tty(0)
    )
    os.close(slave)
    try:
        deadline = time.monotonic() + timeout_seconds
        shown = _read(master, time.monotonic() + 10, until_prompt=True)
        marks = (_PASTE_BEGINS, _PASTE_ENDS) if _TAKES_PASTES in shown else (b"", b"")
        os.write(master, marks[0] + text.encode().replace(b"\n", b"\r") + marks[1] + b"\rexit\r")
        shown += _read(master, deadline)
        process.wait(max(0.1, deadline - time.monotonic()))
    finally:
        process.kill()
        process.wait()
        os.close(master)
    return _CONTROL.sub("", shown.decode(errors="replace"))


def _read(master: int, deadline: float, *, until_prompt: bool = False) -> bytes:
    """What the terminal shows until the shell has ended, or, when asked, until it waits for input."""
    shown = b""
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([master], [], [], min(left, 0.5))
        if not ready:
            if until_prompt and shown:
                return shown
            continue
        try:
            piece = os.read(master, 65536)
        except OSError as error:
            if error.errno == errno.EIO:  # the shell has closed its side
                return shown
            raise
        if not piece:
            return shown
        shown += piece
    raise TimeoutError(_CONTROL.sub("", shown.decode(errors="replace")))
