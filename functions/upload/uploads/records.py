"""Upload records in their table: the write-ahead log of uploads.

A record of a random id is written unconditionally where many are written: 2^122 ids make a second one of that name
nobody's concern, and BatchWriteItem knows no conditions. A record of an id that was derived from a key is what a
repetition meets; written over, it would forget that its upload is stored. So these are written on condition, many
in one transaction, which is tried again without those that are refused. What holds the place of another document
is written in a transaction of its own, together with that hold. docs/adr/0033 has the figures.

Needs dynamodb:GetItem, PutItem, BatchGetItem, BatchWriteItem on the uploads table, and Query on its index
by-owner.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain, islice
from typing import Any
from uuid import UUID, uuid4

from pynamodb.exceptions import PutError, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from artstore import deadline
from artstore.aws.dynamodb import connect, put_many, put_together, reaching_dynamodb, refusal_code
from artstore.aws.successions import Successions
from artstore.aws.upload_settling import find_record
from artstore.errors import Unavailable
from artstore.tables import Succession, UploadRecord, bind
from functions.upload.admission import Reservation
from functions.upload.uploads.placing import AWAITED

_BATCH = 25
"""BatchWriteItem takes no more."""
_TRANSACTION = 50
"""TransactWriteItems would take 100, but the next are made while these are on their way, and one that is refused
undoes no more. 4 MB they are not: a request has 48 KiB at most."""
_AT_ONCE = 10
"""How many writes are under way at the same time: as many connections are kept."""
_TRIES = 5
_OnConditions = dict[int, tuple[dict[str, Any], Condition | None]]
"""Items by their numbers, each with its condition."""
_UNTRUE, _IN_THE_WAY = "ConditionalCheckFailed", "TransactionConflict"


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
    CROWDED = enum.auto()
    """What is reserved in its space, or the space itself, is not as it was read."""
    FAILED = enum.auto()
    """The table did not answer; it may have been written all the same."""


@dataclass(frozen=True)
class Seen:
    """What a record was when it was read: nobody may have settled it, found it expired or begun its multipart
    upload since."""

    status: str
    upload_id: str | None

    @classmethod
    def of(cls, record: UploadRecord) -> Seen:
        """Remember a record before it is changed."""
        return cls(record.status, record.upload_id)

    def is_still(self, record: UploadRecord) -> bool:
        """Tell whether the record that is kept is awaited and as it was."""
        return record.status in AWAITED and Seen.of(record) == self


@dataclass(frozen=True)
class Write:
    """A record to be saved, together with the hold of the place that its document is to take, and with the room
    that it reserves in a space with limits, or not at all."""

    record: UploadRecord
    expects: Expects
    reservation: Reservation | None = None
    seen: Seen | None = None
    """For one that is AWAITED: what the record was when it was read, unless it still says so itself."""

    @property
    def was(self) -> Seen:
        """Give what the record was when it was read."""
        return self.seen or Seen.of(self.record)

    @property
    def holds(self) -> bool:
        """Tell whether it holds the place of another document."""
        return self.record.supersedes is not None

    @property
    def is_alone(self) -> bool:
        """Tell whether nothing else is written with it."""
        return not self.holds and self.reservation is None


class UploadRecords:
    """The upload records of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the uploads table of the deployment ``prefix``."""
        self._prefix = prefix
        self._table = bind(UploadRecord, prefix)
        self._successions = Successions(prefix)
        self._is_new: Condition = self._table.file_id.does_not_exist()

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
        return find_record(self._prefix, file_id)

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

    def write(self, writes: Iterable[Write]) -> list[Wrote]:
        """Save the records, as many together as can be, and tell what became of each.

        ``writes`` may make them as they are asked for: they are, while those before them are under way. A single
        one raises Unavailable, as does a table that takes none of many.
        """
        given = iter(writes)
        known = list(islice(given, 2))
        if len(known) < 2:
            return [self._write(each) for each in known]
        outcome: dict[int, Wrote] = {}
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            # Each within the request's deadline.
            for done in [threads.submit(copy_context().run, task) for task in self._tasks(chain(known, given))]:
                outcome |= done.result()
        if all(each is Wrote.FAILED for each in outcome.values()):
            raise Unavailable("the table store does not answer")
        return [outcome[number] for number in range(len(outcome))]

    def _tasks(self, writes: Iterable[Write]) -> Iterator[Callable[[], dict[int, Wrote]]]:
        """Give the calls by which the records are written, each as soon as what it writes is known."""
        plain: dict[int, dict[str, Any]] = {}
        others: _OnConditions = {}
        for number, each in enumerate(writes):
            if not each.is_alone:
                yield partial(self._try, number, each)
            elif each.expects is Expects.ANYTHING:
                plain[number] = each.record.serialize()
            else:
                others[number] = each.record.serialize(), self._condition(each)
            if len(plain) == _BATCH:
                yield partial(self._put_many, plain)
                plain = {}
            if len(others) == _TRANSACTION:
                yield partial(self._put_on_conditions, others)
                others = {}
        if plain:
            yield partial(self._put_many, plain)
        if others:
            yield partial(self._put_on_conditions, others)

    def _try(self, number: int, write: Write) -> dict[int, Wrote]:
        try:
            return {number: self._write(write)}
        except Unavailable:
            return {number: Wrote.FAILED}

    def _write(self, write: Write) -> Wrote:
        """Save a record: one PutItem, or with what belongs to it one TransactWriteItems. Raises Unavailable."""
        return self._put(write) if write.is_alone else self._put_together(write)

    def _put(self, write: Write) -> Wrote:
        with reaching_dynamodb():
            try:
                write.record.save(condition=self._condition(write))
            except PutError as error:
                if refusal_code(error) == "ConditionalCheckFailedException":
                    return Wrote.REFUSED
                raise
        return Wrote.DONE

    def _put_many(self, items: Mapping[int, dict[str, Any]]) -> dict[int, Wrote]:
        """Write without conditions. What the table did not take in time is tried again, with pauses."""
        waiting = list(items.values())
        number_of = {item["file_id"]["S"]: number for number, item in items.items()}
        for turn in range(_TRIES):
            try:
                _pause(turn, 0.05)
                waiting = put_many(self._table, waiting)
            except Unavailable:
                break
            if not waiting:
                break
        failed = {number_of[item["file_id"]["S"]] for item in waiting}
        return {number: Wrote.FAILED if number in failed else Wrote.DONE for number in items}

    def _put_on_conditions(self, waiting: _OnConditions) -> dict[int, Wrote]:
        """Write in one transaction. It is tried again without what is refused, and after others' transactions."""
        outcome: dict[int, Wrote] = {}
        overtaken = 0
        for _ in range(_TRIES):
            try:
                _pause(overtaken, 0.02)
                codes = put_together(self._table, list(waiting.values()))
            except Unavailable:
                break
            if not codes:
                return outcome | dict.fromkeys(waiting, Wrote.DONE)
            refused = [number for number, code in zip(waiting, codes, strict=True) if code == _UNTRUE]
            outcome |= dict.fromkeys(refused, Wrote.REFUSED)
            waiting = {number: each for number, each in waiting.items() if number not in outcome}
            if not waiting:
                return outcome
            overtaken = 0 if refused else overtaken + 1
        return outcome | dict.fromkeys(waiting, Wrote.FAILED)

    def _put_together(self, write: Write) -> Wrote:
        """Write a record, the hold of the place it is to take and the room it reserves, or nothing."""
        for turn in range(_TRIES):
            _pause(turn, 0.02)
            codes = self._commit(write)
            if _UNTRUE in codes:
                refusals = [Wrote.REFUSED, *([Wrote.HELD] if write.holds else []), Wrote.CROWDED]
                return refusals[codes.index(_UNTRUE)]
            if not codes:
                return Wrote.DONE
        raise Unavailable("others are writing the same record")

    def _commit(self, write: Write) -> list[str | None]:
        """Give nothing, or why the record, why the hold and why the reservation was not written."""
        token = str(uuid4())
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=connect(self._prefix), client_request_token=token) as together:
                    together.save(write.record, condition=self._condition(write))
                    if write.holds:
                        self._hold(write.record, together)
                    if write.reservation is not None:
                        write.reservation.join(together)
            except TransactWriteError as error:
                codes = [reason.code if reason else None for reason in error.cancellation_reasons]
                if not set(codes) & {_UNTRUE, _IN_THE_WAY}:
                    raise
                return codes
        return []

    def _hold(self, record: UploadRecord, together: TransactWrite) -> None:
        until = datetime.fromisoformat(record.expires_at)
        self._successions.hold(UUID(record.supersedes), UUID(record.file_id), until, together)

    def _condition(self, write: Write) -> Condition | None:
        if write.expects is not Expects.AWAITED:
            return self._is_new if write.expects is Expects.NOTHING else None
        # Which multipart upload it is may have been written down since the record was read, or that it is over.
        known, upload_id = self._table.upload_id, write.was.upload_id
        unchanged = known.does_not_exist() if upload_id is None else known == upload_id
        unchanged &= self._table.status == write.was.status
        keeps = write.record.reserved and write.reservation is None
        reserved = self._table.reserved
        unchanged &= reserved.exists() if keeps else reserved.does_not_exist()
        awaited: Condition = self._table.status.is_in(*AWAITED) & unchanged
        return awaited


def _pause(tries: int, first: float) -> None:
    """Wait after so many tries in vain, each time twice as long, within the request's deadline."""
    if tries:
        deadline.pause(first * 2 ** (tries - 1))
