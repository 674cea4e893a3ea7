"""The documents tell of every kind of job: what it does, and what becomes of it when it is cancelled."""

from __future__ import annotations

import re
from pathlib import Path

from functions.maintenance.jobs.desk import GOES_ONE_WAY
from functions.maintenance.runners import RUNNERS

PAGE = (Path(__file__).parents[3] / "docs" / "maintenance.md").read_text(encoding="utf-8")


def test_every_kind_has_its_row_in_one_table() -> None:
    table = PAGE.split("### Kinds", 1)[1].split("\n\n", 2)[1]
    rows = [each for each in table.splitlines() if each.startswith("| `")]
    kinds = [re.match(r"\| `([a-z_]+)` \|", each) for each in rows]
    assert [each[1] for each in kinds if each] == sorted(RUNNERS)
    assert all(each.count(" | ") >= 3 and not each.endswith("|  |") for each in rows)
    uncancellable = {
        each[1] for each, row in zip(kinds, rows, strict=True) if each and "job_not_cancellable" in row
    }
    assert uncancellable == GOES_ONE_WAY
