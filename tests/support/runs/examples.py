"""How many made-up examples a property is tried on: few in every run, twenty times more in ``make test-deep``."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

DEPTH = int(os.environ.get("ARTSTORE_TEST_DEPTH", "1"))
_USUAL = 30


def examples(few: int) -> int:
    """Give the number of examples for a property that ``few`` are enough for, as long as nothing new is sought."""
    return few * DEPTH


def take_few() -> None:
    """Let properties that ask for no number be tried on few examples, and none fail for a machine that is slow."""
    settings.register_profile(
        "artstore",
        max_examples=examples(_USUAL),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("artstore")
