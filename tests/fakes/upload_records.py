"""The upload records in a dictionary, for tests that are not about DynamoDB."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from artstore.errors import Unavailable
from artstore.tables import Succession, UploadRecord, bind
from functions.upload.uploads.records import Expects, Write, Wrote


class MemoryRecords:
    """Writes one after another, each on its condition."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Start empty."""
        self.kept: dict[str, UploadRecord] = {}
        self.places: dict[str, Succession] = {}
        self.down = False
        self.before_write: Callable[[], None] = lambda: None
        """What others do between a look and a write; once."""
        self._clock = clock

    def new(self, file_id: UUID) -> UploadRecord:
        """See UploadRecords."""
        record: UploadRecord = bind(UploadRecord, "unit")(str(file_id))
        return record

    def find(self, file_id: UUID) -> UploadRecord | None:
        """See UploadRecords."""
        return copy.deepcopy(self.kept.get(str(file_id)))

    def find_many(self, file_ids: Sequence[UUID]) -> dict[UUID, UploadRecord]:
        """See UploadRecords."""
        found = {each: self.find(each) for each in file_ids}
        return {file_id: record for file_id, record in found.items() if record is not None}

    def holder(self, predecessor: UUID) -> Succession | None:
        """See UploadRecords."""
        return self.places.get(str(predecessor))

    def leave(self, predecessor: UUID, holder: UUID) -> None:
        """See UploadRecords."""
        if self.places[str(predecessor)].successor == str(holder):
            del self.places[str(predecessor)]

    def write(self, writes: Iterable[Write]) -> list[Wrote]:
        """See UploadRecords."""
        writes = list(writes)
        meanwhile, self.before_write = self.before_write, lambda: None
        meanwhile()
        if self.down:
            raise Unavailable("the table store does not answer")
        names = [each.record.file_id for each in writes]
        assert len(set(names)) == len(names), "DynamoDB takes no two writes of one item in a transaction"
        return [self._write(each) for each in writes]

    def of_owner(self, client_id: str, after: tuple[str, UUID] | None, page: int) -> Iterator[UploadRecord]:
        """See UploadRecords."""
        own = [each for each in self.kept.values() if each.created_by_id == client_id]
        own.sort(key=lambda each: (each.created_at, each.file_id), reverse=True)
        last = after and (after[0], str(after[1]))
        yield from (each for each in own if last is None or (each.created_at, each.file_id) < last)

    def _write(self, write: Write) -> Wrote:
        record = write.record
        before = self.kept.get(record.file_id)
        if write.expects is Expects.NOTHING and before is not None:
            return Wrote.REFUSED
        if write.expects is Expects.AWAITED and (before is None or not write.was.is_still(before)):
            return Wrote.REFUSED
        if record.supersedes is not None:
            holder = self.places.get(record.supersedes)
            if holder is not None and holder.successor != record.file_id and self._is_held(holder):
                return Wrote.HELD
            until = datetime.fromisoformat(record.expires_at).timestamp()
            place: Succession = bind(Succession, "unit")(f"successor#{record.supersedes}", held_until=until)
            place.successor = record.file_id
            self.places[record.supersedes] = place
        self.kept[record.file_id] = copy.deepcopy(record)
        return Wrote.DONE

    def _is_held(self, holder: Succession) -> bool:
        return holder.held_until is None or holder.held_until >= self._clock().timestamp()
