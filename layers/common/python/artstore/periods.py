"""Periods of years, months, weeks and days (ISO 8601, "durations"): ``P10Y``, ``P6M``, ``P1Y6M``, ``P90D``.

A period is added to a moment as people count: years and months first, to the same day of the month or, where that
month has no such day, to its last; then weeks and days. Times of day are no part of it.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from msgspec import Meta

_PERIOD: Final = re.compile("P(?:([0-9]{1,3})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,4})W)?(?:([0-9]{1,6})D)?")
PERIOD_PATTERN: Final = r"^P(?=[0-9])(?:[0-9]{1,3}Y)?(?:[0-9]{1,4}M)?(?:[0-9]{1,4}W)?(?:[0-9]{1,6}D)?(?!\n)$"
Period = Annotated[
    str,
    Meta(
        max_length=24,
        pattern=PERIOD_PATTERN,
        description="an ISO 8601 duration of years, months, weeks and days, such as P10Y or P1Y6M; P0D: at once",
    ),
]
"""A period as it is written."""
NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""What lies beyond the calendar."""
_MARGIN: Final = timedelta(days=4)


def add_period(moment: datetime, period: str) -> datetime:
    """Give the moment that lies ``period`` after ``moment``; ``NEVER`` beyond the year 9999.

    Raises ValueError for what is no period.
    """
    years, months, days = _parts(period)
    month = moment.month - 1 + months + 12 * years
    year, month = moment.year + month // 12, month % 12 + 1
    try:
        day = min(moment.day, calendar.monthrange(year, month)[1])
        return moment.replace(year=year, month=month, day=day) + timedelta(days=days)
    except (OverflowError, ValueError):
        return NEVER


def no_later_than(moment: datetime, period: str) -> datetime | None:
    """Give a moment that nothing lies after whose period is over at ``moment``: a few days more than subtracting
    gives, since months differ. None: nothing's is.

    Raises ValueError for what is no period.
    """
    years, months, days = _parts(period)
    month = moment.month - 1 - months - 12 * years
    year, month = moment.year + month // 12, month % 12 + 1
    try:
        day = min(moment.day, calendar.monthrange(year, month)[1])
        return moment.replace(year=year, month=month, day=day) - timedelta(days=days) + _MARGIN
    except (OverflowError, ValueError):
        return None


def _parts(period: str) -> tuple[int, int, int]:
    """Give years, months, and days with the weeks among them."""
    found = _PERIOD.fullmatch(period)
    if found is None or not any(found.groups()):
        raise ValueError(f"{period!r} is no period such as P10Y")
    years, months, weeks, days = (int(each or 0) for each in found.groups())
    return years, months, 7 * weeks + days
