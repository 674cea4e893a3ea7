"""An index that writes together what is written side by side.

Events of a batch are handled in lanes that run at the same time. Where a lane has a document to write, it waits
until every other one has one as well, or is done, or has taken too long; then one of them writes all by one
statement. Each lane gets its own answer or failure, and none goes on before its document is written: what a lane
does is the same as alone.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Iterator
from typing import Any

from artstore.errors import Invalid
from artstore.index import DocumentIndex, Projection, Written

PATIENCE_SECONDS = 0.25
"""How long a document waits for the others: one lane that reads a long document does not keep all of them."""


class _Write:
    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        self.answer: Written | BaseException | None = None


class GatheringIndex:
    """DocumentIndex for lanes; outside of any it is the index itself."""

    def __init__(self, index: DocumentIndex) -> None:
        """Take the index."""
        self._index = index
        self._changed = threading.Condition()
        self._lanes = 0
        self._waiting: list[_Write] = []
        self._here = threading.local()

    def __getattr__(self, name: str) -> Any:
        """Give everything but ``project``: as it is in the index."""
        return getattr(self._index, name)

    def open_lanes(self, count: int) -> None:
        """Expect ``count`` lanes; each is to run once."""
        with self._changed:
            self._lanes += count

    @contextlib.contextmanager
    def lane(self) -> Iterator[None]:
        """Be one of the lanes inside."""
        self._here.is_lane = True
        try:
            yield
        finally:
            self._here.is_lane = False
            with self._changed:
                self._lanes -= 1
                self._changed.notify_all()

    def project(self, projection: Projection) -> Written:
        """See DocumentIndex."""
        if not getattr(self._here, "is_lane", False):
            return self._index.project(projection)
        mine = _Write(projection)
        with self._changed:
            self._waiting.append(mine)
            together = self._next(mine)
        if together:
            self._write(together)
        answer = mine.answer
        if isinstance(answer, Written):
            return answer
        if answer is None:
            raise RuntimeError("a lane went on before its document was written")
        # Each lane raises one of its own: a traceback that several threads write to tells of all of them at once.
        raise copy.copy(answer).with_traceback(None) from answer.__cause__

    def _next(self, mine: _Write) -> list[_Write]:
        """Wait until ``mine`` is written, or is to be written by this lane: then give it with what goes along."""
        is_due = False
        while mine.answer is None:
            if mine in self._waiting and (is_due or len(self._waiting) >= self._lanes):
                together, self._waiting = self._waiting, []
                return together
            is_due = not self._changed.wait(PATIENCE_SECONDS)
        return []

    def _write(self, together: list[_Write]) -> None:
        answers: list[Written | Invalid] | list[BaseException]
        try:
            answers = self._index.project_many([each.projection for each in together])
        except BaseException as error:  # noqa: BLE001  # each lane raises it
            answers = [error] * len(together)
        with self._changed:
            for each, answer in zip(together, answers, strict=True):
                each.answer = answer
            self._changed.notify_all()
