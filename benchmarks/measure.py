"""Timing a case and its floor in turn, so that what else the machine does falls on both alike.

Processor time is that of the calling thread, which other processes lengthen least.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field


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
    cpu_ms: float | None = None
    """Median of the processor time, None where it was not measured; the floor's beside it."""
    floor_cpu_ms: float | None = None

    @classmethod
    def of(
        cls,
        case: str,
        times_ms: Sequence[float],
        floor_ms: Sequence[float],
        cpu_ms: Sequence[float] = (),
        floor_cpu_ms: Sequence[float] = (),
    ) -> Row:
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
            cpu_ms=_median(cpu_ms),
            floor_cpu_ms=_median(floor_cpu_ms),
        )

    @classmethod
    def measured(cls, case: str, samples: Samples, floor: Samples) -> Row:
        """Summarise what ``measure`` gave."""
        return cls.of(case, samples.wall_ms, floor.wall_ms, samples.cpu_ms, floor.cpu_ms)

    def as_json(self) -> dict[str, str | float | int]:
        """The row as benchmark files hold it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Samples:
    """Milliseconds of each time that a step was run: on the clock, and of this thread's processor time."""

    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)


def _median(values: Sequence[float]) -> float | None:
    return round(statistics.median(values), 3) if values else None


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: a value that was really measured."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def measure(steps: Mapping[str, Callable[[], object]], rounds: int, warm_up: int) -> dict[str, Samples]:
    """Run every step once a round, in turn; warm-up rounds do not count.

    A step that gives a float has measured itself, in milliseconds of the clock.
    """
    samples = {name: Samples() for name in steps}
    for turn in range(warm_up + rounds):
        for name, step in steps.items():
            cpu_began, began = time.thread_time_ns(), time.perf_counter_ns()
            own = step()
            ended, cpu_ended = time.perf_counter_ns(), time.thread_time_ns()
            if turn >= warm_up:
                samples[name].wall_ms.append(own if isinstance(own, float) else (ended - began) / 1e6)
                samples[name].cpu_ms.append((cpu_ended - cpu_began) / 1e6)
    return samples


def interleave(steps: Mapping[str, Callable[[], object]], rounds: int, warm_up: int) -> dict[str, list[float]]:
    """Do as ``measure`` does; give each step's milliseconds on the clock."""
    return {name: each.wall_ms for name, each in measure(steps, rounds, warm_up).items()}
