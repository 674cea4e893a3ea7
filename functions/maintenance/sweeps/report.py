"""The report of a sweep, while it grows and when it is done: counts, and some of what became of each candidate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from functions.maintenance.sweeping import Candidate, Verdict

TURNS = 3
"""How often a candidate is tried."""
MOST_ITEMS = 1000
MOST_BYTES = 120_000
"""Of the items as JSON; a job has 400 kB, and what failed has to fit beside them."""
MOST_AGAIN_BYTES = 50_000
"""Of what failed and is tried again, as JSON."""


class Item(msgspec.Struct, omit_defaults=True):
    """What became of one candidate."""

    name: str
    outcome: str
    reason: str | None = None


class Report(msgspec.Struct, kw_only=True):
    """How far a sweep has come: also the progress of its job."""

    cursor: dict[str, Any] | None = None
    """Where the next candidates are found."""
    found_all: bool = False
    pending: list[Candidate] = []
    """What was found, and is to be settled before the next is found."""
    turn: int = 1
    """How often what failed is being tried."""
    counts: dict[str, int] = {}
    items: list[Item] = []
    items_bytes: int = 0
    items_left_out: int = 0
    again: list[Candidate] = []
    """What failed, to be tried again."""

    def take(self, most: int) -> Iterator[Candidate]:
        """Take what was found one by one, ``most`` at most; what is not taken stays."""
        for _ in range(most):
            if not self.pending:
                return
            yield self.pending[0]
            self.pending = self.pending[1:]

    def put_off(self, candidate: Candidate) -> bool:
        """Have it tried again at the end; False when there is no room to remember it."""
        if self.turn > TURNS - 1 or len(msgspec.json.encode(self.again)) > MOST_AGAIN_BYTES:
            return False
        self.again = [*self.again, candidate]
        return True

    def note(self, candidate: Candidate, verdict: Verdict) -> None:
        """Count, and list as long as there is room."""
        outcome = str(verdict.did)
        self.counts = self.counts | {outcome: self.counts.get(outcome, 0) + 1}
        item = Item(candidate.name, outcome, verdict.reason)
        size = len(msgspec.json.encode(item)) + 1
        if len(self.items) >= MOST_ITEMS or self.items_bytes + size > MOST_BYTES:
            self.items_left_out += 1
            return
        self.items = [*self.items, item]
        self.items_bytes += size

    def result(self, sweep: str, *, dry_run: bool) -> dict[str, Any]:
        """Give the report as it stays."""
        items: list[dict[str, Any]] = msgspec.to_builtins(self.items)
        return {
            "sweep": sweep,
            "dry_run": dry_run,
            "counts": self.counts,
            "items": items,
            "items_left_out": self.items_left_out,
        }
