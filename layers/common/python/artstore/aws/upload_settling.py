"""Reading the record of an upload, and settling it: what it came to, and, in the same transaction, the end of what
it reserved.

An upload into a space with limits reserves a document and its bytes when it is started, see
``artstore.aws.space_table``. The record says so while that stands, and every settling is on condition of what it
says: so a reservation ends with the upload, and never twice. Once a document is stored, the index counts it.

Needs dynamodb:GetItem and UpdateItem on the uploads table, and UpdateItem on the spaces table.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from artstore.aws.dynamodb import reaching_dynamodb, refusal_code, write_together
from artstore.aws.space_table import SpaceTable
from artstore.errors import Unavailable
from artstore.spaces import name_of
from artstore.tables import UploadRecord, bind

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

_TRIES = 5


def find_record(prefix: str, file_id: UUID | str) -> UploadRecord | None:
    """Read a record consistently, or None; one GetItem. Raises Unavailable."""
    table = bind(UploadRecord, prefix)
    with reaching_dynamodb():
        try:
            record: UploadRecord = table.get(str(file_id), consistent_read=True)
        except table.DoesNotExist:
            return None
    return record


def settle(
    prefix: str,
    record: UploadRecord,
    unsettled: Collection[str],
    actions: Sequence[Action],
    *,
    only_as_read: bool = False,
) -> bool:
    """Carry out ``actions`` on a record whose status is among ``unsettled``, and give back what it reserved.

    False when it was settled before, is gone, or, ``only_as_read``, ends at another time or has another multipart
    upload than when it was read. Raises Unavailable.
    """
    table = bind(UploadRecord, prefix)
    awaited = table.status.is_in(*unsettled)
    if only_as_read:
        upload_id = record.upload_id
        awaited &= table.expires_at == record.expires_at
        awaited &= table.upload_id.does_not_exist() if upload_id is None else table.upload_id == upload_id
    read = (record.expires_at, record.upload_id)
    present: UploadRecord | None = record
    for _ in range(_TRIES):
        if present is None or present.status not in unsettled:
            return False
        if only_as_read and (present.expires_at, present.upload_id) != read:
            return False
        if _settle(prefix, present, awaited, actions):
            return True
        present = find_record(prefix, record.file_id)
    raise Unavailable("the upload's record is being changed by others")


def _settle(prefix: str, record: UploadRecord, awaited: Condition, actions: Sequence[Action]) -> bool:
    table = bind(UploadRecord, prefix)
    if record.reserved:

        def both(transaction: TransactWrite) -> None:
            still = awaited & table.reserved.exists()
            transaction.update(record, actions=[*actions, table.reserved.remove()], condition=still)
            SpaceTable(prefix).release(name_of(record.space), int(record.size), transaction)

        return write_together(prefix, both)
    with reaching_dynamodb():
        try:
            record.update(actions=list(actions), condition=awaited & table.reserved.does_not_exist())
        except UpdateError as error:
            if refusal_code(error) != "ConditionalCheckFailedException":
                raise
            return False
    return True
