"""Documents of jobs that change many, and their results, page by page beside the jobs.

A job's record must fit into an item of DynamoDB, and is written at each step; what may be a hundred thousand
documents long lies in items of its own. Rights needed: dynamodb:GetItem and PutItem on the jobs table.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import msgspec

from artstore.aws.dynamodb import reaching_dynamodb
from artstore.changes.bulk import BulkPage, DocumentResult
from artstore.tables import BulkPageRecord, bind

_KEPT = timedelta(days=100)
"""A little longer than a job."""


class BulkTable:
    """See ``artstore.changes.bulk.BulkPages``."""

    def __init__(self, prefix: str, clock: Callable[[], float] = time.time) -> None:
        """Use the jobs table of the deployment ``prefix``; no call is made yet."""
        self._table = bind(BulkPageRecord, prefix)
        self._clock = clock

    def read(self, job_id: UUID, number: int) -> BulkPage | None:
        """See BulkPages. One GetItem. Raises Unavailable."""
        with reaching_dynamodb():
            try:
                record: BulkPageRecord = self._table.get(_key(job_id, number), consistent_read=True)
            except self._table.DoesNotExist:
                return None
        return BulkPage(
            ids=msgspec.json.decode(record.ids, type=list[UUID]),
            results=msgspec.json.decode(record.results, type=list[DocumentResult]),
        )

    def write(self, job_id: UUID, number: int, page: BulkPage) -> None:
        """See BulkPages. One PutItem. Raises Unavailable."""
        record = self._table(
            _key(job_id, number),
            ids=msgspec.json.encode(page.ids).decode(),
            results=msgspec.json.encode(page.results).decode(),
            expires_at_epoch=int(self._clock() + _KEPT.total_seconds()),
        )
        with reaching_dynamodb():
            record.save()


def _key(job_id: UUID, number: int) -> str:
    return f"{job_id}#{number:06d}"
