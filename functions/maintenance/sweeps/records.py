"""Upload records in their table, as sweeps need them: those whose time is over, and their settling.

Rights needed: dynamodb:GetItem and UpdateItem on the uploads table, Query on its index by-end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from artstore.aws.dynamodb import reaching_dynamodb, refusal_code
from artstore.aws.upload_settling import find_record, settle
from artstore.tables import UploadRecord, bind

SHARDS = tuple(str(number) for number in range(8))
"""The partitions of the index by-end that hold what is awaited."""
PENDING, EXPIRED = "PENDING", "EXPIRED"


class SweptRecords:
    """The upload records of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the uploads table of the deployment ``prefix``."""
        self._prefix = prefix
        self._table = bind(UploadRecord, prefix)

    def find(self, file_id: UUID) -> UploadRecord | None:
        """Read a record consistently, or None; one GetItem. Raises Unavailable."""
        return find_record(self._prefix, file_id)

    def expired(
        self, shard: str, before: datetime, after: tuple[str, str] | None, limit: int
    ) -> Sequence[tuple[str, str]]:
        """Give (expires_at, file_id) of awaited records of a shard that ended earlier, the longest ago first;
        those after one of them when given. One Query. Raises Unavailable."""
        until = before.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        start = after and {
            "awaited": {"S": shard},
            "expires_at": {"S": after[0]},
            "file_id": {"S": after[1]},
        }
        with reaching_dynamodb():
            found = self._table.by_end.query(
                shard, self._table.expires_at < until, last_evaluated_key=start or None, limit=limit
            )
            return [(each.expires_at, each.file_id) for each in found]

    def mark_expired(self, record: UploadRecord) -> bool:
        """Settle a record that is PENDING as it was read, and give back what it reserved in its space; False when
        it was renewed, or has another multipart upload, by now.

        One with a multipart upload is awaited on, until ``await_no_more``: that has to be ended. Raises
        Unavailable.
        """
        actions: list[Action] = [self._table.status.set(EXPIRED)]
        if not record.upload_id:
            actions.append(self._table.awaited.remove())
        return settle(self._prefix, record, (PENDING,), actions, only_as_read=True)

    def await_no_more(self, record: UploadRecord) -> bool:
        """Correct the note of a record that is settled; False when it is not. Raises Unavailable."""
        return self._update(record, self._table.status != PENDING, self._table.awaited.remove())

    def _update(self, record: UploadRecord, condition: Condition, *actions: Action) -> bool:
        with reaching_dynamodb():
            try:
                record.update(actions=list(actions), condition=condition)
            except UpdateError as error:
                if refusal_code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True
