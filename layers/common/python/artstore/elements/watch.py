"""Telling the registry which element's storage fails, and which answers again; see ``health``."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from artstore.elements import StorageElement
from artstore.errors import Unavailable

STORAGE_UNAVAILABLE = "storage_unavailable"
"""The code with which ``artstore.objects`` says that storage does not answer."""
STORAGE_REFUSES = "storage_refuses"
TOLD_EVERY_SECONDS = 1
"""How often one process tells of the same element: many requests that fail at once are one failure."""


class HealthTable(Protocol):
    """Where health is kept; see ``artstore.aws.element_table``."""

    def failed(self, element_id: str, reason: str, now: float) -> object: ...
    def recovered(self, element_id: str, now: float) -> None: ...


class StorageWatch:
    """Watches what is done in elements, for one process."""

    def __init__(self, table: HealthTable, clock: Callable[[], float] = time.time) -> None:
        """Tell ``table``; ``clock`` gives epoch seconds."""
        self._table = table
        self._clock = clock
        self._told_at: dict[str, float] = {}

    @contextlib.contextmanager
    def over(self, element: StorageElement) -> Iterator[None]:
        """Count what is done inside, at least one call to the element's storage, as a failure of it or as a sign
        of life. What it raises passes through; that the table is away matters to nobody here.

        A refusal is no failure: it may be about one object. That a whole bucket refuses is found by the probe.
        """
        try:
            yield
        except Unavailable as error:
            if error.code == STORAGE_UNAVAILABLE:
                self.failed(element, STORAGE_UNAVAILABLE)
            raise
        if element.health.failures:
            self.answered(element)

    def failed(self, element: StorageElement, reason: str) -> None:
        """Count one failure."""
        if self._may_tell(element):
            with contextlib.suppress(Unavailable):
                self._table.failed(element.element_id, reason, self._clock())

    def answered(self, element: StorageElement) -> None:
        """Say that the storage answers."""
        if self._may_tell(element):
            with contextlib.suppress(Unavailable):
                self._table.recovered(element.element_id, self._clock())

    def _may_tell(self, element: StorageElement) -> bool:
        now, told_at = self._clock(), self._told_at.get(element.element_id)
        if told_at is not None and 0 <= now - told_at < TOLD_EVERY_SECONDS:
            return False
        self._told_at[element.element_id] = now
        return True
