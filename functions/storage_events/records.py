"""Upload records in their table, as far as the event needs them: read one, settle it once.

Needs dynamodb:GetItem and dynamodb:UpdateItem on the uploads table, and on the spaces table to give back what an
upload reserved.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pynamodb.expressions.update import Action

from artstore.aws.finalization_table import FinalizationTable
from artstore.aws.upload_settling import find_record, settle
from artstore.finalizations import Finalization
from artstore.tables import UploadRecord, bind

_OPEN = ("PENDING", "EXPIRED")
_ABORTED = "ABORTED"


class UploadRecords:
    """The upload records of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the uploads table of the deployment ``prefix``."""
        self._prefix = prefix
        self._table = bind(UploadRecord, prefix)
        self._finalizations = FinalizationTable(prefix)

    def find(self, file_id: UUID) -> UploadRecord | None:
        """Read a record consistently, or None; one GetItem. Raises Unavailable."""
        return find_record(self._prefix, file_id)

    def find_finalization(self, file_id: UUID) -> Finalization | None:
        """Read the last finalization of a document, or None; one GetItem. Raises Unavailable."""
        return self._finalizations.find(file_id)

    def mark_stored(
        self, record: UploadRecord, version_id: str | None, at: datetime, notice: str | None = None
    ) -> bool:
        """Settle an open record as STORED, also one that was given up while its document was written, with what
        its client is to be told; it is awaited no more. False when it was settled before. Raises Unavailable."""
        return self._settle(
            record,
            (*_OPEN, _ABORTED),
            self._table.status.set("STORED"),
            self._table.stored_at.set(_rfc3339(at)),
            *([self._table.version_id.set(version_id)] if version_id else []),
            *([self._table.notice.set(notice)] if notice else []),
        )

    def mark_rejected(self, record: UploadRecord, reason: str) -> bool:
        """Settle an open record as REJECTED; False when it was settled before. Raises Unavailable."""
        return self._settle(record, _OPEN, self._table.status.set("REJECTED"), self._table.reason.set(reason))

    def _settle(self, record: UploadRecord, unsettled: tuple[str, ...], *actions: Action) -> bool:
        return settle(self._prefix, record, unsettled, [*actions, self._table.awaited.remove()])


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
