"""The elements of a deployment while it lives: the seeds of its template, and what the registry says of them.

The registry is a table (``artstore.aws.element_table``). A seed without a definition there is what the template
says; with one, the definition alone counts, so that a seed that was deleted stays deleted.

A process reads the table at most every ten seconds. So what an administrator changes is known everywhere ten
seconds later, as long as the table can be read; while it cannot, the elements that were known last go on being
used. A change of mode therefore never rests on what processes know: storage itself refuses before it counts.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Mapping

import msgspec

from artstore import deadline
from artstore.elements import ElementStatus, Health, Limits, Mode, StorageElement, StorageElements, Transition
from artstore.errors import Unavailable

CACHED_SECONDS = 10
"""How long a process goes by what it has read."""
RETRY_SECONDS = 5
"""How long a process leaves a table alone that could not be read."""
REFRESH_SECONDS = 1
"""What a request waits for the table at most where there are elements to go on with."""


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """What administrators say of an element."""

    element_id: str
    bucket: str
    prefix: str
    mode: Mode
    priority: int = 100
    capacity_bytes: int | None = None
    limits: Limits = Limits()
    status: ElementStatus = ElementStatus.ACTIVE
    description: str | None = None
    transition: Transition | None = None
    revision: int = 0
    """+1 for each change; 0 for a seed that was never changed."""
    created_at: str | None = None
    """RFC 3339, UTC, as all times here. None for a seed."""
    created_by: str | None = None
    updated_at: str | None = None
    mode_changed_at: str | None = None
    request_hash: str | None = None
    """SHA-256 of the request that made it, when that carried an Idempotency-Key."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in an element, as it was counted."""

    used_bytes: int = 0
    """What the documents have, as the index counts it, and ``beyond_bytes``."""
    file_count: int = 0
    counted_at: str | None = None
    beyond_bytes: int = 0
    """What lay in the element beyond its documents when it was last reconciled: attributes, earlier versions, what
    was rejected. Less than nothing where bytes of documents are missing."""
    reconciled_at: str | None = None


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """What the registry says, each by element id."""

    definitions: Mapping[str, Definition] = {}
    usage: Mapping[str, Usage] = {}
    health: Mapping[str, Health] = {}
    creations: int = 0
    """How many elements have been created; not what the definitions show when one was created meanwhile."""


def seed_definition(seed: StorageElement) -> Definition:
    """Give the definition of a seed that the registry has none of."""
    return Definition(
        element_id=seed.element_id,
        bucket=seed.bucket,
        prefix=seed.prefix,
        mode=seed.mode,
        priority=seed.priority,
        capacity_bytes=seed.capacity_bytes,
        limits=seed.limits,
    )


def definitions_of(seeds: StorageElements, rows: Rows) -> dict[str, Definition]:
    """Give all definitions by id, those of deleted elements too."""
    return {seed.element_id: seed_definition(seed) for seed in seeds} | dict(rows.definitions)


def merge(seeds: StorageElements, rows: Rows) -> tuple[StorageElement, ...]:
    """Give the elements, deleted ones included."""
    elements = []
    for element_id, one in definitions_of(seeds, rows).items():
        usage = rows.usage.get(element_id, Usage())
        elements.append(
            StorageElement(
                element_id=element_id,
                bucket=one.bucket,
                mode=one.mode,
                prefix=one.prefix,
                priority=one.priority,
                capacity_bytes=one.capacity_bytes,
                used_bytes=usage.used_bytes,
                file_count=usage.file_count,
                counted_at=usage.counted_at,
                status=one.status,
                limits=one.limits,
                transition=one.transition,
                health=rows.health.get(element_id, Health()),
            )
        )
    return tuple(elements)


class ElementRegistry:
    """The present elements, for one process; safe to be shared by its threads."""

    def __init__(
        self, seeds: StorageElements, read: Callable[[], Rows], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the template's elements and what reads the registry; nothing is read yet."""
        self.seeds = seeds
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._known: StorageElements | None = None
        self._good_until = -math.inf
        self._started = _Started()

    def current(self) -> StorageElements:
        """Give the elements as they were at most ten seconds ago, or, where that cannot be told, were last.

        Raises Unavailable (``storage_elements_unknown``) where they were never read.
        """
        known = self._known
        if known is not None and self._clock() < self._good_until:
            return known
        if not self._lock.acquire(blocking=known is None):
            return known  # type: ignore[return-value]  # another thread is reading, and there is one to go on with
        try:
            if self._known is not None and self._clock() < self._good_until:
                return self._known
            return self._refresh()
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Have the next one who asks read anew: this process has just changed something."""
        self._good_until = -math.inf

    def present(self) -> StorageElements:
        """Give the elements as they are now, whatever was read before.

        Raises Unavailable (``storage_elements_unknown``) where that cannot be told.
        """
        with self._lock:
            try:
                return self._take_in(self._read())
            except Unavailable as error:
                raise _unknown() from error

    def _refresh(self) -> StorageElements:
        limit = contextlib.nullcontext() if self._known is None else deadline.within(REFRESH_SECONDS)
        try:
            with limit:
                rows = self._read()
        except Unavailable as error:
            if self._known is None:
                raise _unknown() from error
            self._good_until = self._clock() + RETRY_SECONDS
            return self._known
        return self._take_in(rows)

    def _take_in(self, rows: Rows) -> StorageElements:
        elements = merge(self.seeds, rows)
        self._started.recount({each.element_id: each.counted_at for each in elements})
        self._known = StorageElements(elements, self._started)
        self._good_until = self._clock() + CACHED_SECONDS
        return self._known


def _unknown() -> Unavailable:
    return Unavailable("the storage elements are not known at present", code="storage_elements_unknown")


class _Started(dict[str, int]):
    """Bytes that this process has placed since they could have been counted, by element.

    A count that comes right after a start does not see its bytes yet, so each stays until the second count.
    """

    def __init__(self) -> None:
        super().__init__()
        self._counted_at: dict[str, str | None] = {}
        self._before: dict[str, int] = {}

    def recount(self, counted_at: Mapping[str, str | None]) -> None:
        for element_id, at in counted_at.items():
            if self._counted_at.get(element_id) != at:
                self._counted_at[element_id] = at
                self[element_id] = self.get(element_id, 0) - self._before.get(element_id, 0)
                self._before[element_id] = self[element_id]
