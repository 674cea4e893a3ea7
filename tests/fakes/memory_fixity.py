"""Fixity checks in memory, beside an index in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from artstore.fixity import Compared, Enrolled, Fixity, FixityOutcome, Within
from artstore.index.claims import Place
from tests.fakes.memory_index import MemoryIndex

_NEVER = datetime.min.replace(tzinfo=UTC)


class MemoryFixity:
    """See artstore.fixity.FixityChecks."""

    def __init__(self, index: MemoryIndex) -> None:
        """Take the index whose documents are checked."""
        self._index = index
        self.looked_at: dict[Place, datetime] = {}
        self.found: dict[Place, tuple[Fixity, Compared]] = {}

    def enrol(self, after: Place | None, limit: int, within: Within | None) -> Enrolled:
        places = self._index.every_place()
        page = [each for each in places if after is None or each > after][:limit]
        shown = {Place(row.bucket, row.key) for row in self._index.visible()}
        for place in page:
            if place in shown:
                self.looked_at.setdefault(place, _NEVER)
        counted = sum(place in shown and _is_within(place, within) for place in page)
        return Enrolled(counted, page[-1] if len(page) == limit else None)

    def oldest(self, before: datetime, limit: int, within: Within | None) -> Sequence[Place]:
        due = [place for place, at in self.looked_at.items() if at < before and _is_within(place, within)]
        return sorted(due, key=lambda place: (self.looked_at[place], place))[:limit]

    def note(self, place: Place, at: datetime, outcome: FixityOutcome, compared: Compared) -> None:
        self.looked_at[place] = at
        self.found[place] = (Fixity(at, outcome), compared)

    def pass_over(self, place: Place, at: datetime) -> None:
        self.looked_at[place] = at

    def forget(self, place: Place) -> None:
        self.looked_at.pop(place, None)
        self.found.pop(place, None)

    def last(self, place: Place, file_id: UUID, checksum: str) -> Fixity | None:
        fixity, compared = self.found.get(place, (None, None))
        if compared is None or (compared.file_id, compared.checksum) != (file_id, checksum):
            return None
        return fixity


def _is_within(place: Place, within: Within | None) -> bool:
    return within is None or (place.bucket == within.bucket and place.key.startswith(within.prefix))
