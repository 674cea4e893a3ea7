"""Upload records in their table: the write-ahead log of uploads."""

from __future__ import annotations

from uuid import UUID

from artstore.aws.dynamodb import reaching_dynamodb
from artstore.tables import UploadRecord, bind


class UploadRecords:
    """The upload records of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the uploads table of the deployment ``prefix``."""
        self._table = bind(UploadRecord, prefix)

    def new(self, file_id: UUID) -> UploadRecord:
        """Make a record that is not saved yet."""
        record: UploadRecord = self._table(str(file_id))
        return record

    def add(self, record: UploadRecord) -> None:
        """Save a new record; one PutItem, refused if the id exists. Raises Unavailable."""
        with reaching_dynamodb():
            record.save(condition=self._table.file_id.does_not_exist())

    def find(self, file_id: UUID) -> UploadRecord | None:
        """Read a record consistently, or None; one GetItem. Raises Unavailable."""
        with reaching_dynamodb():
            try:
                record: UploadRecord = self._table.get(str(file_id), consistent_read=True)
            except self._table.DoesNotExist:
                return None
        return record
