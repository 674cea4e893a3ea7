"""Upload records in their table: the write-ahead log of uploads.

A record of a random id is written unconditionally where many are written: 2^122 ids make a second one of that name
nobody's concern, and BatchWriteItem knows no conditions. A record of an id that was derived from a key is what a
repetition meets; written over, it would forget that its upload is stored. So these, and whatever holds the place
of another document, are written on condition, together in transactions. docs/adr/0033 has the figures.

Needs dynamodb:GetItem, PutItem, BatchGetItem, BatchWriteItem on the uploads table, and Query on its index
by-owner.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from pynamodb.exceptions import PutError, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from artstore.aws.dynamodb import connect, put_many, reaching_dynamodb, refusal_code
from artstore.aws.successions import Successions
from artstore.errors import Unavailable
from artstore.tables import Succession, UploadRecord, bind
from functions.upload.uploads.placing import AWAITED

_BATCH = 25
"""BatchWriteItem takes no more."""
_TRANSACTION = 100
"""Nor does TransactWriteItems."""
_TRIES = 5


class Expects(enum.Enum):
    """What has to be true of the record before, for a write to happen."""

    ANYTHING = enum.auto()
    NOTHING = enum.auto()
    AWAITED = enum.auto()


class Wrote(enum.Enum):
    """What became of a write."""

    DONE = enum.auto()
    REFUSED = enum.auto()
    """The record was not as it was expected."""
    HELD = enum.auto()
    """Another has the place that the document was to take."""
    FAILED = enum.auto()
    """The table did not answer; it may have been written all the same."""


@dataclass(frozen=True)
class Write:
    """A record to be saved, together with the hold of the place that its document is to take, or not at all."""

    record: UploadRecord
    expects: Expects

    @property
    def holds(self) -> bool:
        """Tell whether it holds the place of another document."""
        return self.record.supersedes is not None


class UploadRecords:
    """The upload records of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the uploads table of the deployment ``prefix``."""
        self._prefix = prefix
        self._table = bind(UploadRecord, prefix)
        self._successions = Successions(prefix)

    def new(self, file_id: UUID) -> UploadRecord:
        """Make a record that is not saved yet."""
        record: UploadRecord = self._table(str(file_id))
        return record

    def holder(self, predecessor: UUID) -> Succession | None:
        """Read who has a document's place; one GetItem. Raises Unavailable."""
        return self._successions.find(predecessor)

    def leave(self, predecessor: UUID, holder: UUID) -> None:
        """Free the place of a document from one that has left it. Raises Unavailable."""
        self._successions.release(predecessor, holder)

    def find(self, file_id: UUID) -> UploadRecord | None:
        """Read a record consistently, or None; one GetItem. Raises Unavailable."""
        with reaching_dynamodb():
            try:
                record: UploadRecord = self._table.get(str(file_id), consistent_read=True)
            except self._table.DoesNotExist:
                return None
        return record

    def find_many(self, file_ids: Sequence[UUID]) -> dict[UUID, UploadRecord]:
        """Read those of the records that are there; one GetItem or BatchGetItem. Raises Unavailable."""
        if len(file_ids) < 2:
            found = [self.find(each) for each in file_ids]
            return {UUID(each.file_id): each for each in found if each is not None}
        with reaching_dynamodb():
            records = self._table.batch_get([str(each) for each in file_ids], consistent_read=True)
            return {UUID(each.file_id): each for each in records}

    def of_owner(self, client_id: str, after: tuple[str, UUID] | None, page: int) -> Iterator[UploadRecord]:
        """Give the owner's uploads, newest first, or those after one (created_at, file_id), as far as the index
        holds them: without key, checksum and attributes. One Query for each ``page``. Raises Unavailable.
        """
        start = after and {
            "created_by_id": {"S": client_id},
            "created_at": {"S": after[0]},
            "file_id": {"S": str(after[1])},
        }
        with reaching_dynamodb():
            yield from self._table.by_owner.query(
                client_id, scan_index_forward=False, last_evaluated_key=start or None, page_size=page
            )

    def write(self, writes: Sequence[Write]) -> list[Wrote]:
        """Save the records, as many together as can be, and tell what became of each.

        A single one is one PutItem, and raises Unavailable.
        """
        if len(writes) == 1 and not writes[0].holds:
            return [self._put(writes[0])]
        outcome = dict.fromkeys(range(len(writes)), Wrote.FAILED)
        plain = [
            number for number, each in enumerate(writes) if each.expects is Expects.ANYTHING and not each.holds
        ]
        for some in _parts(plain, _BATCH):
            outcome |= self._put_many(writes, some)
        others = [number for number in outcome if number not in set(plain)]
        for some in _parts(others, _TRANSACTION // 2 if any(each.holds for each in writes) else _TRANSACTION):
            outcome |= self._put_together(writes, some)
        if writes and all(each is Wrote.FAILED for each in outcome.values()):
            raise Unavailable("the table store does not answer")
        return [outcome[number] for number in range(len(writes))]

    def _put(self, write: Write) -> Wrote:
        with reaching_dynamodb():
            try:
                write.record.save(condition=self._condition(write))
            except PutError as error:
                if refusal_code(error) == "ConditionalCheckFailedException":
                    return Wrote.REFUSED
                raise
        return Wrote.DONE

    def _put_many(self, writes: Sequence[Write], numbers: Sequence[int]) -> dict[int, Wrote]:
        """Write without conditions. What the table did not take in time is tried again, with pauses."""
        waiting = [writes[number].record.serialize() for number in numbers]
        number_of = {item["file_id"]["S"]: number for item, number in zip(waiting, numbers, strict=True)}
        for turn in range(_TRIES):
            try:
                waiting = put_many(self._table, waiting)
            except Unavailable:
                break
            if not waiting:
                break
            time.sleep(0.05 * 2**turn)
        failed = {number_of[item["file_id"]["S"]] for item in waiting}
        return {number: Wrote.FAILED if number in failed else Wrote.DONE for number in numbers}

    def _put_together(self, writes: Sequence[Write], numbers: Sequence[int]) -> dict[int, Wrote]:
        """Write in one transaction; what is in its way is left out, and the others tried again."""
        outcome: dict[int, Wrote] = {}
        left = list(numbers)
        for turn in range(_TRIES):
            try:
                reasons = self._commit([writes[number] for number in left])
            except Unavailable:
                break
            outcome |= {left[number]: why for number, why in reasons.items() if why is not Wrote.FAILED}
            left = [number for number in left if number not in outcome]
            if not left:
                return outcome
            if not reasons or Wrote.FAILED in reasons.values():
                time.sleep(0.02 * 2**turn)
        return outcome | dict.fromkeys(left, Wrote.FAILED)

    def _commit(self, writes: Sequence[Write]) -> dict[int, Wrote]:
        """Give what became of each, when all was written; else of those that were in the way, FAILED where it may
        be tried again.
        """
        puts: list[tuple[int, Wrote]] = []
        with reaching_dynamodb():
            try:
                with TransactWrite(
                    connection=connect(self._prefix), client_request_token=str(uuid4())
                ) as together:
                    for number, write in enumerate(writes):
                        together.save(write.record, condition=self._condition(write))
                        puts.append((number, Wrote.REFUSED))
                        if write.holds:
                            self._hold(write.record, together)
                            puts.append((number, Wrote.HELD))
                return dict.fromkeys(range(len(writes)), Wrote.DONE)
            except TransactWriteError as error:
                codes = [reason.code if reason else None for reason in error.cancellation_reasons]
                if not set(codes) & set(_IN_THE_WAY):
                    raise
        found: dict[int, Wrote] = {}
        for (number, refusal), code in zip(puts, codes, strict=True):
            if code == "ConditionalCheckFailed" and found.get(number) is not Wrote.REFUSED:
                found[number] = refusal
            elif code == "TransactionConflict":
                found.setdefault(number, Wrote.FAILED)
        return found

    def _hold(self, record: UploadRecord, together: TransactWrite) -> None:
        until = datetime.fromisoformat(record.expires_at)
        self._successions.hold(UUID(record.supersedes), UUID(record.file_id), until, together)

    def _condition(self, write: Write) -> Condition | None:
        # Which multipart upload it is may have been written down since the record was read.
        known, upload_id = self._table.upload_id, write.record.upload_id
        unchanged = known.does_not_exist() if upload_id is None else known == upload_id
        conditions: dict[Expects, Condition] = {
            Expects.AWAITED: self._table.status.is_in(*AWAITED) & unchanged,
            Expects.NOTHING: self._table.file_id.does_not_exist(),
        }
        return conditions.get(write.expects)


_IN_THE_WAY = ("ConditionalCheckFailed", "TransactionConflict")


def _parts(numbers: Sequence[int], most: int) -> Iterable[Sequence[int]]:
    return (numbers[first : first + most] for first in range(0, len(numbers), most))
