"""Upload records, and who takes whose place, in dictionaries that all who write share.

Each write is on the condition that the table has for it, see functions.upload.uploads.records and sessions,
functions.storage_events.records, functions.maintenance.sweeps.records and artstore.aws.successions.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from artstore.aws.successions import NOBODY
from artstore.finalizations import Finalization
from artstore.tables import Succession, UploadRecord, bind
from functions.maintenance.sweeps.records import EXPIRED, PENDING
from functions.upload.uploads.placing import AWAITED
from functions.upload.uploads.records import Expects, Write, Wrote
from functions.upload.uploads.sessions import ABORTED


class SharedSuccessions:
    """Who has the place of whom."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.kept: dict[UUID, Succession] = {}
        self._clock = clock

    def find(self, predecessor: UUID) -> Succession | None:
        return copy.deepcopy(self.kept.get(predecessor))

    def hold(self, predecessor: UUID, successor: UUID, until: datetime) -> bool:
        held = self.kept.get(predecessor)
        ended = held is not None and held.held_until is not None and held.held_until < self._clock().timestamp()
        if held is not None and held.successor != str(successor) and not ended:
            return False
        self._put(predecessor, str(successor), held_until=until.timestamp())
        return True

    def settle(self, predecessor: UUID, successor: UUID) -> bool:
        held = self.kept.get(predecessor)
        if held is not None and held.successor != str(successor) and held.settled_at is not None:
            return False
        self._put(predecessor, str(successor), settled_at=self._clock().timestamp())
        return True

    def take_over(self, predecessor: UUID, successor: UUID, gone: UUID) -> bool:
        if not self._is(predecessor, gone):
            return False
        self._put(predecessor, str(successor), settled_at=self._clock().timestamp())
        return True

    def release(self, predecessor: UUID, successor: UUID) -> None:
        if self._is(predecessor, successor):
            self._put(predecessor, NOBODY, held_until=0)

    def _is(self, predecessor: UUID, holder: UUID) -> bool:
        return predecessor in self.kept and self.kept[predecessor].successor == str(holder)

    def _put(self, predecessor: UUID, successor: str, **said: float) -> None:
        self.kept[predecessor] = bind(Succession, "unit")(f"successor#{predecessor}", successor=successor, **said)


class SharedRecords:
    """The upload records of whoever starts, sends, describes, gives up and sweeps."""

    def __init__(self, successions: SharedSuccessions, finalizations: dict[UUID, Finalization]) -> None:
        self.kept: dict[UUID, Any] = {}
        self._successions = successions
        self._finalizations = finalizations

    def find(self, file_id: UUID) -> Any:
        return copy.deepcopy(self.kept.get(file_id))

    def find_finalization(self, file_id: UUID) -> Finalization | None:
        return self._finalizations.get(file_id)

    # Starting.

    def new(self, file_id: UUID) -> Any:
        return bind(UploadRecord, "unit")(str(file_id))

    def find_many(self, file_ids: Sequence[UUID]) -> dict[UUID, Any]:
        return {each: self.find(each) for each in file_ids if each in self.kept}

    def holder(self, predecessor: UUID) -> Succession | None:
        return self._successions.find(predecessor)

    def leave(self, predecessor: UUID, holder: UUID) -> None:
        self._successions.release(predecessor, holder)

    def write(self, writes: Iterable[Write]) -> list[Wrote]:
        return [self._write(each) for each in writes]

    def _write(self, write: Write) -> Wrote:
        record = write.record
        file_id = UUID(record.file_id)
        before = self.kept.get(file_id)
        if write.expects is Expects.NOTHING and before is not None:
            return Wrote.REFUSED
        if write.expects is Expects.AWAITED and (before is None or not write.was.is_still(before)):
            return Wrote.REFUSED
        until = datetime.fromisoformat(record.expires_at)
        if record.supersedes and not self._successions.hold(UUID(record.supersedes), file_id, until):
            return Wrote.HELD
        self.kept[file_id] = copy.deepcopy(record)
        return Wrote.DONE

    # Under way.

    def note_upload(self, record: Any, upload_id: str, *, checksums: bool) -> bool:
        if self.kept[UUID(record.file_id)].upload_id != record.upload_id:
            return False
        return self._settle(record, AWAITED, upload_id=upload_id, part_checksums=checksums)

    def note_composite(self, record: Any, composite: str) -> bool:
        return self._settle(record, AWAITED, composite_sha256=composite)

    def mark_aborted(self, record: Any) -> bool:
        return self._settle(record, AWAITED, status=ABORTED, awaited=None)

    def mark_stored(self, record: Any, version_id: str | None, at: datetime, notice: str | None = None) -> bool:
        return self._settle(
            record, (*AWAITED, ABORTED), status="STORED", stored_at=at.isoformat(), notice=notice, awaited=None
        )

    def mark_rejected(self, record: Any, reason: str) -> bool:
        return self._settle(record, AWAITED, status="REJECTED", reason=reason, awaited=None)

    # Sweeping.

    def expired(
        self, shard: str, before: datetime, after: tuple[str, str] | None, limit: int
    ) -> list[tuple[str, str]]:
        found = sorted(
            (each.expires_at, each.file_id)
            for each in self.kept.values()
            if each.awaited == shard and datetime.fromisoformat(each.expires_at) < before
        )
        return [each for each in found if after is None or each > after][:limit]

    def mark_expired(self, record: Any) -> bool:
        kept = self.kept[UUID(record.file_id)]
        if (kept.expires_at, kept.upload_id) != (record.expires_at, record.upload_id):
            return False
        awaited = kept.awaited if kept.upload_id else None
        return self._settle(record, (PENDING,), status=EXPIRED, awaited=awaited)

    def await_no_more(self, record: Any) -> bool:
        kept = self.kept[UUID(record.file_id)]
        return kept.status != PENDING and self._settle(record, (kept.status,), awaited=None)

    def _settle(self, record: Any, unsettled: Sequence[str], **changes: Any) -> bool:
        kept = self.kept[UUID(record.file_id)]
        if kept.status not in unsettled:
            return False
        for each in (kept, record):
            for name, value in changes.items():
                setattr(each, name, value)
        return True
