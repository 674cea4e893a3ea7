"""The circuit breaker of a storage element: one that fails is left out for a time, and comes back.

Three failures in a row open it. It is left out for a time that doubles with each further failure; meanwhile a
scheduled probe asks the storage, and closes it as soon as that answers. Should the probes not run, it comes back
by itself when the time is over. The state lies in the registry, so that every process knows it within its cache's
time; nothing here reads a clock or a table.
"""

from __future__ import annotations

import msgspec

FAILURES_TO_OPEN = 3
FIRST_PAUSE_SECONDS = 120
"""Longer than the time between two probes."""
LONGEST_PAUSE_SECONDS = 1800


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an element's storage."""

    failures: int = 0
    """In a row, in all processes."""
    skipped_until: float = 0
    """Epoch seconds."""
    reason: str | None = None
    """Code of the last failure."""
    changed_at: str | None = None
    """RFC 3339, UTC."""

    def is_skipped(self, now: float) -> bool:
        """Tell whether the element is left out at ``now`` (epoch seconds)."""
        return now < self.skipped_until


def pause_after(failures: int) -> float:
    """Give the seconds for which an element is left out after so many failures in a row; 0: it is not."""
    if failures < FAILURES_TO_OPEN:
        return 0
    doublings = min(failures - FAILURES_TO_OPEN, 16)
    return float(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**doublings))
