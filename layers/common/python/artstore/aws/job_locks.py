"""Which job of a kind is the one that runs, where there may be one: an item for each kind in the jobs table.

Whoever starts such a job takes the lock in the transaction that writes the job, on condition of the holder that
was seen to be over. So of two at the same moment one starts.

Rights needed: dynamodb:GetItem and PutItem on the jobs table.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from artstore.aws.dynamodb import reaching_dynamodb
from artstore.tables import JobLockRecord, bind


class JobLocks:
    """The locks of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the jobs table of the deployment ``prefix``; no call is made yet."""
        self._table = bind(JobLockRecord, prefix)

    def holder(self, kind: str) -> UUID | None:
        """Give the job that took the lock last, over or not; one GetItem, consistent. Raises Unavailable."""
        with reaching_dynamodb():
            try:
                found: JobLockRecord = self._table.get(_key(kind), consistent_read=True)
            except self._table.DoesNotExist:
                return None
        return UUID(found.holder)

    def take(self, kind: str, job_id: UUID, before: UUID | None, transaction: Any) -> None:
        """Add to a transaction that the job takes the lock from the one before."""
        is_free = self._table.job_id.does_not_exist() if before is None else self._table.holder == str(before)
        transaction.save(self._table(_key(kind), holder=str(job_id)), condition=is_free)


def _key(kind: str) -> str:
    return f"lock#{kind}"
