"""The audit log in the table ``{prefix}-audit`` of DynamoDB.

Rights needed: dynamodb:PutItem and Query on the table and its indexes to append, Query to read, and whatever the
writes alongside an entry need. UpdateItem and DeleteItem are never needed, and the template denies them.

A place in the chain is an item's key (log, seq): a transaction that puts an entry where one is already fails, and
is tried again behind it. So concurrent writers can wait for each other, and never fork the chain.
"""

from __future__ import annotations

import functools
import itertools
import operator
import random
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from artstore.audit import (
    START,
    Alongside,
    AuditEntry,
    AuditEvent,
    AuditPage,
    AuditQuery,
    Link,
    StateChanged,
    format_time,
    next_entry,
)
from artstore.aws.dynamodb import connect, reaching_dynamodb
from artstore.errors import Unavailable
from artstore.tables import AuditRecord, bind

LOG = "audit"
"""The one log of a deployment: the hash key of all its entries."""
MAX_ATTEMPTS = 16
_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.4
_PAGE_WHEN_FILTERED = 500
_MAX_PAGES = 6
_MAX_PAGES_OF_ENTRIES = 16  # of at most 1 MB each: what a function's memory takes
_JUST_UNDER_A_MILLISECOND = timedelta(microseconds=999)
_CONDITION_FAILED = "ConditionalCheckFailed"
_TRANSIENT = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"}
)
"""Reasons to try again, see CancellationReasons of TransactWriteItems in the DynamoDB API Reference."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class AuditTable:
    """The audit log of one deployment; see ``artstore.audit.AuditLog``."""

    def __init__(
        self,
        prefix: str,
        *,
        clock: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Use the audit table of the deployment ``prefix``; no call is made yet."""
        self._table = bind(AuditRecord, prefix)
        self._connection = connect(prefix)
        self._clock = clock
        self._sleep = sleep

    def append(self, event: AuditEvent, alongside: Alongside | None = None) -> AuditEntry:
        """Write the next entry and what ``alongside`` adds, as one act: a Query and a TransactWriteItems."""
        return self._append(lambda head: [next_entry(event, head, self._clock())], alongside)[0]

    def append_all(
        self, events: Sequence[tuple[AuditEvent, datetime]], alongside: Alongside | None = None
    ) -> list[AuditEntry]:
        """Write the next entries, each of its own time, as ``append`` writes one; at most 100 writes in all."""

        def follow(head: Link) -> list[AuditEntry]:
            entries: list[AuditEntry] = []
            for event, at in events:
                entries.append(next_entry(event, head, at))
                head = Link(entries[-1].seq, entries[-1].hash)
            return entries

        return self._append(follow, alongside)

    def _append(self, follow: Callable[[Link], list[AuditEntry]], alongside: Alongside | None) -> list[AuditEntry]:
        for attempt in range(MAX_ATTEMPTS):
            entries = follow(self.head())
            if self._write(entries, alongside):
                return entries
            self._sleep(random.uniform(0, _pause(attempt)))  # noqa: S311  # jitter
        raise Unavailable("the audit log is written to by too many at once")

    def head(self) -> Link:
        """Give the place of the newest entry, read consistently."""
        with reaching_dynamodb():
            newest = self._table.query(LOG, consistent_read=True, scan_index_forward=False, limit=1)
            record = next(iter(newest), None)
        return START if record is None else Link(int(record.seq), record.hash)

    def entries(self, after: int, limit: int) -> list[AuditEntry]:
        """Give at most ``limit`` entries behind the place ``after`` in their order, read consistently.

        Fewer do not mean that the log has ended: some 16 MB are the most. None do.
        """
        asked = self._table.query(LOG, self._table.seq > after, consistent_read=True, page_size=min(limit, 1000))
        found: list[AuditEntry] = []
        with reaching_dynamodb():
            for page in itertools.islice(asked.page_iter, _MAX_PAGES_OF_ENTRIES):
                found += (self._entry(item) for item in page["Items"])
                if len(found) >= limit:
                    break
        return found[:limit]

    def search(self, query: AuditQuery) -> AuditPage:
        """Give one page of what ``query`` asks for, newest first; at most six Queries on one index.

        Indexes follow the table within moments: an entry just written may not be there yet.
        """
        filters = [] if query.action is None else [self._table.action == query.action]
        if query.object is not None:
            index, key = self._table.by_object, query.object
            filters += [] if query.actor is None else [self._table.actor == query.actor]
        elif query.actor is not None:
            index, key = self._table.by_actor, query.actor
        else:
            index, key = self._table.by_time, LOG
        low, high = _bounds(query)
        if low > high:
            return AuditPage([], None)
        asked = index.query(
            key,
            self._table.moment.between(low, high),
            functools.reduce(operator.and_, filters) if filters else None,
            scan_index_forward=False,
            page_size=_PAGE_WHEN_FILTERED if filters else query.limit + 1,
        )
        found: list[AuditEntry] = []
        with reaching_dynamodb():
            for number, page in enumerate(asked.page_iter, 1):
                found += (self._entry(item) for item in page["Items"])
                if len(found) > query.limit:
                    return AuditPage(found[: query.limit], moment_of(found[query.limit - 1]))
                if number == _MAX_PAGES and "LastEvaluatedKey" in page:
                    return AuditPage(found, page["LastEvaluatedKey"]["moment"]["S"])
        return AuditPage(found, None)

    def _entry(self, item: dict[str, dict[str, Any]]) -> AuditEntry:
        """Read an item. One that somebody has made unreadable becomes an entry that hashes to nothing."""
        seq = int(item["seq"]["N"])
        try:
            record = self._table.from_raw_data(item)
            before, after = _json(record.before), _json(record.after)
        except (AttributeError, TypeError, ValueError):
            return _unreadable(seq)
        return AuditEntry(
            seq=seq,
            at=record.moment.removesuffix(f"#{seq:012d}"),
            action=record.action,
            actor=record.actor,
            object=record.object_,
            outcome=record.outcome,
            source_ip=record.source_ip,
            request_id=record.request_id,
            before=before,
            after=after,
            reason=record.reason,
            prev_hash=record.prev_hash,
            hash=record.hash,
        )

    def _write(self, entries: Sequence[AuditEntry], alongside: Alongside | None) -> bool:
        """Write; False when it is to be tried again."""
        transaction = _Transaction(connection=self._connection, client_request_token=str(uuid.uuid4()))
        for entry in entries:
            transaction.save(_record(self._table, entry), condition=self._table.seq.does_not_exist())
        if alongside is not None:
            alongside(transaction)
        with reaching_dynamodb():
            try:
                transaction.commit()
            except TransactWriteError as error:
                codes = [reason.code if reason else None for reason in error.cancellation_reasons]
                first = transaction.writes_before_saves
                own = range(first, first + len(entries))
                failed = [place for place, code in enumerate(codes) if code == _CONDITION_FAILED]
                others = [place for place in failed if place not in own]
                if others:
                    raise StateChanged(tuple(p - len(own) if p >= own.stop else p for p in others)) from error
                if failed or _TRANSIENT & set(codes):
                    return False
                raise
        return True


class _Transaction(TransactWrite):
    """A transaction that knows where in its order the first save stands: after condition checks and deletes."""

    writes_before_saves = 0

    def condition_check(self, *arguments: Any, **named: Any) -> None:
        """Add a condition check."""
        super().condition_check(*arguments, **named)
        self.writes_before_saves += 1

    def delete(self, *arguments: Any, **named: Any) -> None:
        """Add a deletion."""
        super().delete(*arguments, **named)
        self.writes_before_saves += 1

    def commit(self) -> None:
        """Write all of it or nothing. Raises TransactWriteError."""
        self._commit()


def _pause(attempt: int) -> float:
    return min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0**attempt)


def moment_of(entry: AuditEntry) -> str:
    """Give what the indexes sort an entry by: its time, and its place among those of the same millisecond."""
    return f"{entry.at}#{entry.seq:012d}"


def _bounds(query: AuditQuery) -> tuple[str, str]:
    """Give the least and the greatest moment asked for, both included, as BETWEEN takes them."""
    low = "0" if query.since is None else format_time(query.since + _JUST_UNDER_A_MILLISECOND)
    high = "~"
    if query.until is not None:
        high = format_time(query.until - timedelta(microseconds=1)) + "~"
    if query.before is not None:
        at, _, seq = query.before.rpartition("#")
        high = min(high, f"{at}#{int(seq) - 1:012d}")
    return low, high


def _record(table: type[AuditRecord], entry: AuditEntry) -> AuditRecord:
    members = msgspec.structs.asdict(entry)
    for name in ("before", "after"):
        if members[name] is not None:
            members[name] = msgspec.json.encode(members[name], order="sorted").decode()
    del members["at"]
    return table(LOG, members.pop("seq"), object_=members.pop("object"), moment=moment_of(entry), **members)


def _json(text: str | None) -> dict[str, Any] | None:
    return None if text is None else msgspec.json.decode(text, type=dict[str, Any])


def _unreadable(seq: int) -> AuditEntry:
    members: dict[str, Any] = dict.fromkeys(AuditEntry.__struct_fields__, "")
    members |= {"seq": seq, "before": None, "after": None, "reason": "the item cannot be read"}
    return AuditEntry(**members)
