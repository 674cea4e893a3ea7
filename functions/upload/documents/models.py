"""What is taken and given where documents are changed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from artstore.changes.bulk import Action, DocumentResult
from artstore.changes.limits import Reason
from artstore.jobs import JobError, JobStatus


class LegalHold(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Whether a document is to be held, and why, or why not any more."""

    hold: bool
    reason: Reason
    """It is in the audit log, and while the hold lasts in the document's attributes."""


class Release(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Why somebody answers for a document in quarantine."""

    reason: Reason
    """It is in the audit log."""


class BulkStarted(msgspec.Struct, kw_only=True):
    """A job that will change many documents, or count them."""

    job_id: UUID
    status: JobStatus


class BulkQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which results."""

    cursor: str = "0"
    """next_cursor of the page before."""


class BulkShown(msgspec.Struct, kw_only=True):
    """Where a job stands that changes many documents, and a page of their results, in their order."""

    job_id: UUID
    status: JobStatus
    """WAITING, RUNNING, COMPLETED, FAILED (nothing more is done, see error) or DEAD (it broke three times)."""
    action: Action
    dry_run: bool
    documents: int | None
    """How many; null as long as they are not all found."""
    counts: dict[str, int]
    """Results so far, by outcome: done, refused."""
    error: JobError | None
    created_at: datetime
    finished_at: datetime | None
    items: list[DocumentResult]
    next_cursor: str | None
    """A page may be empty while the work goes on: ask for it again."""
