"""Whatever any tool does to the buckets, and however events arrive: the index ends as a rebuild would leave it."""

from __future__ import annotations

from hypothesis.stateful import run_state_machine_as_test

from tests.support.ingesting.truth import EXAMPLES, Truth, profile


def test_the_index_ends_as_a_rebuild_would_leave_it_whatever_is_done_to_the_buckets() -> None:
    run_state_machine_as_test(Truth, settings=profile(EXAMPLES))
