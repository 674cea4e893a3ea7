"""Uploads that were started: telling where one stands, and permitting it anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from artstore.security import Principal, Scope
from artstore.spaces import not_found
from artstore.tables import UploadRecord
from functions.upload.uploads.granting import LOOKS, Grants, busy
from functions.upload.uploads.models import UploadState, UploadTarget
from functions.upload.uploads.multipart import over
from functions.upload.uploads.placing import AWAITED
from functions.upload.uploads.predecessors import Documents, Places, refuse_held
from functions.upload.uploads.records import Expects, Seen, Write, Wrote
from functions.upload.uploads.views import show


class Records(Places, Protocol):
    """Where upload records are kept; see functions.upload.uploads.records."""

    def find(self, file_id: UUID) -> UploadRecord | None: ...
    def write(self, writes: Iterable[Write]) -> list[Wrote]: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Renewals:
    """The uploads that were started in one deployment."""

    records: Records
    grants: Grants
    documents: Callable[[], Documents]
    """Called when the index is needed."""
    clock: Callable[[], datetime] = field(default=_utc_now)

    def state(self, file_id: UUID, caller: Principal) -> UploadState:
        """Tell where an upload stands at this moment. Raises NotFound (``upload_not_found``)."""
        return show(self._find(file_id, caller), self.clock())

    def renew(self, file_id: UUID, caller: Principal, expires_in: int | None) -> UploadTarget:
        """Permit an upload anew, whether or not what permitted it before has ended.

        Raises NotFound (``upload_not_found``), Conflict (``upload_over``, ``upload_busy`` while others change it,
        and as starting it where the place it was to take is another's now) and Unavailable.
        """
        for _ in range(LOOKS):
            record = self._find(file_id, caller)
            if record.status not in AWAITED:
                raise over(record)
            seen, reservation = Seen.of(record), self.grants.reserve(record)
            target = self.grants.permit(record, expires_in)
            [wrote] = self.records.write([Write(record, Expects.AWAITED, reservation, seen)])
            if wrote is Wrote.DONE:
                return target
            if wrote is Wrote.HELD:
                refuse_held(record, self.records, self.documents, self.clock())
            if wrote is Wrote.CROWDED:
                break
        raise busy()

    def _find(self, file_id: UUID, caller: Principal) -> UploadRecord:
        """Give a record that the caller may know of: one in a space that it may write to."""
        record = self.records.find(file_id)
        if record is None or not caller.reach(Scope.FILES_WRITE).includes(record.space):
            raise not_found("upload")
        return record
