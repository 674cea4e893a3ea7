"""What changes in the record of an upload under way, each change on condition that the upload is still awaited.

Needs dynamodb:GetItem and dynamodb:UpdateItem on the uploads table.
"""

from __future__ import annotations

from uuid import UUID

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from artstore.aws.dynamodb import reaching_dynamodb, refusal_code
from artstore.aws.upload_settling import find_record, settle
from artstore.tables import UploadRecord, bind
from functions.upload.uploads.placing import AWAITED

ABORTED = "ABORTED"


class UploadSessions:
    """The records of the uploads under way of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the uploads table of the deployment ``prefix``."""
        self._prefix = prefix
        self._table = bind(UploadRecord, prefix)

    def find(self, file_id: UUID) -> UploadRecord | None:
        """Read a record consistently, or None; one GetItem. Raises Unavailable."""
        return find_record(self._prefix, file_id)

    def note_upload(self, record: UploadRecord, upload_id: str, *, checksums: bool) -> bool:
        """Write down which multipart upload of storage it is, and whether its parts come with a SHA-256.

        False when the upload is over, or another one was written down since ``record`` was read.
        """
        known = self._table.upload_id
        unchanged = known.does_not_exist() if record.upload_id is None else known == record.upload_id
        return self._update(
            record,
            [known.set(upload_id), self._table.part_checksums.set(checksums)],
            unchanged & self._table.status.is_in(*AWAITED),
        )

    def note_composite(self, record: UploadRecord, composite: str) -> bool:
        """Write down the checksum that the object will have if it is made of these parts; False when it is
        over."""
        return self._update(
            record, [self._table.composite_sha256.set(composite)], self._table.status.is_in(*AWAITED)
        )

    def mark_aborted(self, record: UploadRecord) -> bool:
        """Settle an open record as ABORTED; False when it was settled before."""
        actions = [self._table.status.set(ABORTED), self._table.awaited.remove()]
        return settle(self._prefix, record, AWAITED, actions)

    @staticmethod
    def _update(record: UploadRecord, actions: list[Action], condition: Condition) -> bool:
        with reaching_dynamodb():
            try:
                record.update(actions=actions, condition=condition)
            except UpdateError as error:
                if refusal_code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True
