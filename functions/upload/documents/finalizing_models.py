"""What finalizations look like from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from artstore.jobs import Job, JobError, JobStatus, JobSummary

State = Literal["pending", "copying", "copied", "verifying", "completed", "failed", "rolled_back"]
"""pending, copying, copied, verifying, completed; failed: nothing had been copied, or it broke again and again;
rolled_back: what was begun was undone. In both the document stays where it was."""
_FAILED: State = "failed"

Moment = Annotated[datetime, Meta(tz=True)]


class FinalizeRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How a document is to be finalized."""

    retain_until: Moment | None = None
    """Until when the document is to be kept, if that is longer than its storage element keeps every document. A
    hundred years ahead at most."""


class FinalizeManyRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which documents are to be finalized, and how."""

    file_ids: Annotated[list[UUID], Meta(min_length=1, max_length=1000)]
    retain_until: Moment | None = None
    """As for one."""


class Reason(msgspec.Struct, frozen=True):
    """Why something was not done: a stable code, and a sentence for people."""

    code: str
    detail: str


class FinalizationShown(msgspec.Struct, kw_only=True):
    """A finalization, and how far it is; sizes in bytes."""

    transaction_id: UUID
    file_id: UUID
    state: State
    storage_element_id: str
    """Where the document goes."""
    bytes_total: int
    bytes_copied: int
    bytes_verified: int
    """Of the copy, read back and hashed."""
    parts_total: int
    """0 where it is copied in one piece."""
    parts_copied: int
    error: Reason | None
    """Why it failed or was undone, or why the last try broke."""
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class FinalizationItem(msgspec.Struct, kw_only=True):
    """A finalization in a list."""

    transaction_id: UUID
    file_id: UUID
    state: State
    error: Reason | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class FinalizationList(msgspec.Struct):
    """One page of finalizations, newest first. A page may be short, even empty, while next_cursor says more."""

    items: list[FinalizationItem]
    next_cursor: str | None


class FinalizationQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which finalizations, and how many at a time."""

    status: State | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: Annotated[str, Meta(max_length=300)] | None = None
    """next_cursor of the page before, with the same filters."""


class FinalizeOutcome(msgspec.Struct, kw_only=True):
    """What became of one document of many: a finalization that was begun or is under way, or a reason."""

    file_id: UUID
    transaction_id: UUID | None = None
    state: State | None = None
    error: Reason | None = None


class FinalizeManyOutcome(msgspec.Struct):
    """What became of each, in the order in which they were named, each once."""

    items: list[FinalizeOutcome]
    accepted: int
    refused: int


def show(job: Job) -> FinalizationShown:
    """Give the finalization that a job does."""
    request, progress, result = job.request, job.progress, job.result or {}
    total = int(result.get("bytes", progress.get("size", request.get("size", 0))))
    parts = int(result.get("parts", progress.get("parts", 0)))
    is_done = job.status is JobStatus.COMPLETED
    return FinalizationShown(
        transaction_id=job.job_id,
        file_id=UUID(request["file_id"]),
        state=_state(job),
        storage_element_id=request["element_id"],
        bytes_total=total,
        bytes_copied=total if is_done else _copied(progress),
        bytes_verified=total if is_done else _verified(progress),
        parts_total=parts,
        parts_copied=parts if is_done else int(progress.get("parts_copied", 0)),
        error=_reason(job.error),
        created_at=job.created_at,
        updated_at=job.updated_at,
        finished_at=job.finished_at,
    )


def summarize(job: JobSummary) -> FinalizationItem:
    """Give the same of a job in a list."""
    return FinalizationItem(
        transaction_id=job.job_id,
        file_id=UUID((job.object or "").removeprefix("file/")),
        state=_state(job),
        error=_reason(job.error),
        created_at=job.created_at,
        updated_at=job.updated_at,
        finished_at=job.finished_at,
    )


def _state(job: Job | JobSummary) -> State:
    if job.status is JobStatus.DEAD:
        return _FAILED
    state: State = msgspec.convert(job.state or "pending", State)
    return state


def _reason(error: JobError | None) -> Reason | None:
    return None if error is None else Reason(error.code, error.detail)


def _copied(progress: dict[str, Any]) -> int:
    size = int(progress.get("size", 0))
    if progress.get("copy_etag"):
        return size
    return min(size, int(progress.get("parts_copied", 0)) * int(progress.get("part_size", 0)))


def _verified(progress: dict[str, Any]) -> int:
    if progress.get("sha256"):
        return int(progress.get("size", 0))
    return int((progress.get("verifying") or {}).get("offset", 0))
