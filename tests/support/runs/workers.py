"""How the tests are divided among workers (pytest-xdist), as a plugin of pytest. Without workers all is the same.

A module's tests go to one worker, so that what the module starts is started once. Tests marked ``alone`` have the
stack to themselves; they are one group, which begins first, while the other workers do what needs no stack.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support.moto_wire import lead_to_moto
from tests.support.runs import examples, speed
from tests.support.runs.shared import Run

TESTS = Path(__file__).resolve().parents[2]
END_TO_END = TESTS / "e2e"

_run: pytest.StashKey[Run] = pytest.StashKey()


def run_of(config: pytest.Config) -> Run:
    """Give the run that this process works for."""
    return config.stash[_run]


def worker_of(config: pytest.Config) -> str:
    """Give the name of this worker, ``main`` when there are no workers."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


def pytest_configure(config: pytest.Config) -> None:
    speed.read_descriptions_once()
    lead_to_moto()
    examples.take_few()
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is not None:
        config.stash[_run] = Run(Path(given["run"]))
        return
    config.stash[_run] = Run.begin()
    # Tests that are made from a set have to be in the same order in every worker.
    os.environ.setdefault("PYTHONHASHSEED", "0")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End a run that did not come to its session, too."""
    if _run in config.stash and not hasattr(config, "workerinput"):
        run_of(config).end()


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config) -> Run:
    """What all workers of this run share."""
    return run_of(pytestconfig)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["run"] = str(run_of(node.config).directory)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, since some tests wait; eight at most, since they share one emulator."""
    return min((os.cpu_count() or 1) + 1, 8)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return Scheduler(config, log)


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives out the tests module by module, in the order in which the workers have put them."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """Call the tests of every worker as the first one does.

        A parameter that is made when its module is imported (a time, a random id) is another one in each process,
        and so is the name of its test. Workers are told a test by its place.
        """
        first = next(iter(self.registered_collections.values()), collection)
        same = [_function(name) for name in first] == [_function(name) for name in collection]
        super().add_node_collection(node, first if same else collection)

    def _split_scope(self, nodeid: str) -> str:
        return "alone" if nodeid in self._alone else nodeid.partition("::")[0]

    @functools.cached_property
    def _alone(self) -> set[str]:
        assert self.collection is not None
        return {self.collection[index] for index in run_of(self.config).alone()}


def _function(nodeid: str) -> str:
    return nodeid.partition("[")[0]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests into the order in which they are begun, and tell the scheduler which have to be alone."""
    items.sort(key=_place)
    run_of(config).alone([index for index, item in enumerate(items) if _is_alone(item)])


def _place(item: pytest.Item) -> int:
    """First those who need the stack alone, last those who share it."""
    if _is_alone(item):
        return 0
    return 2 if item.path.is_relative_to(END_TO_END) else 1


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


def pytest_collection_finish() -> None:
    speed.collect_garbage_less()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if not item.path.is_relative_to(END_TO_END):
        return (yield)
    with run_of(item.config).using_the_stack(alone=_is_alone(item)):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """End the run after the workers, in the process that began it."""
    try:
        return (yield)
    finally:
        if not hasattr(session.config, "workerinput"):
            wrong = run_of(session.config).end()
            if wrong:
                pytest.exit("What the tests started was not removed:\n" + "\n".join(wrong), returncode=3)
