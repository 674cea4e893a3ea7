"""Readiness answers soon, names what is away, and asks no more often than it has to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from artstore import deadline, telemetry
from artstore.errors import Unavailable
from functions.query.health import CHECK_SECONDS, NO_ANSWER, REMEMBERED_SECONDS, Check, ReadinessProbe


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Dependency:
    """What a check asks; ``error`` is its answer, and it does not answer at all while it is ``frozen``."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.answering = threading.Event()
        self.answering.set()
        self.left = 0.0

    def __call__(self) -> None:
        self.asked += 1
        self.left = deadline.remaining()
        self.answering.wait()
        if self.error is not None:
            raise self.error


@pytest.fixture
def dependency() -> Iterator[Dependency]:
    made = Dependency()
    yield made
    made.answering.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def probe(clock: Clock, seconds: float = 0.05, **checks: Check) -> ReadinessProbe:
    return ReadinessProbe(checks, telemetry.get_logger("unit"), check_seconds=seconds, clock=clock)


def test_an_answer_stands_for_some_seconds_whether_good_or_bad(dependency: Dependency, clock: Clock) -> None:
    asked = probe(clock, s3=dependency)
    for number, (error, state) in enumerate(
        [(None, "ok"), (Unavailable("gone", code="storage_unavailable"), "storage_unavailable")]
    ):
        dependency.error = error
        for _ in range(3):
            assert asked.ask().dependencies == {"s3": state}
            clock.now += REMEMBERED_SECONDS / 3 - 0.01
        assert dependency.asked == number + 1
        clock.now += 1


def test_what_does_not_answer_is_named_beside_what_does(dependency: Dependency, clock: Clock) -> None:
    dependency.answering.clear()
    started = time.monotonic()
    readiness = probe(clock, s3=lambda: None, postgresql=dependency).ask()
    assert time.monotonic() - started < 1
    assert readiness.status == "unavailable"
    assert readiness.dependencies == {"s3": "ok", "postgresql": NO_ANSWER}


def test_a_frozen_dependency_is_not_asked_again_before_it_has_answered(
    dependency: Dependency, clock: Clock
) -> None:
    asked = probe(clock, postgresql=dependency)
    dependency.answering.clear()
    for _ in range(3):
        assert asked.ask().dependencies == {"postgresql": NO_ANSWER}
        clock.now += REMEMBERED_SECONDS
    assert dependency.asked == 1
    dependency.answering.set()
    assert asked.ask().dependencies == {"postgresql": "ok"}
    clock.now += REMEMBERED_SECONDS
    assert asked.ask().dependencies == {"postgresql": "ok"}
    assert dependency.asked == 2


def test_each_check_has_a_deadline_well_below_two_seconds(dependency: Dependency, clock: Clock) -> None:
    probe(clock, seconds=CHECK_SECONDS, s3=dependency).ask()
    assert 1 < dependency.left <= 1.5


def test_what_a_check_did_not_foresee_makes_it_unavailable(dependency: Dependency, clock: Clock) -> None:
    dependency.error = ValueError("10.0.0.9")
    assert probe(clock, s3=dependency).ask().dependencies == {"s3": "unavailable"}
