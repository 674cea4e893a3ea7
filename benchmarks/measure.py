"""Timing a case and its floor in turn, so that what else the machine does falls on both alike."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a result: milliseconds of the case and of its floor, and what one caller gets per second."""

    case: str
    p50_ms: float
    p95_ms: float
    floor_p50_ms: float
    ratio: float
    per_second: float
    n: int

    @classmethod
    def of(cls, case: str, times_ms: Sequence[float], floor_ms: Sequence[float]) -> Row:
        """Summarise measured milliseconds; ``per_second`` is of one caller that waits for each answer."""
        p50, floor_p50 = statistics.median(times_ms), statistics.median(floor_ms)
        return cls(
            case=case,
            p50_ms=round(p50, 3),
            p95_ms=round(percentile(times_ms, 95), 3),
            floor_p50_ms=round(floor_p50, 3),
            ratio=round(p50 / floor_p50, 3),
            per_second=round(1000 / statistics.fmean(times_ms), 1),
            n=len(times_ms),
        )

    def as_json(self) -> dict[str, str | float | int]:
        """The row as benchmark files hold it."""
        return asdict(self)


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: a value that was really measured."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def interleave(steps: Mapping[str, Callable[[], object]], rounds: int, warm_up: int) -> dict[str, list[float]]:
    """Run every step once a round, in turn, and give each one's milliseconds; warm-up rounds do not count.

    A step that gives a float has measured itself, in milliseconds.
    """
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(warm_up + rounds):
        for name, step in steps.items():
            began = time.perf_counter_ns()
            own = step()
            ended = time.perf_counter_ns()
            if turn >= warm_up:
                times[name].append(own if isinstance(own, float) else (ended - began) / 1e6)
    return times
