"""Has a scanner look at the bytes of a document that is being described, before its attr.json is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from artstore.attributes import INFECTED, Attributes
from artstore.audit import SUCCESS, SYSTEM, AuditEvent
from artstore.objects import StoredObject
from artstore.scanning import ObjectScanning, described_as_scanned
from functions.storage_events.reading import Read

QUARANTINED = "document.quarantined"


class Scanning(Protocol):
    """Scans what is being described; where there is none, nothing is scanned."""

    def describe(self, described: Attributes, stored: StoredObject, read: Read) -> Attributes:
        """Give what attr.json is to say of these bytes. May be done again.

        Raises NotFound, PreconditionFailed, Unavailable: where storage does not give the bytes, or the audit log
        cannot be told of a finding.
        """
        ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ArrivalScanning:
    """Scanning of what arrives; each finding is told to the audit log before anything is written."""

    def __init__(
        self,
        scanning: ObjectScanning,
        record: Callable[[AuditEvent], None],
        *,
        is_required: bool,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take the ports; ``is_required`` keeps back what was not scanned."""
        self._scanning = scanning
        self._record = record
        self._is_required = is_required
        self._clock = clock

    def describe(self, described: Attributes, stored: StoredObject, read: Read) -> Attributes:
        """See Scanning."""
        verdict = self._scanning.scan(stored, decoded=read.decoded)
        anew = msgspec.structs.replace(described, scan=None)
        scanned = described_as_scanned(anew, verdict, self._clock(), is_required=self._is_required)
        if verdict.status == INFECTED:
            self._record(_found(scanned))
        return scanned


def _found(scanned: Attributes) -> AuditEvent:
    return AuditEvent(
        action=QUARANTINED,
        actor=SYSTEM,
        object=f"file/{scanned.file_id}",
        outcome=SUCCESS,
        source_ip="",
        request_id="",
        after={
            "found": scanned.scan.signature if scanned.scan is not None else None,
            "sha256": scanned.checksum,
            "space": scanned.space,
            "original_filename": scanned.original_filename,
        },
        reason=INFECTED,
    )
