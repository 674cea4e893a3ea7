"""Cutting the keys of a storage element into ranges, so that several workers can walk them side by side.

A range is what lies behind one key, up to and with another, in the order of UTF-8, which is S3's and the index's.
Together the ranges of an element are all keys under its prefix, whether something lies there or not. Where to cut
is told by the folders that a listing shows, which need not be there any more when the walk comes.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

ENOUGH = 16
"""Ranges that keep every worker busy to the end, though some are larger than others."""
MOST = 64
_DEEPEST = 5


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of one storage element; ``after`` and ``until`` are None at its ends."""

    element_id: str
    after: str | None = None
    until: str | None = None


class Folders(Protocol):
    """What is asked of a bucket to know where to cut."""

    def fits_a_page(self, bucket: str, prefix: str) -> bool:
        """Tell whether one call lists all that lies under the prefix. Raises Unavailable."""
        ...

    def folders(self, bucket: str, prefix: str) -> list[str]:
        """Give up to a thousand prefixes that lie directly under one, each ending in ``/``. Raises Unavailable."""
        ...


def cut(folders: Folders, element_id: str, bucket: str, prefix: str) -> list[Range]:
    """Cut an element into ranges; one alone where that is little work. Raises Unavailable."""
    borders = [] if folders.fits_a_page(bucket, prefix) else _borders(folders, bucket, prefix)
    ends = [None, *borders, None]
    return [Range(element_id=element_id, after=ends[at], until=ends[at + 1]) for at in range(len(ends) - 1)]


def _borders(folders: Folders, bucket: str, prefix: str) -> list[str]:
    level = [prefix]
    for _ in range(_DEEPEST):
        below = sorted({each for above in level for each in folders.folders(bucket, above)})
        if not below:
            break
        level = below[:: -(-len(below) // MOST)]
        if len(level) >= ENOUGH:
            break
    return [each for each in level if each != prefix]
