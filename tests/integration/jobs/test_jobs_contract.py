"""What every implementation of the port ``artstore.jobs.Jobs`` promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import boto3
import msgspec
import pytest

from artstore.aws.dynamodb import write_together
from artstore.aws.job_table import JobTable
from artstore.errors import Invalid, Unavailable
from artstore.jobs import KEPT, Job, JobError, Jobs, JobStatus, Priority, new_job
from artstore.tables import WaitingEvent, bind
from tests.fakes.memory_jobs import MemoryJobs
from tests.support.dynamodb import count_calls, create_tables

NOW = datetime(2026, 11, 21, 7, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(params=["memory", "dynamodb"])
def jobs(request: pytest.FixtureRequest) -> Jobs:
    return request.getfixturevalue(f"{request.param}_jobs")  # type: ignore[no-any-return]


@pytest.fixture
def memory_jobs() -> Jobs:
    return MemoryJobs()


@pytest.fixture
def dynamodb_jobs(aws: None) -> Jobs:
    create_tables("moto")
    return JobTable("moto")


def job(number: int = 1, kind: str = "sweep", minutes: int = 0, **members: object) -> Job:
    made = new_job(UUID(int=number), kind, {"sweep": "uploads"}, NOW + timedelta(minutes=minutes))
    return msgspec.structs.replace(made, **members)


def test_many_jobs_are_created_together_or_none(jobs: Jobs) -> None:
    assert jobs.create_all([job(1), job(2)], lambda _: None)
    assert not jobs.create_all([job(3), job(2)], lambda _: None)
    assert [jobs.find(UUID(int=each)) is not None for each in (1, 2, 3)] == [True, True, False]


def test_a_job_is_found_as_it_was_created(jobs: Jobs) -> None:
    created = new_job(
        uuid4(),
        "finalize",
        {"file_id": "x", "nested": {"Ünï": [1, None, 2.5]}},
        NOW,
        priority=Priority.HIGH,
        state="pending",
        about="file/x",
        space="laws",
        created_by_id="sa_1",
        source_ip="192.0.2.1",
        request_id="r-1",
    )
    assert jobs.find(created.job_id) is None
    assert jobs.create(created)
    assert jobs.find(created.job_id) == created


def test_a_job_is_created_once(jobs: Jobs) -> None:
    assert jobs.create(job())
    assert not jobs.create(job(kind="bulk"))
    found = jobs.find(UUID(int=1))
    assert found is not None
    assert found.kind == "sweep"


def test_of_two_who_read_the_same_job_one_is_heard(jobs: Jobs) -> None:
    jobs.create(job())
    read = jobs.find(UUID(int=1))
    assert read is not None
    first = jobs.save(msgspec.structs.replace(read, state="mine", progress={"done": 1}))
    assert first is not None
    assert first.revision == read.revision + 1
    assert jobs.save(msgspec.structs.replace(read, state="theirs")) is None
    assert jobs.find(UUID(int=1)) == first
    assert jobs.save(first) is not None


def test_a_job_that_is_not_there_is_not_saved(jobs: Jobs) -> None:
    assert jobs.save(job()) is None
    assert jobs.find(UUID(int=1)) is None


def test_an_end_keeps_its_report_and_is_no_longer_due(jobs: Jobs) -> None:
    jobs.create(job())
    read = jobs.find(UUID(int=1))
    assert read is not None
    end = msgspec.structs.replace(
        read,
        status=JobStatus.DEAD,
        attempts=3,
        result={"counts": {"deleted": 3}},
        error=JobError("unavailable", "storage does not answer"),
        due_at=None,
        finished_at=NOW + timedelta(hours=1),
    )
    saved = jobs.save(end)
    assert jobs.find(UUID(int=1)) == saved
    assert list(jobs.due(NOW + timedelta(days=1), 10)) == []


def test_what_is_due_comes_by_priority_and_then_by_time(jobs: Jobs) -> None:
    for number, priority, minutes in (
        (1, Priority.LOW, 0),
        (2, Priority.NORMAL, 2),
        (3, Priority.NORMAL, 1),
        (4, Priority.HIGH, 3),
        (5, Priority.HIGH, 9),
    ):
        jobs.create(job(number, minutes=minutes, priority=priority))
    at = NOW + timedelta(minutes=5)
    assert list(jobs.due(at, 10)) == [UUID(int=number) for number in (4, 3, 2, 1)]
    assert list(jobs.due(at, 2)) == [UUID(int=4), UUID(int=3)]
    assert list(jobs.due(NOW - timedelta(seconds=1), 10)) == []


@pytest.mark.parametrize("kind", ["sweep", "bulk", None])
@pytest.mark.parametrize("status", ["WAITING", "DEAD", None])
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_pages_together_hold_each_job_that_is_asked_for_once_newest_first(
    jobs: Jobs, kind: str | None, status: str | None, limit: int
) -> None:
    made = []
    for number in range(1, 9):
        # Pairs are of one moment.
        one = job(number, kind="sweep" if number % 3 else "bulk", minutes=number // 2)
        if number % 2:
            one = msgspec.structs.replace(one, status=JobStatus.DEAD, due_at=None, finished_at=NOW)
        jobs.create(one)
        made.append(one)
    expected = sorted(
        (each for each in made if kind in (None, each.kind) and status in (None, each.status)),
        key=lambda each: (each.created_at, str(each.job_id)),
        reverse=True,
    )
    found, cursor = [], None
    while True:
        page = jobs.list(kind, status, limit, cursor)
        assert len(page.items) <= limit
        found += page.items
        cursor = page.next
        if cursor is None:
            break
    assert [each.job_id for each in found] == [each.job_id for each in expected]
    assert [(each.status, each.kind, each.created_at) for each in found] == [
        (each.status, each.kind, each.created_at) for each in expected
    ]


@pytest.mark.parametrize("cursor", ["", "x", "!!", "bm8", "WzEsMl0", "W10"])
def test_a_cursor_that_no_list_gave_is_refused(jobs: Jobs, cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        jobs.list(None, None, 10, cursor or "é")
    assert refused.value.code == "invalid_cursor"


def leave(number: int) -> WaitingEvent:
    made: WaitingEvent = bind(WaitingEvent, "moto")("waiting", str(number), event="{}")
    return made


def waiting() -> int:
    return int(boto3.client("dynamodb").scan(TableName="moto-audit-outbox")["Count"])


def test_what_is_written_alongside_is_written_with_the_job_or_not_at_all(dynamodb_jobs: JobTable) -> None:
    assert dynamodb_jobs.create(job(), lambda transaction: transaction.save(leave(1)))
    assert not dynamodb_jobs.create(job(), lambda transaction: transaction.save(leave(2)))
    assert waiting() == 1
    read = dynamodb_jobs.find(UUID(int=1))
    assert read is not None
    assert dynamodb_jobs.save(read, lambda transaction: transaction.save(leave(3))) is not None
    assert dynamodb_jobs.save(read, lambda transaction: transaction.save(leave(4))) is None
    assert waiting() == 2
    never = bind(WaitingEvent, "moto").id == "never"
    fails = dynamodb_jobs.create(job(2), lambda transaction: transaction.save(leave(5), condition=never))
    assert (fails, dynamodb_jobs.find(UUID(int=2)), waiting()) == (False, None, 2)
    assert write_together("moto", lambda transaction: transaction.save(leave(6)))


def test_a_step_costs_one_call(dynamodb_jobs: JobTable) -> None:
    dynamodb_jobs.create(job())
    with count_calls() as calls:
        read = dynamodb_jobs.find(UUID(int=1))
        assert read is not None
        dynamodb_jobs.save(read)
    assert calls == ["dynamodb.GetItem", "dynamodb.PutItem"]


def test_a_job_that_is_over_ends_by_itself_after_ninety_days(dynamodb_jobs: JobTable) -> None:
    dynamodb_jobs.create(job())
    item = boto3.client("dynamodb").scan(TableName="moto-jobs")["Items"][0]
    assert "expires_at_epoch" not in item
    assert (item["due"], item["due_at"]) == ({"S": "NORMAL"}, {"S": "2026-11-21T07:00:00.123456Z"})
    read = dynamodb_jobs.find(UUID(int=1))
    assert read is not None
    dynamodb_jobs.save(msgspec.structs.replace(read, status=JobStatus.COMPLETED, due_at=None, finished_at=NOW))
    item = boto3.client("dynamodb").scan(TableName="moto-jobs")["Items"][0]
    assert item["expires_at_epoch"] == {"N": str(int((NOW + KEPT).timestamp()))}
    assert "due" not in item


def test_a_table_that_does_not_answer_is_unavailable(aws: None) -> None:
    with pytest.raises(Unavailable):
        JobTable("nowhere").find(UUID(int=1))
