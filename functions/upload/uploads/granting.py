"""What an upload is granted, when it is started and each time it is renewed: room in its space, and a request that
storage accepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from artstore.errors import Conflict
from artstore.tables import UploadRecord
from functions.upload.admission import Reservation
from functions.upload.uploads.models import Method, UploadTarget
from functions.upload.uploads.permits import Permit
from functions.upload.uploads.placing import await_until

LOOKS = 8
"""How often the records are looked at for one request: others may write between a look and a write, or take the
room in a space."""


class Admitting(Protocol):
    """What knows the limits of spaces; see functions.upload.admission."""

    def admit(self, space: str | None, size: int, content_type: str) -> Reservation | None: ...


@dataclass(frozen=True, kw_only=True)
class Grants:
    """What the uploads of one deployment are granted; a permission holds ``expiry_seconds`` at most."""

    permits: Mapping[str, Permit]
    admission: Admitting
    expiry_seconds: int

    def reserve(self, record: UploadRecord) -> Reservation | None:
        """Give what the record has to be written with, unless it holds its place in its space already.

        Raises NotFound (``space_not_found``), Conflict (``space_full``, ``space_type_not_allowed``), Unavailable.
        """
        if record.reserved:
            return None
        reservation = self.admission.admit(record.space, int(record.size), record.content_type)
        record.reserved = True if reservation else None
        return reservation

    def permit(self, record: UploadRecord, expires_in: int | None) -> UploadTarget:
        """Permit the upload that ``record`` describes, and write down until when. Raises what its permit does."""
        seconds = min(expires_in or self.expiry_seconds, self.expiry_seconds)
        target = self.permits[record.kind or Method.PUT](record, seconds)
        await_until(record, target.expires_at)
        return target


def busy() -> Conflict:
    """Give the error of an upload that others change all the time."""
    return Conflict("the upload could not be started; try again", code="upload_busy")
