"""What may come between the calls of whoever is at work: death, or an act of somebody else's."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from artstore.errors import ArtStoreError
from tests.support.flows.world import Flows
from tests.support.killing import AFTER, BEFORE, Killed

Act = tuple[str, tuple[Any, ...]]
"""The name of a method ``do_…`` of the machine, and its arguments."""
Disturbance = tuple[int, str, Act | None] | None
calls = st.integers(0, 7) | st.integers(0, 45)
"""Most requests make few calls, jobs many."""
moments = st.sampled_from([BEFORE, AFTER])


def disturbances_by(acts: st.SearchStrategy[Act]) -> st.SearchStrategy[Disturbance]:
    """Give disturbances at a call, before or after its effect: death, or one of ``acts``."""
    deaths = st.tuples(calls, moments, st.none())
    overtakings = st.tuples(calls, moments, acts)
    return st.sampled_from([st.none(), deaths, deaths, overtakings]).flatmap(lambda each: each)


class Disturbed(RuleBasedStateMachine):
    """A machine over a world, in which whoever works may be killed or overtaken."""

    world: Flows

    @contextlib.contextmanager
    def disturbed(self, disturbance: Disturbance) -> Iterator[None]:
        """Let whoever works inside be killed, overtaken, or refused."""
        killer = self.world.killer
        if disturbance is not None:
            number, when, act = disturbance
            if act is None:
                killer.kill_at(number, when)
            else:
                killer.do_at(number, when, functools.partial(self.do_meanwhile, act))
        try:
            with contextlib.suppress(Killed, ArtStoreError):
                yield
        finally:
            killer.spare()

    def do_meanwhile(self, act: Act) -> None:
        """Do an act while somebody else is at work, a moment after he has begun."""
        self.world.wait(1)
        self.do(act)

    def do(self, act: Act) -> None:
        """Do an act, at any time."""
        name, arguments = act
        getattr(self, f"do_{name}")(*arguments)


def profile(count: int, steps: int = 60) -> settings:
    """Give the settings for so many examples of so many steps."""
    return settings(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        report_multiple_bugs=False,
    )
