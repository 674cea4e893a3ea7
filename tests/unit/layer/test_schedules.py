"""When a document is due by its retention schedule, and what is told where nobody can say."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artstore.attributes import Retention
from artstore.errors import NotFound
from artstore.periods import NEVER, PERIOD_PATTERN, add_period, no_later_than
from artstore.schedules import Due, NotComputable, RememberedSchedules, Schedule, ScheduleAction, reckon, require
from tests.fakes.documents import NOON, make_attributes
from tests.support.scheduling import MemorySchedules

PERIODS = st.builds(
    lambda years, months, weeks, days: f"P{years}Y{months}M{weeks}W{days}D",
    st.integers(0, 120),
    st.integers(0, 40),
    st.integers(0, 60),
    st.integers(0, 900),
)


def schedule(period: str = "P10Y", trigger: str = "created") -> Schedule:
    return Schedule(name="tax", period=period, trigger=trigger, action=ScheduleAction.DELETE)


def when(which: Schedule | None, *, retention: dict[str, Any] | None = None, **said: Any) -> Due | NotComputable:
    told = {"policy": "permanent", "schedule": "tax"} | (retention or {})
    return reckon(make_attributes(retention=msgspec.convert(told, Retention), **said), which)


@pytest.mark.parametrize(
    ("begin", "period", "end"),
    [
        ("2026-03-01", "P10Y", "2036-03-01"),
        ("2024-02-29", "P1Y", "2025-02-28"),
        ("2024-02-29", "P4Y", "2028-02-29"),
        ("2026-01-31", "P1M", "2026-02-28"),
        ("2025-11-30", "P3M", "2026-02-28"),
        ("2026-12-31", "P1Y6M", "2028-06-30"),
        ("2026-03-01", "P2W3D", "2026-03-18"),
        ("2026-03-01", "P0D", "2026-03-01"),
        ("2026-01-31", "P1M1D", "2026-03-01"),
    ],
)
def test_a_period_is_added_as_people_count(begin: str, period: str, end: str) -> None:
    assert add_period(datetime.fromisoformat(begin), period) == datetime.fromisoformat(end)


def test_what_lies_beyond_the_calendar_is_never() -> None:
    assert add_period(NOON, "P999Y999999D") == add_period(NOON, "P999Y") + timedelta(days=999_999)
    assert add_period(NOON.replace(year=9500), "P999Y") == NEVER
    assert no_later_than(NOON.replace(year=500), "P999Y") is None


@pytest.mark.parametrize(
    "text", ["", "P", "10Y", "P10", "PT1H", "P1Y1H", "P1D2Y", "p1Y", "P-1Y", "P1Y\n", "P1.5Y"]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    assert re.search(PERIOD_PATTERN, text) is None
    with pytest.raises(ValueError, match="no period"):
        add_period(NOON, text)


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    PERIODS,
    st.timedeltas(timedelta(days=-3), timedelta(days=3)),
)
def test_nothing_that_is_due_begins_later_than_the_bound(begin: datetime, period: str, around: timedelta) -> None:
    assert re.search(PERIOD_PATTERN, period)
    now = add_period(begin, period) + around
    bound = no_later_than(now, period)
    if around >= timedelta(0):
        assert bound is not None
        assert begin <= bound
    if bound is not None:
        assert add_period(bound, period) - now < timedelta(days=9)


def test_it_is_counted_from_what_the_schedule_names() -> None:
    finalized = NOON + timedelta(days=40)
    assert when(schedule()) == Due(NOON.replace(year=2036), "created 2026-03-01 + P10Y")
    assert when(schedule(trigger="finalized"), finalized_at=finalized) == Due(
        finalized.replace(year=2036), "finalized 2026-04-10 + P10Y"
    )
    assert when(schedule(trigger="finalized")) == Due(
        NOON.replace(year=2036), "created for good 2026-03-01 + P10Y"
    )
    closed = when(schedule(trigger="attribute:closed on"), custom_attributes={"closed on": "2020-06-30"})
    assert closed == Due(datetime(2030, 6, 30, tzinfo=UTC), "closed on of 2020-06-30 + P10Y")


def test_an_extension_puts_it_off_and_never_brings_it_forward() -> None:
    later, earlier = "2040-01-01T00:00:00Z", "2030-01-01T00:00:00Z"
    put_off = when(schedule(), retention={"extended_until": later})
    assert put_off == Due(datetime(2040, 1, 1, tzinfo=UTC), "created 2026-03-01 + P10Y, extended until 2040-01-01")
    assert when(schedule(), retention={"extended_until": earlier}) == when(schedule())


@pytest.mark.parametrize(
    ("trigger", "said", "code"),
    [
        ("attribute:closed", {}, "attribute_absent"),
        ("attribute:closed", {"custom_attributes": {"closed": "soon"}}, "attribute_no_date"),
        ("attribute:closed", {"custom_attributes": {"closed": 20200101}}, "attribute_no_date"),
        ("attribute:closed", {"custom_attributes": {"closed": "2021-02-29"}}, "attribute_no_date"),
        ("finalized", {"retention": {"policy": "temporary"}}, "not_finalized"),
    ],
)
def test_what_cannot_be_computed_has_a_reason(trigger: str, said: dict[str, Any], code: str) -> None:
    found = when(schedule(trigger=trigger), **said)
    assert isinstance(found, NotComputable)
    assert found.code == code


def test_an_unknown_schedule_is_a_reason_too() -> None:
    assert when(None) == NotComputable("schedule_unknown", "there is no schedule tax")


def test_a_schedule_is_remembered_for_seconds_and_one_that_is_not_there_is_not() -> None:
    kept, now = MemorySchedules(schedule("P1Y")), [0.0]
    remembered = RememberedSchedules(kept, lambda: now[0])
    assert require(remembered, "tax", "retention.schedule").period == "P1Y"
    kept.kept["tax"] = schedule("P2Y")
    assert require(remembered, "tax", "retention.schedule").period == "P1Y"
    now[0] = 11
    assert require(remembered, "tax", "retention.schedule").period == "P2Y"
    with pytest.raises(NotFound) as refused:
        require(remembered, "other", "retention.schedule")
    assert (refused.value.code, refused.value.members) == ("schedule_not_found", {"field": "retention.schedule"})
    kept.kept["other"] = schedule()
    assert require(remembered, "other", "retention.schedule") == schedule()
