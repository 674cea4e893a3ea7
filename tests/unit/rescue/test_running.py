"""Many at once, and no more than that in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from infra.rescue.running import side_by_side


def test_no_more_is_taken_than_is_being_worked_at_or_was_given() -> None:
    taken = given = 0
    most = 0

    def numbers() -> Iterator[int]:
        nonlocal taken, most
        for each in range(200):
            taken += 1
            most = max(most, taken - given)
            yield each

    for _ in side_by_side(lambda each: each, numbers(), 4):
        given += 1
    assert given == 200
    assert most <= 8


def test_as_many_are_worked_at_side_by_side_as_was_asked_for() -> None:
    meeting = threading.Barrier(4, timeout=10)
    assert sorted(side_by_side(lambda each: (meeting.wait(), each)[1], range(8), 4)) == list(range(8))


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda each: 1 // each, [1, 0, 1], 1))
