"""An upload on its way to being started: what was asked, what is known of it by now, and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from artstore.errors import ArtStoreError
from artstore.tables import UploadRecord
from functions.upload.admission import Reservation
from functions.upload.uploads.models import OnDuplicate, UploadRequest, UploadStarted, UploadTarget
from functions.upload.uploads.records import Seen


@dataclass(frozen=True)
class Started:
    """What starting an upload came to."""

    upload: UploadStarted
    repeated: bool
    """Whether it was started before, under the same Idempotency-Key."""


@dataclass(frozen=True)
class Asked:
    """One upload that is asked for, and the key by which a repetition of it is known."""

    request: UploadRequest
    idempotency_key: str | None = None


@dataclass(eq=False)
class Attempt:
    """An upload on its way to being started."""

    request: UploadRequest
    file_id: UUID
    fingerprint: str | None
    space: str | None = None
    existing: UploadRecord | None = None
    seen: Seen | None = None
    record: UploadRecord | None = None
    target: UploadTarget | None = None
    reservation: Reservation | None = None
    outcome: Started | ArtStoreError | None = None
    duplicate_of: UUID | None = None
    duplicates_checked: bool = True

    @property
    def touches(self) -> set[str]:
        """Give what it writes: no two that write the same can be written together."""
        predecessor = self.request.supersedes
        return {str(self.file_id)} | ({f"successor of {predecessor}"} if predecessor else set())

    @property
    def decides(self) -> bool:
        """Tell whether a duplicate would be refused: not what was started before, whatever is stored meanwhile."""
        return self.request.on_duplicate is OnDuplicate.REJECT and self.existing is None

    @property
    def made(self) -> UploadRecord:
        """Give the record of one that was prepared."""
        assert self.record is not None  # noqa: S101  # whoever prepares it makes it
        return self.record

    def take(self, step: Callable[..., None], *arguments: object) -> None:
        """Take a step, unless there is an outcome already; an error is its outcome."""
        if self.outcome is None:
            try:
                step(*arguments)
            except ArtStoreError as error:
                self.outcome = error

    def tell(self, record: UploadRecord, target: UploadTarget | None = None) -> UploadStarted:
        """Say what its client is told."""
        return UploadStarted(
            file_id=self.file_id,
            status=record.status,
            upload=target,
            duplicate_of=self.duplicate_of,
            duplicates_checked=self.duplicates_checked,
        )
