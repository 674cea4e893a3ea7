"""How long the present request may still wait for what it depends on.

Whoever takes a request (the HTTP application, the handler of a queue) sets the end once; every adapter asks here
before it waits, and waits no longer. So the limits of single calls need not add up to less than the function's:
three tries, two hosts or a dozen calls after each other all share what is left. Outside a request (scheduled work,
a script) there is no end, and the adapters' own limits are all there is.

The end belongs to the thread that set it (contextvars). Names are resolved by the operating system, which no
deadline interrupts.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from contextvars import ContextVar

from artstore.errors import Unavailable

_ends_at: ContextVar[float] = ContextVar("artstore_deadline", default=math.inf)
"""By the monotonic clock, in seconds."""


class DeadlineExceeded(Unavailable):
    """The request has waited as long as it may."""

    code = "deadline_exceeded"


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let what is done inside wait ``seconds`` in all; an earlier end that was set before stays."""
    token = _ends_at.set(min(_ends_at.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends_at.reset(token)


def remaining() -> float:
    """Give the seconds that are left, 0 when none are, infinity when there is no end."""
    return max(0.0, _ends_at.get() - time.monotonic())


def pause(seconds: float) -> None:
    """Wait before another try. Raises DeadlineExceeded at once where nothing would be left for it."""
    if remaining() <= seconds:
        raise DeadlineExceeded("what the request depends on did not answer in time")
    time.sleep(seconds)


def check() -> None:
    """Raise DeadlineExceeded when nothing is left."""
    if remaining() <= 0:
        raise DeadlineExceeded("what the request depends on did not answer in time")
