"""Content that is stored already, by its SHA-256.

Storing does not depend on it: an index that is away, or slow, costs an upload a fraction of a second once and then
nothing for a while. Only who wants duplicates refused has to wait for an answer, and is refused without one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from artstore import deadline
from artstore.errors import Unavailable
from artstore.spaces import Reach

TELLING_SECONDS = 0.3
"""How long an upload waits for it when duplicates are only told."""
DECIDING_SECONDS = 3.0
"""And when they are refused."""
REST_SECONDS = 5.0
"""How long the index is not asked again just to tell, once it has not answered."""


class Checksums(Protocol):
    """The one question to the index; see artstore.index."""

    def with_checksum(self, checksums: Collection[str], reach: Reach) -> Mapping[str, UUID]:
        """Give, for each of the checksums that a document within ``reach`` has, the newest such one."""
        ...


@dataclass(frozen=True)
class Duplicates:
    """Which documents have the content, as far as that is known."""

    found: Mapping[str, UUID] = field(default_factory=dict)
    checked: bool = True


class DuplicateSearch:
    """Looks content up within a time."""

    def __init__(self, index: Callable[[], Checksums], clock: Callable[[], float] = time.monotonic) -> None:
        """Ask what ``index`` gives, which is called when it is needed."""
        self._index = index
        self._clock = clock
        self._rests_until = -math.inf

    def find(self, checksums: Collection[str], reach: Reach, *, decides: bool) -> Duplicates:
        """Look the checksums (lowercase hex) up. Raises Unavailable only where it ``decides``."""
        if not checksums:
            return Duplicates()
        if not decides and self._clock() < self._rests_until:
            return Duplicates(checked=False)
        try:
            with deadline.within(DECIDING_SECONDS if decides else TELLING_SECONDS):
                return Duplicates(self._index().with_checksum(checksums, reach))
        except Unavailable:
            self._rests_until = self._clock() + REST_SECONDS
            if decides:
                raise
            return Duplicates(checked=False)
