"""Upload records in their table: the write-ahead log of uploads."""

from __future__ import annotations

from uuid import UUID

from pynamodb.exceptions import PutError
from pynamodb.expressions.condition import Condition

from artstore.aws.dynamodb import reaching_dynamodb, refusal_code
from artstore.tables import UploadRecord, bind
from functions.upload.uploads.starting import AWAITED


class UploadRecords:
    """The upload records of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the uploads table of the deployment ``prefix``."""
        self._table = bind(UploadRecord, prefix)

    def new(self, file_id: UUID) -> UploadRecord:
        """Make a record that is not saved yet."""
        record: UploadRecord = self._table(str(file_id))
        return record

    def add(self, record: UploadRecord) -> bool:
        """Save a new record; one PutItem. False when there is one of that id. Raises Unavailable."""
        return self._put(record, self._table.file_id.does_not_exist())

    def renew(self, record: UploadRecord) -> bool:
        """Save a record whose upload was still awaited; one PutItem. False when it is over. Raises Unavailable."""
        return self._put(record, self._table.status.is_in(*AWAITED))

    @staticmethod
    def _put(record: UploadRecord, condition: Condition) -> bool:
        with reaching_dynamodb():
            try:
                record.save(condition=condition)
            except PutError as error:
                if refusal_code(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def find(self, file_id: UUID) -> UploadRecord | None:
        """Read a record consistently, or None; one GetItem. Raises Unavailable."""
        with reaching_dynamodb():
            try:
                record: UploadRecord = self._table.get(str(file_id), consistent_read=True)
            except self._table.DoesNotExist:
                return None
        return record
