"""Whatever documents live through at once, and whoever is killed: each is whole or gone, none twice, none lost."""

from __future__ import annotations

from hypothesis.stateful import run_state_machine_as_test

from tests.support.flows.disturbing import profile
from tests.support.flows.lifetimes import Lifetimes
from tests.support.flows.machine import EXAMPLES


def test_every_acknowledged_document_and_change_is_there_whatever_is_interrupted() -> None:
    run_state_machine_as_test(Lifetimes, settings=profile(EXAMPLES, 40))
