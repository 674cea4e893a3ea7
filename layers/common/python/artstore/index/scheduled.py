"""Documents that name a retention schedule, as the index finds those that may be due.

The index knows nothing of schedules: what is asked says when. What is computed is computed by
``artstore.schedules`` alone; here only those are left out of which it would certainly say that they are not due,
by comparing times as the text that attr.json has them in, which sorts as time does but for offsets and fractions
of a day. Hence the margin of who asks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from artstore.index.ended import text_of
from artstore.index.statements import ROW, in_spaces
from artstore.periods import no_later_than
from artstore.schedules import CREATED, DATE_PATTERN, FINALIZED, Schedule
from artstore.spaces import Reach

LOOKED_AT_ONCE = 20_000
"""Documents of a schedule that one question looks at: what bounds its time where few of very many are due."""

_SCHEDULE = "(attributes -> 'retention' ->> 'schedule') COLLATE \"C\""
_NAMES_ONE = "shown AND attributes -> 'retention' ->> 'schedule' IS NOT NULL"
_OPEN = (
    "attributes -> 'retention' ->> 'kept_at' IS NULL"
    " AND coalesce((attributes -> 'retention' ->> 'extended_until') COLLATE \"C\", '') <= %(until)s"
)
_DATE = "(attributes -> 'custom_attributes' ->> %(attribute)s)"
_IS_TEXT = "jsonb_typeof(attributes -> 'custom_attributes' -> %(attribute)s) = 'string'"
_FINALIZED = "(attributes ->> 'finalized_at') COLLATE \"C\""

# Walks from name to name along the index, however many documents name each.
NAMED = f"""
WITH RECURSIVE named AS (
    (SELECT {_SCHEDULE} AS name FROM documents WHERE {_NAMES_ONE} ORDER BY 1 LIMIT 1)
    UNION ALL
    SELECT (SELECT {_SCHEDULE} FROM documents
            WHERE {_NAMES_ONE} AND {_SCHEDULE} > named.name ORDER BY 1 LIMIT 1)
    FROM named WHERE named.name IS NOT NULL
)
SELECT name FROM named WHERE name IS NOT NULL LIMIT %(limit)s
"""  # noqa: S608  # constants only


_IN_ORDER = " ORDER BY created_at, file_id"


def _walked(schedule: Schedule | None, after: bool) -> str:
    """Say which documents of %(schedule)s a question walks along, those created first first."""
    following = " AND (created_at, file_id) > (%(after_created_at)s, %(after_file_id)s)" if after else ""
    since = " AND created_at <= %(begun)s" if schedule is not None and schedule.trigger == CREATED else ""
    return f"{_NAMES_ONE} AND {_SCHEDULE} = %(schedule)s{since}{following}"


def page(schedule: Schedule | None, reach: Reach, *, after: bool) -> str:
    """Read those that may be due among the next %(look)s, %(limit)s at most."""
    looked = f"(SELECT * FROM documents WHERE {_walked(schedule, after)}{_IN_ORDER} LIMIT %(look)s) AS documents"  # noqa: S608
    chosen = f"{candidates(schedule)} AND {in_spaces(reach)}{_IN_ORDER} LIMIT %(limit)s"
    return f"{ROW.replace('FROM documents', f'FROM {looked}')} WHERE {chosen}"


def look_end(schedule: Schedule | None, *, after: bool) -> str:
    """Read where the question ended, when there was more to look at than it did."""
    rows = f"SELECT created_at, file_id FROM documents WHERE {_walked(schedule, after)}{_IN_ORDER}"  # noqa: S608
    return f"{rows} OFFSET %(look)s - 1 LIMIT 1"


def candidates(schedule: Schedule | None) -> str:
    """Say which of them may be due, or can never be told: of an unknown schedule, every one."""
    if schedule is None:
        return "attributes -> 'retention' ->> 'kept_at' IS NULL"
    if schedule.trigger == CREATED:
        return _OPEN
    if schedule.trigger == FINALIZED:
        begun = f"coalesce({_FINALIZED} <= %(begun_text)s, created_at <= %(begun)s)"
        never = f"{_FINALIZED} IS NULL AND attributes -> 'retention' ->> 'policy' <> 'permanent'"
        return f"{_OPEN} AND ({begun} OR {never})"
    is_date = f"({_IS_TEXT} AND {_DATE} ~ %(date)s)"
    return f'{_OPEN} AND ({is_date} IS NOT TRUE OR {_DATE} COLLATE "C" <= %(begun_text)s)'


def values(schedule: Schedule | None, until: datetime) -> dict[str, Any]:
    """Give the parameters of ``candidates`` for what is due at ``until``."""
    if schedule is None:
        return {}
    begun = no_later_than(until, schedule.period) or datetime.min.replace(tzinfo=until.tzinfo)
    return {
        "until": text_of(until),
        "begun": begun,
        "begun_text": text_of(begun),
        "attribute": schedule.attribute,
        "date": DATE_PATTERN,
    }
