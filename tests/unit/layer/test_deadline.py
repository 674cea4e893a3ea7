"""One deadline for a request: set once, shared by everything that waits."""

from __future__ import annotations

import math
import threading
from typing import Any

import msgspec
import pytest

from artstore import deadline
from artstore.deadline import DeadlineExceeded
from artstore.http import create_app, endpoint
from artstore.http.app import REQUEST_SECONDS, RESERVED_SECONDS
from tests.support.gateway import Context, call, event


class Left(msgspec.Struct):
    seconds: float


@endpoint("GET", "/left", scope=None, summary="Left")
def tell_what_is_left() -> Left:
    deadline.check()
    return Left(deadline.remaining())


class LambdaContext(Context):
    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("ARTSTORE_PREFIX", "unit")
    return create_app("unit", [tell_what_is_left])


def ask(app: Any, milliseconds: int) -> Any:
    return app(event("GET", "/left", "/left"), LambdaContext(milliseconds))


def test_outside_a_request_there_is_no_end() -> None:
    assert deadline.remaining() == math.inf
    deadline.check()


def test_nothing_waits_past_the_end_before_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    deadline.pause(100)
    with deadline.within(1):
        deadline.pause(0.5)
        with pytest.raises(DeadlineExceeded):
            deadline.pause(1)
    assert slept == [100, 0.5]


def test_the_earlier_end_counts_and_ends_with_its_block() -> None:
    with deadline.within(10):
        with deadline.within(1):
            assert 0.9 < deadline.remaining() <= 1
        with deadline.within(100):
            assert 9 < deadline.remaining() <= 10
    assert deadline.remaining() == math.inf


def test_nothing_is_left_after_the_end() -> None:
    with deadline.within(-1):
        assert deadline.remaining() == 0
        with pytest.raises(DeadlineExceeded):
            deadline.check()


def test_an_end_belongs_to_the_thread_that_set_it() -> None:
    seen: list[float] = []
    with deadline.within(1):
        thread = threading.Thread(target=lambda: seen.append(deadline.remaining()))
        thread.start()
        thread.join()
    assert seen == [math.inf]


def test_a_request_may_wait_for_a_constant_where_nobody_says_when_it_ends(app: Any) -> None:
    assert REQUEST_SECONDS - 1 < call(app, "GET", "/left").json["seconds"] <= REQUEST_SECONDS


def test_a_request_may_wait_less_than_its_function_may_run(app: Any) -> None:
    left = msgspec.json.decode(ask(app, 5000)["body"], type=Left).seconds
    assert 5 - RESERVED_SECONDS - 1 < left <= 5 - RESERVED_SECONDS
    assert msgspec.json.decode(ask(app, 60_000)["body"], type=Left).seconds <= REQUEST_SECONDS


def test_without_time_left_a_request_is_answered_with_503_and_a_code(app: Any) -> None:
    answer = ask(app, 1000)
    assert answer["statusCode"] == 503
    assert msgspec.json.decode(answer["body"])["code"] == "deadline_exceeded"
    assert deadline.remaining() == math.inf
