"""What the commands print: one line a step, with how long it took."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator


class Console:
    """Prints steps. Several threads may use one console."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = time.perf_counter()

    def say(self, text: str) -> None:
        """Print a line as it is, at once."""
        with self._lock:
            print(text, flush=True)

    def warn(self, text: str) -> None:
        """Print a line that asks for attention, to standard error."""
        with self._lock:
            print(f"  ! {text}", file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Time a step. The block appends to the list what came of it; the line appears at its end.

        A step that raises prints nothing: the error says more.
        """
        outcome: list[str] = []
        started = time.perf_counter()
        yield outcome
        seconds = time.perf_counter() - started
        self.say(f"  {name:<12} {' '.join(outcome) or 'done':<66} {seconds:7.2f} s")

    def total(self) -> float:
        """Seconds since the console was made."""
        return time.perf_counter() - self._started
