"""What a benchmark leaves behind: a table for the eye and a JSON file for comparison."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import Row, Samples

_TITLES = ("case", "p50 ms", "p95 ms", "floor p50 ms", "ratio", "cpu ms", "floor cpu ms", "per second", "n")


@dataclass(frozen=True)
class Result:
    """The rows of one benchmark, remarks printed under them, and what was found wrong, if anything."""

    name: str
    rows: Sequence[Row]
    remarks: Sequence[str] = ()
    failures: Sequence[str] = field(default=())


def own_share(case: Samples, by_hand: Samples) -> str:
    """Say how much processor time a case takes beyond the same call made by hand."""
    own = statistics.median(case.cpu_ms) - statistics.median(by_hand.cpu_ms)
    return f"processor time beyond the call by hand: {own:.2f} ms"


def table(rows: Sequence[Row]) -> str:
    """Lay out the rows in columns, text to the left and numbers to the right."""
    lines = [_TITLES]
    lines += [
        (
            row.case,
            f"{row.p50_ms:.2f}",
            f"{row.p95_ms:.2f}",
            f"{row.floor_p50_ms:.2f}",
            f"{row.ratio:.2f}",
            "" if row.cpu_ms is None else f"{row.cpu_ms:.2f}",
            "" if row.floor_cpu_ms is None else f"{row.floor_cpu_ms:.2f}",
            f"{row.per_second:.1f}",
            str(row.n),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_TITLES))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def publish(result: Result, directory: Path) -> Path:
    """Print the result and write ``directory/bench/NAME.json``; give its path."""
    print(f"{result.name}: {platform.python_implementation()} {platform.python_version()}, {platform.machine()}")
    print(table(result.rows))
    for remark in result.remarks:
        print(f"  {remark}")
    for failure in result.failures:
        print(f"  FAILED: {failure}")
    path = directory / "bench" / f"{result.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"name": result.name, "rows": [row.as_json() for row in result.rows]}
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    return path
