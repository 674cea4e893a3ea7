"""Jobs in the table ``{prefix}-jobs``.

Rights needed: dynamodb:PutItem to create and to save, GetItem to find, Query on the indexes to list and to name
what is due; and whatever the writes alongside need.
"""

from __future__ import annotations

import base64
import binascii
import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from pynamodb.exceptions import PutError
from pynamodb.expressions.condition import Condition

from artstore.aws.dynamodb import reaching_dynamodb, refusal_code, write_together
from artstore.errors import Invalid
from artstore.jobs import KEPT, Alongside, Job, JobError, JobPage, JobStatus, JobSummary, Priority
from artstore.tables import JobRecord, bind

_MOST_READ = 1000
"""How many jobs one page looks at; where few of them match, it is short."""


class _Position(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    created_at: str
    job_id: str


class JobTable:
    """The jobs of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the jobs table of the deployment ``prefix``; no call is made yet."""
        self._prefix = prefix
        self._table = bind(JobRecord, prefix)

    def create(self, job: Job, alongside: Alongside | None = None) -> bool:
        """See Jobs. One PutItem, or one TransactWriteItems."""
        return self._put(job, self._table.job_id.does_not_exist(), alongside)

    def create_all(self, jobs: Iterable[Job], alongside: Alongside) -> bool:
        """See Jobs. One TransactWriteItems, which takes a hundred writes."""
        new = self._table.job_id.does_not_exist()
        records = [self._record(each) for each in jobs]

        def write(transaction: Any) -> None:
            for record in records:
                transaction.save(record, condition=new)
            alongside(transaction)

        return write_together(self._prefix, write)

    def find(self, job_id: UUID) -> Job | None:
        """See Jobs. One GetItem."""
        with reaching_dynamodb():
            try:
                record: JobRecord = self._table.get(str(job_id), consistent_read=True)
            except self._table.DoesNotExist:
                return None
        return _job(record)

    def save(self, job: Job, alongside: Alongside | None = None) -> Job | None:
        """See Jobs. One PutItem, or one TransactWriteItems."""
        saved = msgspec.structs.replace(job, revision=job.revision + 1)
        return saved if self._put(saved, self._table.revision == job.revision, alongside) else None

    def _put(self, job: Job, condition: Condition, alongside: Alongside | None) -> bool:
        record = self._record(job)
        if alongside is not None:

            def write(transaction: Any) -> None:
                transaction.save(record, condition=condition)
                alongside(transaction)

            return write_together(self._prefix, write)
        with reaching_dynamodb():
            try:
                record.save(condition=condition)
            except PutError as error:
                if refusal_code(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def list(self, kind: str | None, status: str | None, limit: int, after: str | None) -> JobPage:
        """See Jobs. One Query for each status where neither is given, and as many more as pages of them are
        read."""
        position = _open(after)
        found: list[JobSummary] = []
        read = 0
        last: JobRecord | None = None
        with reaching_dynamodb():
            for record in self._newest(kind, status, position, limit + 1):
                if len(found) == limit or read == _MOST_READ:
                    return JobPage(found, _seal(last))
                read += 1
                last = record
                if kind in (None, record.kind) and status in (None, record.status):
                    found.append(_summary(record))
        return JobPage(found, None)

    def _newest(
        self, kind: str | None, status: str | None, after: _Position | None, page: int
    ) -> Iterator[JobRecord]:
        """Walk the jobs newest first, by the index that fits; whoever is asked for both filters by the kind."""
        if status is not None:
            walks = [self._walk(self._table.by_status, status, after, page)]
        elif kind is not None:
            walks = [self._walk(self._table.by_kind, kind, after, page)]
        else:
            walks = [self._walk(self._table.by_status, each, after, page) for each in JobStatus]
        return heapq.merge(*walks, key=_order, reverse=True)

    @staticmethod
    def _walk(index: Any, value: str, after: _Position | None, page: int) -> Iterator[JobRecord]:
        """Walk one partition of an index. DynamoDB sorts by the time; jobs of one moment are sorted here by id."""
        condition = None if after is None else JobRecord.created_at <= after.created_at
        records = index.query(value, condition, scan_index_forward=False, page_size=page)
        for _, same in itertools.groupby(records, lambda each: each.created_at):
            for record in sorted(same, key=_order, reverse=True):
                if after is None or _order(record) < (after.created_at, after.job_id):
                    yield record

    def due(self, now: datetime, limit: int) -> Sequence[UUID]:
        """See Jobs. One Query for each priority, until ``limit`` are found."""
        found: list[UUID] = []
        with reaching_dynamodb():
            for priority in Priority:
                if len(found) < limit:
                    until = JobRecord.due_at <= _text(now)
                    records = self._table.by_due.query(str(priority), until, limit=limit - len(found))
                    found += [UUID(each.job_id) for each in records]
        return found

    def _record(self, job: Job) -> JobRecord:
        record: JobRecord = self._table(
            str(job.job_id),
            kind=job.kind,
            status=str(job.status),
            state=job.state,
            priority=str(job.priority),
            attempts=job.attempts,
            request=_json(job.request),
            progress=_json(job.progress) if job.progress else None,
            result=None if job.result is None else _json(job.result),
            error=None if job.error is None else _json(job.error),
            object_=job.object,
            space=job.space,
            created_by_id=job.created_by_id,
            source_ip=job.source_ip or None,
            request_id=job.request_id or None,
            created_at=_text(job.created_at),
            updated_at=_text(job.updated_at),
            finished_at=_text_or_none(job.finished_at),
            lease_until=_text_or_none(job.lease_until),
            cancelled_by_id=job.cancelled_by_id,
            revision=job.revision,
            due=None if job.due_at is None else str(job.priority),
            due_at=_text_or_none(job.due_at),
            expires_at_epoch=int((job.finished_at + KEPT).timestamp()) if job.finished_at else None,
        )
        return record


def _job(record: JobRecord) -> Job:
    return Job(
        job_id=UUID(record.job_id),
        kind=record.kind,
        status=JobStatus(record.status),
        state=record.state,
        priority=Priority(record.priority),
        attempts=int(record.attempts),
        request=msgspec.json.decode(record.request),
        progress=msgspec.json.decode(record.progress) if record.progress else {},
        result=msgspec.json.decode(record.result) if record.result else None,
        error=_error(record.error),
        object=record.object_,
        space=record.space,
        created_by_id=record.created_by_id,
        source_ip=record.source_ip or "",
        request_id=record.request_id or "",
        created_at=datetime.fromisoformat(record.created_at),
        updated_at=datetime.fromisoformat(record.updated_at),
        finished_at=_time(record.finished_at),
        lease_until=_time(record.lease_until),
        cancelled_by_id=record.cancelled_by_id,
        revision=int(record.revision),
        due_at=_time(record.due_at),
    )


def _summary(record: JobRecord) -> JobSummary:
    return JobSummary(
        job_id=UUID(record.job_id),
        kind=record.kind,
        status=JobStatus(record.status),
        state=record.state,
        priority=Priority(record.priority),
        attempts=int(record.attempts or 0),
        error=_error(record.error),
        object=record.object_,
        space=record.space,
        created_by_id=record.created_by_id,
        created_at=datetime.fromisoformat(record.created_at),
        updated_at=datetime.fromisoformat(record.updated_at),
        finished_at=_time(record.finished_at),
    )


def _error(text: str | None) -> JobError | None:
    return msgspec.json.decode(text, type=JobError) if text else None


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _text(moment: datetime) -> str:
    """Write a time so that text sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else _text(moment)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _order(record: JobRecord) -> tuple[str, str]:
    return record.created_at, record.job_id


def _seal(record: JobRecord | None) -> str | None:
    """Write where a page ended. It tells nothing that the page does not, and may be made up: who may list jobs may
    begin anywhere."""
    if record is None:
        return None
    position = msgspec.json.encode(_Position(*_order(record)))
    return base64.urlsafe_b64encode(position).rstrip(b"=").decode()


def _open(cursor: str | None) -> _Position | None:
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position = msgspec.json.decode(raw, type=_Position)
        return _Position(_text(datetime.fromisoformat(position.created_at)), str(UUID(position.job_id)))
    except (binascii.Error, ValueError, msgspec.DecodeError, OverflowError) as error:
        raise Invalid(
            "the cursor is not one that this list gave", code="invalid_cursor", field="cursor"
        ) from error
