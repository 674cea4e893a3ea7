"""The items of finalizations in a dictionary; passes what the table does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from artstore.finalizations import Finalization, Phase, Waiting
from tests.fakes.memory_jobs import ConditionDoesNotHold


class MemoryFinalizations:
    """See artstore.aws.finalization_table. What is written alongside goes into ``written``."""

    def __init__(self) -> None:
        self.kept: dict[UUID, Finalization] = {}
        self.written: list[Any] = []
        self._since: dict[UUID, tuple[Waiting, datetime]] = {}

    def find(self, file_id: UUID) -> Finalization | None:
        return self.kept.get(file_id)

    def find_all(self, file_ids: Iterable[UUID]) -> dict[UUID, Finalization]:
        return {each: self.kept[each] for each in file_ids if each in self.kept}

    def begin(self, finalization: Finalization, transaction: Any) -> None:
        """Write at once, unless another finalization of the document is under way."""
        known = self.kept.get(finalization.file_id)
        if known is not None and known.phase is Phase.OPEN:
            raise ConditionDoesNotHold
        self._keep(finalization)

    def settle(self, ended: Finalization, alongside: Callable[[Any], None] = lambda _: None) -> bool:
        if not self._is(ended, Phase.OPEN):
            return False
        self._keep(ended)
        alongside(self.written)
        return True

    def waiting(self, what: Waiting, until: datetime, limit: int) -> list[UUID]:
        found = [(at, each) for each, (why, at) in self._since.items() if why is what and at <= until]
        return [each for _, each in sorted(found, key=str)][:limit]

    def postpone(self, finalization: Finalization, at: datetime) -> bool:
        if not self._is(finalization, Phase.COMMITTED):
            return False
        self._since[finalization.file_id] = (Waiting.SOURCE, at)
        return True

    def release(self, finalization: Finalization) -> bool:
        if not self._is(finalization, Phase.COMMITTED):
            return False
        self._since.pop(finalization.file_id, None)
        return True

    def _is(self, finalization: Finalization, phase: Phase) -> bool:
        known = self.kept.get(finalization.file_id)
        return known is not None and (known.transaction_id, known.phase) == (finalization.transaction_id, phase)

    def _keep(self, finalization: Finalization) -> None:
        self.kept[finalization.file_id] = finalization
        if finalization.phase is Phase.OPEN:
            self._since[finalization.file_id] = (Waiting.UNDER_WAY, finalization.started_at)
        elif finalization.settled_at is not None and finalization.phase is Phase.COMMITTED:
            self._since[finalization.file_id] = (Waiting.SOURCE, finalization.settled_at)
        else:
            self._since.pop(finalization.file_id, None)
