"""What retention takes and gives."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from artstore.changes.bulk import DocumentResult
from artstore.changes.disposition import Decision
from artstore.jobs import JobError, JobStatus
from artstore.periods import Period
from artstore.schedules import ScheduleAction, ScheduleName, TriggerName
from artstore.spaces import SpaceName
from functions.upload.fields import Description


class ScheduleRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new retention schedule."""

    name: ScheduleName
    period: Period
    trigger: TriggerName
    """From when on: created, finalized, or attribute:NAME, the date in custom_attributes.NAME."""
    action: ScheduleAction
    """What is to be done with what is due: review, delete or keep."""
    automatic: bool = False
    """Of delete, and only then: what is due is deleted without anybody deciding."""
    description: Description | None = None


class ScheduleChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to change; what is absent stays. It holds for the documents that name the schedule at once."""

    period: Period | UnsetType = UNSET
    trigger: TriggerName | UnsetType = UNSET
    action: ScheduleAction | UnsetType = UNSET
    automatic: bool | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET


class RetentionSchedule(msgspec.Struct, kw_only=True):
    """A retention schedule."""

    name: str
    period: str
    trigger: str
    action: ScheduleAction
    automatic: bool
    description: str | None
    revision: int
    """+1 for each change; in quotes it is the ETag."""
    created_at: datetime
    created_by: str
    updated_at: datetime


class ScheduleList(msgspec.Struct):
    """All retention schedules, by their names. There is no next page."""

    items: list[RetentionSchedule]
    next_cursor: str | None = None


class DueState(enum.StrEnum):
    """Whether it can be told that a document is due."""

    DUE = "due"
    NOT_COMPUTABLE = "not_computable"


class DueQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which of the documents that are due, and how many at a time."""

    space: SpaceName | None = None
    """Only those of this space."""
    before: Annotated[datetime, Meta(tz=True)] | None = None
    """What is due by then; RFC 3339 with an offset. Without it: what is due now."""
    schedule: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    """Only those that name this schedule."""
    state: DueState | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(max_length=1200)] | None = None
    """next_cursor of the page before, with the same filters."""


class DueDocument(msgspec.Struct, kw_only=True):
    """A document that is due, or of which nobody can say when it is."""

    file_id: UUID
    original_filename: str
    space: str | None
    """null: the default space."""
    schedule: str
    state: DueState
    due_at: datetime | None
    """null where it cannot be computed."""
    why: str
    """How due_at came about, or why it cannot be computed."""
    code: str | None
    """The same as a code, where it cannot be computed: attribute_absent, attribute_no_date, not_finalized,
    schedule_unknown."""
    action: ScheduleAction | None
    """What its schedule says is to be done; null where there is no such schedule."""
    automatic: bool
    """Whether that is done without anybody deciding."""
    held: bool
    """Whether it is under a legal hold: then it is not deleted, whatever is decided."""
    hold_reason: str | None
    waits_until: datetime | None
    """Until when it may not go by what its attributes say; the lock that storage keeps may hold it longer, and is
    asked when it is decided."""
    extended_until: datetime | None
    file_size: int
    checksum: str | None
    created_at: datetime
    storage_element_id: str | None


class DueList(msgspec.Struct):
    """One page, by schedules and in each by creation. It may be short, even empty, while next_cursor says there is
    more."""

    items: list[DueDocument]
    next_cursor: str | None


class DecisionStarted(msgspec.Struct, kw_only=True):
    """A job that will do what was decided."""

    job_id: UUID
    kind: str
    status: JobStatus


class ResultsQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which results."""

    cursor: Annotated[str, Meta(max_length=300)] = "0"
    """next_cursor of the page before."""


class DecisionShown(msgspec.Struct, kw_only=True):
    """Where a decision stands, and a page of its results, in the order of the documents."""

    job_id: UUID
    status: JobStatus
    decision: Decision
    until: datetime | None
    reason: str
    documents: int
    counts: dict[str, int]
    """Results so far, by outcome: disposed, extended, kept, held, waits, refused."""
    error: JobError | None
    created_at: datetime
    finished_at: datetime | None
    items: list[DocumentResult]
    next_cursor: str | None
    """A page may be empty while the work goes on: ask for it again."""
