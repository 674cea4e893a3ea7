"""What lanes write side by side goes into the index together, and each lane hears of its own."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from artstore.errors import Invalid, Unavailable
from artstore.index import Projection, Written
from artstore.spaces import EVERYWHERE
from functions.storage_events import gathering
from functions.storage_events.gathering import GatheringIndex
from tests.fakes.documents import id_number, make_projection
from tests.fakes.memory_index import MemoryIndex


class Counting(MemoryIndex):
    """Remembers how many documents each statement wrote, and refuses what it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.refused = ""
        self.failure: BaseException | None = None

    def project_many(self, projections: Sequence[Projection]) -> list[Written | Invalid]:
        self.batches.append(len(projections))
        if self.failure is not None:
            raise self.failure
        return [
            Invalid("the index cannot hold it") if each.key == self.refused else self.project(each)
            for each in projections
        ]


def run(index: GatheringIndex, *lanes: Callable[[], Any]) -> list[Any]:
    """Run lanes; give what each gave or raised."""
    index.open_lanes(len(lanes))

    def one(lane: Callable[[], Any]) -> Any:
        with index.lane():
            try:
                return lane()
            except BaseException as error:  # noqa: BLE001  # looked at by the test
                return error

    with ThreadPoolExecutor(len(lanes)) as threads:
        return list(threads.map(one, lanes))


def document(number: int) -> Projection:
    return make_projection(file_id=id_number(number), key=f"{number}")


def writers(index: GatheringIndex, numbers: Iterable[int]) -> list[Callable[[], Any]]:
    return [functools.partial(index.project, document(each)) for each in numbers]


def test_every_lane_writes_once_all_have_something_to_write() -> None:
    held = Counting()
    index = GatheringIndex(held)
    written = run(index, *writers(index, range(1, 11)))
    assert [each.file_id for each in written] == [id_number(n) for n in range(1, 11)]
    assert held.batches == [10]


def test_a_lane_that_is_done_keeps_nobody_waiting() -> None:
    held = Counting()
    index = GatheringIndex(held)
    run(index, lambda: None, lambda: index.project(document(1)), lambda: index.project(document(2)), lambda: None)
    assert held.batches == [2]


def test_a_lane_that_writes_twice_finds_what_it_wrote_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "PATIENCE_SECONDS", 60)
    held = Counting()
    index = GatheringIndex(held)

    def twice() -> bool:
        index.project(document(1))
        seen = index.at("edit", "1") is not None
        index.project(document(2))
        return seen

    assert run(index, twice, lambda: index.project(document(3)))[0] is True
    assert sorted(held.batches) == [1, 2]


def test_a_slow_lane_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "PATIENCE_SECONDS", 0.01)
    held = Counting()
    index, written = GatheringIndex(held), threading.Event()

    def quick() -> None:
        index.project(document(1))
        written.set()

    assert run(index, quick, lambda: written.wait(30)) == [None, True]


def test_what_the_index_cannot_hold_is_told_to_its_own_lane() -> None:
    held = Counting()
    held.refused = "2"
    index = GatheringIndex(held)
    answers = run(index, *writers(index, (1, 2, 3)))
    assert [type(each) for each in answers] == [Written, Invalid, Written]


@pytest.mark.parametrize("failure", [Unavailable("away", code="index_unavailable"), KeyboardInterrupt()])
def test_a_statement_that_fails_fails_for_every_lane(failure: BaseException) -> None:
    held = Counting()
    held.failure = failure
    held.failure.__cause__ = OSError("no route")
    index = GatheringIndex(held)
    first, second = run(index, *writers(index, (1, 2)))
    assert type(first) is type(second) is type(failure)
    assert first is not second, "a traceback is one thread's"
    assert vars(first) == vars(second) == vars(failure)
    assert first.__cause__ is second.__cause__ is failure.__cause__


def test_outside_of_lanes_it_is_the_index_itself() -> None:
    held = Counting()
    index = GatheringIndex(held)
    assert index.project(document(1)).first
    assert held.batches == []
    assert index.search(None, 10, None, EVERYWHERE).total == 1
