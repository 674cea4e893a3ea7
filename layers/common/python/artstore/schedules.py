"""Retention schedules: a class of documents, how long they are kept, from when on, and what is done then.

A document names its schedule in ``retention.schedule`` of its attr.json. When it is due is nowhere kept: it is
computed when somebody asks, from the schedule as it is then and from what the attr.json says. So a schedule that
is changed holds for what is there at once, and an index that is rebuilt has nothing to reckon anew.

What cannot be computed is never taken for not being due: it has a reason, and is listed with it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol

import msgspec
from msgspec import Meta

from artstore.attributes import Attributes
from artstore.elements import RetentionPolicy
from artstore.errors import NotFound
from artstore.periods import NEVER, Period, add_period

ScheduleName = Annotated[
    str,
    Meta(
        max_length=63,
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}(?!\n)$",
        description="1 to 63 lowercase letters, digits and hyphens, not a hyphen first",
    ),
]
"""A schedule by its name."""
ATTRIBUTE: Final = "attribute:"
TriggerName = Annotated[
    str,
    Meta(
        max_length=110,
        pattern=r"^(?:created|finalized|attribute:[^\x00-\x1f\x7f]{1,100})(?!\n)$",
        description="created, finalized, or attribute:NAME for the date in custom_attributes.NAME",
    ),
]
"""From when on a document is kept."""
CREATED, FINALIZED = "created", "finalized"

DATE_PATTERN: Final = (
    "^(?!0000)(?:"
    "[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    "|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
    "(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,6})?)?"
    "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?)?$"
)
"""A day of the calendar (ISO 8601), and perhaps a time, as a regular expression that PostgreSQL reads alike."""
_DATE: Final = re.compile(DATE_PATTERN)


class ScheduleAction(enum.StrEnum):
    """What is to be done with a document that is due."""

    REVIEW = "review"
    """Somebody looks at it and decides."""
    DELETE = "delete"
    KEEP = "keep"
    """It is kept for good."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A retention schedule."""

    name: str
    period: Period
    trigger: TriggerName
    action: ScheduleAction
    automatic: bool = False
    """Whether what is due is deleted without anybody deciding."""

    @property
    def attribute(self) -> str | None:
        """Give the name of the custom attribute whose date the period begins with, if it is one."""
        return self.trigger.removeprefix(ATTRIBUTE) if self.trigger.startswith(ATTRIBUTE) else None


class Schedules(Protocol):
    """Where schedules are looked up; see artstore.aws.schedule_table."""

    def schedule(self, name: str) -> Schedule | None:
        """Give a schedule, None when there is none of that name. Raises Unavailable."""
        ...


@dataclass(frozen=True)
class Due:
    """When a document is due, and why then."""

    at: datetime
    why: str


@dataclass(frozen=True)
class NotComputable:
    """Why nobody can say when a document is due, as a code and in words."""

    code: str
    why: str


def reckon(attributes: Attributes, schedule: Schedule | None) -> Due | NotComputable:
    """Tell when a document that names a schedule is due; ``schedule`` is None when there is none of that name."""
    named = attributes.retention.schedule if attributes.retention is not None else None
    if schedule is None:
        return NotComputable("schedule_unknown", f"there is no schedule {named}")
    begun = _begun(attributes, schedule)
    if isinstance(begun, NotComputable):
        return begun
    at, what = begun
    due, why = add_period(at, schedule.period), f"{what} {_told(at)} + {schedule.period}"
    extended = attributes.retention.extended_until if attributes.retention is not None else None
    if extended is not None and extended > due:
        return Due(extended, f"{why}, extended until {_told(extended)}")
    return Due(due, why)


def require(schedules: Schedules, name: str, field: str) -> Schedule:
    """Give a schedule that a document or a space is to name. Raises NotFound (``schedule_not_found``)."""
    found = schedules.schedule(name)
    if found is None:
        raise NotFound("there is no such schedule", code="schedule_not_found", field=field)
    return found


def read_date(value: Any) -> datetime | None:
    """Read the date in an attribute: a day is its midnight in UTC, a time without an offset is in UTC. None: it is
    none."""
    if not isinstance(value, str) or not _DATE.match(value) or value.endswith("\n"):
        return None
    read = datetime.fromisoformat(value)
    try:
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except OverflowError:
        return NEVER if read.year > 1 else datetime.min.replace(tzinfo=UTC)


class RememberedSchedules:
    """Schedules as they were seconds ago, for whoever looks the same ones up again and again.

    One that is not there is not remembered, since it may be made.
    """

    def __init__(self, schedules: Schedules, clock: Callable[[], float], seconds: float = 10) -> None:
        """Take where they are kept, a clock in seconds, and how long what was read is good."""
        self._schedules = schedules
        self._clock = clock
        self._seconds = seconds
        self._known: dict[str, tuple[float, Schedule]] = {}

    def schedule(self, name: str) -> Schedule | None:
        """See Schedules."""
        known = self._known.get(name)
        if known is not None and 0 <= self._clock() - known[0] < self._seconds:
            return known[1]
        found = self._schedules.schedule(name)
        if found is None:
            self._known.pop(name, None)
        else:
            self._known[name] = (self._clock(), found)
        return found


def _begun(attributes: Attributes, schedule: Schedule) -> tuple[datetime, str] | NotComputable:
    """Tell from when on the document is kept, and what happened then."""
    if schedule.trigger == CREATED:
        return attributes.created_at, "created"
    if schedule.trigger == FINALIZED:
        if attributes.finalized_at is not None:
            return attributes.finalized_at, "finalized"
        if attributes.retention is not None and attributes.retention.policy == RetentionPolicy.PERMANENT:
            return attributes.created_at, "created for good"
        return NotComputable("not_finalized", "the document has not been finalized")
    name = schedule.attribute or ""
    if name not in attributes.custom_attributes:
        return NotComputable("attribute_absent", f"custom_attributes.{name} is not there")
    read = read_date(attributes.custom_attributes[name])
    if read is None:
        return NotComputable("attribute_no_date", f"custom_attributes.{name} is no date such as 2026-12-31")
    return read, f"{name} of"


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()
