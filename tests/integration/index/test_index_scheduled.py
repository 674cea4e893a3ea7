"""What the index finds of documents that name a retention schedule; run on PostgreSQL and on the fake."""

from __future__ import annotations

import datetime as dt
import re
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from artstore.attributes import Retention
from artstore.index import DocumentIndex, Position, scheduled
from artstore.index.postgres import PostgresIndex
from artstore.periods import NEVER
from artstore.schedules import DATE_PATTERN, Due, NotComputable, Schedule, ScheduleAction, read_date, reckon
from artstore.spaces import EVERYWHERE, Reach
from tests.fakes.documents import NOON, id_number, make_projection
from tests.fakes.memory_index import MemoryIndex

DAY = timedelta(days=1)


@pytest.fixture(params=["postgres", "memory"])
def index(request: pytest.FixtureRequest) -> DocumentIndex:
    if request.param == "memory":
        return MemoryIndex()
    index: PostgresIndex = request.getfixturevalue("postgres_index")
    return index


def schedule(trigger: str = "created", period: str = "P1Y", name: str = "tax") -> Schedule:
    return Schedule(name=name, period=period, trigger=trigger, action=ScheduleAction.REVIEW)


def put(index: DocumentIndex, number: int, named: str | None = "tax", **attributes: Any) -> None:
    retention = attributes.pop("retention", {})
    told = Retention(policy=retention.pop("policy", "permanent"), schedule=named, **retention)
    attributes = {"created_at": NOON + number * timedelta(minutes=1)} | attributes
    index.project(make_projection(file_id=id_number(number), retention=told, **attributes))


def all_pages(
    index: DocumentIndex, which: Schedule | None, until: dt.datetime, reach: Reach = EVERYWHERE, limit: int = 2
) -> dict[int, Due | NotComputable]:
    found: dict[int, Due | NotComputable] = {}
    after: Position | None = None
    while True:
        page = index.scheduled("tax", which, until, limit, after, reach)
        assert len(page.items) <= limit
        for each in page.items:
            assert each.attributes.file_id.int not in found
            reckoned = reckon(each.attributes, which)
            if not isinstance(reckoned, Due) or reckoned.at <= until:
                found[each.attributes.file_id.int] = reckoned
        if page.next is None:
            return found
        assert after is None or (page.next.created_at, page.next.file_id) > (after.created_at, after.file_id)
        after = page.next


def numbers(found: dict[int, Due | NotComputable]) -> list[int]:
    return list(found)


def test_what_was_created_long_enough_ago_is_due_the_oldest_first(index: DocumentIndex) -> None:
    put(index, 3, created_at=NOON - 366 * DAY)
    put(index, 1, created_at=NOON - 900 * DAY)
    put(index, 2, created_at=NOON - 364 * DAY)
    put(index, 4, created_at=NOON - 800 * DAY, named="other")
    put(index, 5, created_at=NOON - 800 * DAY, named=None)
    put(index, 6, created_at=NOON - 700 * DAY, deleted_at=NOON)
    assert numbers(all_pages(index, schedule(), NOON)) == [1, 3]
    assert numbers(all_pages(index, schedule(), NOON + 2 * DAY)) == [1, 3, 2]


def test_what_somebody_decided_is_respected(index: DocumentIndex) -> None:
    long_ago = NOON - 900 * DAY
    put(index, 1, created_at=long_ago, retention={"kept_at": NOON - DAY})
    put(index, 2, created_at=long_ago, retention={"extended_until": NOON + DAY})
    put(index, 3, created_at=long_ago, retention={"extended_until": NOON - DAY})
    put(index, 4, created_at=long_ago, retention={"legal_hold": True, "hold_reason": "case 7"})
    assert numbers(all_pages(index, schedule(), NOON)) == [3, 4]
    assert numbers(all_pages(index, schedule(), NOON + 2 * DAY)) == [2, 3, 4]
    assert 1 not in numbers(all_pages(index, None, NOON))


def test_the_date_of_an_attribute_counts_and_what_is_no_date_is_told(index: DocumentIndex) -> None:
    said: dict[int, Any] = {
        1: {"closed": "2020-01-31"},
        2: {"closed": "2026-02-28"},
        3: {"closed": "last spring"},
        4: {},
        5: {"closed": 2020},
        6: {"closed": None},
        7: {"closed": "2021-02-29"},
        8: {"closed": "2020-02-29T23:30:00-11:00"},
        9: {"closed": ["2020-01-01"]},
    }
    for number, attributes in said.items():
        put(index, number, custom_attributes=attributes)
    found = all_pages(index, schedule("attribute:closed"), NOON)
    assert set(found) == {1, 3, 4, 5, 6, 7, 8, 9}
    codes = {number: each.code for number, each in found.items() if isinstance(each, NotComputable)}
    assert codes == {4: "attribute_absent"} | dict.fromkeys((3, 5, 6, 7, 9), "attribute_no_date")
    assert found[8] == Due(dt.datetime(2021, 3, 1, 10, 30, tzinfo=UTC), "closed of 2020-03-01 + P1Y")


def test_finalization_counts_and_what_is_still_temporary_is_told(index: DocumentIndex) -> None:
    put(index, 1, created_at=NOON - 900 * DAY, finalized_at=NOON - 370 * DAY)
    put(index, 2, created_at=NOON - 900 * DAY, finalized_at=NOON - 300 * DAY)
    put(index, 3, created_at=NOON - 400 * DAY)
    put(index, 4, created_at=NOON - 100 * DAY)
    put(index, 5, created_at=NOON, retention={"policy": "temporary"})
    found = all_pages(index, schedule("finalized"), NOON)
    assert set(found) == {1, 3, 5}
    assert isinstance(found[5], NotComputable)
    assert found[5].code == "not_finalized"


def test_of_an_unknown_schedule_everything_is_told(index: DocumentIndex) -> None:
    put(index, 1)
    put(index, 2, named="gone")
    found = all_pages(index, None, NOON)
    assert {number: getattr(each, "code", None) for number, each in found.items()} == {1: "schedule_unknown"}
    assert index.schedules_named(10) == ["gone", "tax"]
    assert index.schedules_named(1) == ["gone"]


def test_nothing_out_of_reach_is_given(index: DocumentIndex) -> None:
    put(index, 1, created_at=NOON - 900 * DAY, space="press")
    put(index, 2, created_at=NOON - 900 * DAY)
    assert numbers(all_pages(index, schedule(), NOON, Reach(frozenset({"press"})))) == [1]
    assert numbers(all_pages(index, schedule(), NOON, Reach(frozenset({"press", "default"})))) == [1, 2]
    assert numbers(all_pages(index, schedule(), NOON, Reach(frozenset()))) == []


def test_a_question_looks_at_so_many_and_tells_where_it_ended(
    postgres_index: PostgresIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduled, "LOOKED_AT_ONCE", 3)
    for number in range(1, 11):
        closed = "2020-01-01" if number == 10 else "2026-02-28"
        put(postgres_index, number, custom_attributes={"closed": closed})
    which = schedule("attribute:closed")
    page = postgres_index.scheduled("tax", which, NOON, 5, None, EVERYWHERE)
    assert page.items == ()
    assert page.next is not None
    assert page.next.file_id == UUID(int=3)
    assert numbers(all_pages(postgres_index, which, NOON, limit=5)) == [10]


def test_postgres_and_we_agree_on_what_is_a_date(database_url: str, postgres_index: PostgresIndex) -> None:
    days = [f"{year:04}-{month:02}-{day:02}" for year in (0, 1900, 2000, 2023, 2024) for month in range(14)
            for day in range(33)]  # fmt: skip
    others = [
        "",
        "2024-01-01T24:00:00Z",
        "2024-01-01T23:59",
        "2024-01-01T23:59:59.5+14:00",
        "2024-1-1",
        "20240101",
        "2024-01-01 10:00",
        "2024-01-01T10:00:00.1234567Z",
        "\u0662\u0660\u0662\u0664-01-01",
        " 2024-01-01",
        "2024-01-01\n",
        "9999-12-31T23:59:59-05:00",
    ]
    with psycopg.connect(database_url) as connection:
        query = "SELECT each, each ~ %s FROM unnest(%s::text[]) AS each"
        told: dict[str, bool] = dict(connection.execute(query, [DATE_PATTERN, [*days, *others]]).fetchall())
    ours = {
        each: re.match(DATE_PATTERN, each) is not None and not each.endswith("\n") for each in [*days, *others]
    }
    assert told == ours
    for each in days:
        try:
            expected = dt.date.fromisoformat(each)
        except ValueError:
            assert read_date(each) is None
        else:
            read = read_date(each)
            assert read is not None
            assert read.date() == expected
    assert read_date("9999-12-31T23:59:59-05:00") == NEVER


def test_the_index_of_the_schedule_is_walked(postgres_index: PostgresIndex, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        # In a table of a few rows any index is as good, and which one is taken hangs on what was there before.
        connection.execute("DROP INDEX documents_newest, documents_in_space")
        values = scheduled.values(schedule(), NOON) | {"schedule": "tax", "limit": 10, "look": 100}
        plan = "\n".join(
            row[0]
            for row in connection.execute("EXPLAIN " + scheduled.page(schedule(), EVERYWHERE, after=False), values)
        )
        connection.rollback()
    assert "documents_scheduled" in plan
    assert "Sort" not in plan
