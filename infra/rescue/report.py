"""What is told of each place, one line of JSON each, and what all of it comes to."""

from __future__ import annotations

from collections import Counter
from typing import BinaryIO

import msgspec

WHOLE = frozenset(
    {"listed", "exported", "verified", "already", "archived", "trashed", "quarantined", "undescribed"}
)
"""Outcomes that are as they should be, or that were asked for."""
FAILED = "failed"
EXIT_WHOLE, EXIT_FINDINGS, EXIT_UNFINISHED = 0, 1, 3


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one place. Sizes are bytes, checksums SHA-256 in lowercase hex."""

    outcome: str
    bucket: str
    key: str
    file_id: str | None = None
    name: str | None = None
    path: str | None = None
    """Where it was written, relative to the folder."""
    size: int | None = None
    checksum: str | None = None
    """What attr.json says."""
    sha256: str | None = None
    """What the bytes have, when they were read."""
    version_id: str | None = None
    space: str | None = None
    created_at: str | None = None
    state: str | None = None
    """trashed or quarantined, as attr.json says."""
    detail: str | None = None


class Report:
    """Writes the lines and counts them. ``out`` is written to line by line, so what was told is there."""

    def __init__(self, out: BinaryIO) -> None:
        """Take where to write."""
        self._out = out
        self.counts: Counter[str] = Counter()
        self.octets = 0

    def tell(self, line: Line) -> None:
        """Write a line down."""
        self._out.write(msgspec.json.encode(line) + b"\n")
        self._out.flush()
        self.counts[line.outcome] += 1
        if line.outcome in ("exported", "verified"):
            self.octets += line.size or 0

    @property
    def exit_code(self) -> int:
        """Give 3 when something could not be read and is to be tried again, 1 when something is not whole."""
        if self.counts[FAILED]:
            return EXIT_UNFINISHED
        return EXIT_WHOLE if WHOLE.issuperset(self.counts) else EXIT_FINDINGS

    def summary(self) -> str:
        """Say what it comes to."""
        counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.counts.items()))
        return f"{counted or 'nothing is there'}; {self.octets} bytes read and checked"
