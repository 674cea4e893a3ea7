"""Whatever is done at once, and whoever is killed: every document is whole or gone, none twice, none lost."""

from __future__ import annotations

from hypothesis.stateful import run_state_machine_as_test

from tests.support.flows.disturbing import profile
from tests.support.flows.machine import EXAMPLES, Machine


def test_every_document_is_whole_or_gone_whatever_is_interrupted() -> None:
    run_state_machine_as_test(Machine, settings=profile(EXAMPLES))
