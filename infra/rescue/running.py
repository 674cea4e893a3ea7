"""Many places at once, and no more of them in memory than are being worked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(work: Callable[[T], R], over: Iterable[T], at_once: int) -> Iterator[R]:
    """Do the work for each, ``at_once`` at a time, and give what comes of it as it comes.

    What is over is taken only when there is room for it. What the work raises is raised here.
    """
    with ThreadPoolExecutor(at_once) as threads:
        running: set[Future[R]] = set()
        try:
            for each in over:
                running.add(threads.submit(work, each))
                if len(running) >= at_once:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            for future in running:
                future.cancel()
