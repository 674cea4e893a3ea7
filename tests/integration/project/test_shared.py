"""What all workers of a run share: started once, given back in turn, removed by the process that began the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.errors import CommandError
from infra.local.emulators import ministack
from tests.support.runs import workers
from tests.support.runs.shared import NotStarted, Run
from tests.support.runs.workers import Scheduler


def starting(run: Run, monkeypatch: pytest.MonkeyPatch, start: Callable[[], object]) -> list[str]:
    """Let the emulator of ``run`` be started by ``start``; give the list of its starts."""
    starts: list[str] = []

    def started(_directory: object) -> object:
        starts.append("started")
        return start()

    monkeypatch.setattr(ministack, "install", lambda: False)
    monkeypatch.setattr(ministack, "start", started)
    return starts


def test_what_is_shared_is_started_by_the_first_who_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = starting(Run(tmp_path), monkeypatch, lambda: SimpleNamespace(url="http://127.0.0.1:1"))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: Run(tmp_path).emulator(), range(4)))
    assert found == ["http://127.0.0.1:1"] * 4
    assert starts == ["started"]


def test_what_does_not_start_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise CommandError("it did not get ready:\nand here is why")

    starts = starting(Run(tmp_path), monkeypatch, fail)
    with pytest.raises(NotStarted, match="here is why"):
        Run(tmp_path).emulator()
    with pytest.raises(NotStarted, match=r"it did not get ready:$"):
        Run(tmp_path).emulator()
    assert starts == ["started"]


def test_a_run_that_started_nothing_leaves_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.directory.mkdir()
    with run.using_the_stack(alone=False):
        pass
    assert run.end() == []
    assert list(tmp_path.iterdir()) == []


def test_users_of_the_stack_meet_and_one_who_is_alone_meets_nobody(tmp_path: Path) -> None:
    present: list[bool] = []
    met: list[tuple[bool, list[bool]]] = []
    together = threading.Barrier(3, timeout=10)

    def use(alone: bool) -> None:
        with Run(tmp_path).using_the_stack(alone=alone):
            present.append(alone)
            if alone:
                time.sleep(0.05)  # long enough for one who would come in
            else:
                together.wait()
                time.sleep(0.05)  # so that those who would be alone ask while others are there
            met.append((alone, list(present)))
            present.remove(alone)

    with ThreadPoolExecutor(4) as pool:
        users = [pool.submit(use, False), pool.submit(use, False)]
        together.wait()  # who wants to be alone lets nobody in before, so the two who meet come first
        users += [pool.submit(use, True), pool.submit(use, True)]
        for user in users:
            user.result()
    assert sorted(alone for alone, _ in met) == [False, False, True, True]
    assert [others for alone, others in met if alone] == [[True], [True]]


def scheduler(tmp_path: Path, alone: list[int]) -> Scheduler:
    tmp_path.mkdir(exist_ok=True)
    run = Run(tmp_path)
    run.alone(alone)
    config: Any = SimpleNamespace(
        option=SimpleNamespace(loadscopereorder=True),
        getvalue=lambda _name: ["2*popen"],
        stash={workers._run: run},
    )
    return Scheduler(config, None)


class Node:
    """A worker that is told what to run."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.shutting_down = False
        self.told: list[int] = []

    def send_runtest_some(self, places: list[int]) -> None:
        self.told += places

    def shutdown(self) -> None:
        self.shutting_down = True


COLLECTED = ["e2e/a.py::late", "e2e/b.py::last", "unit/c.py::one[{id}]", "unit/c.py::two", "unit/d.py::x"]


def given_out(tmp_path: Path, collections: list[list[str]]) -> list[list[int]]:
    """Give the places of the tests that each worker is told to run at first."""
    made = scheduler(tmp_path, [0, 1])
    nodes = [Node(str(number)) for number in range(len(collections))]
    for node in nodes:
        made.add_node(node)
    for node, collection in zip(nodes, collections, strict=True):
        made.add_node_collection(node, collection)
    made.schedule()
    return [node.told for node in nodes]


def test_modules_stay_together_and_those_who_are_alone_begin(tmp_path: Path) -> None:
    first, second = given_out(tmp_path, [COLLECTED, COLLECTED])
    assert first[:2] == [0, 1]
    assert second[:2] == [2, 3]


def test_a_name_with_a_random_id_is_the_same_test_in_every_worker(tmp_path: Path) -> None:
    collections = [[name.replace("{id}", made) for name in COLLECTED] for made in ("7f", "a0")]
    assert given_out(tmp_path, collections) == given_out(tmp_path / "other", [COLLECTED, COLLECTED])
