"""Jobs for those who look after them: cancelled and tried again by whoever may, and told to the audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest

from artstore.errors import Conflict, NotFound
from artstore.http import Request
from artstore.jobs import Job, JobStatus, new_job
from artstore.security import Principal, Scope
from functions.maintenance.jobs.desk import JobDesk
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake
from tests.fakes.memory_outbox import MemoryOutbox

NOW = datetime(2026, 6, 1, tzinfo=UTC)
JOB_ID = UUID(int=7)
SCOPES = frozenset({str(Scope.ELEMENTS_ADMIN)})
ADMIN = Principal("sa_admin", "admin", SCOPES, {"default": SCOPES})
REQUEST = cast(Request, SimpleNamespace(headers={}, source_ip="192.0.2.1", request_id="request-1"))


class World:
    """A job, and who looks after it."""

    def __init__(self) -> None:
        self.jobs, self.wake, self.outbox = MemoryJobs(), RememberedWake(), MemoryOutbox()
        self.desk = JobDesk(jobs=self.jobs, wake=self.wake, outbox=self.outbox, clock=lambda: NOW)

    def put(self, kind: str = "sweep", space: str | None = None, **changes: Any) -> Job:
        job = msgspec.structs.replace(new_job(JOB_ID, kind, {}, NOW, space=space), **changes)
        self.jobs.create(job)
        return job


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("status", [JobStatus.WAITING, JobStatus.RUNNING])
def test_a_job_is_said_to_be_wanted_no_more_once_however_often_it_is_asked(
    world: World, status: JobStatus
) -> None:
    lease = NOW.replace(hour=1) if status is JobStatus.RUNNING else None
    world.put(status=status, lease_until=lease, due_at=lease or NOW.replace(day=9))
    for _ in range(2):
        shown = world.desk.cancel(JOB_ID, ADMIN, REQUEST)
        assert (shown.status, shown.cancelled_by_id, shown.lease_until) == (status, "sa_admin", lease)
        assert shown.due_at == (lease or NOW)
    assert world.wake.woken == [(JOB_ID, 0)]
    [event] = world.outbox.events
    assert (event.action, event.object, event.actor) == ("job.cancelled", f"job/{JOB_ID}", "sa_admin")


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.DEAD])
def test_what_is_over_is_not_cancelled(world: World, status: JobStatus) -> None:
    world.put(status=status)
    with pytest.raises(Conflict) as refused:
        world.desk.cancel(JOB_ID, ADMIN, REQUEST)
    assert refused.value.code == "job_over"
    assert world.outbox.events == []


def test_what_was_cancelled_is_shown_again(world: World) -> None:
    world.put(status=JobStatus.CANCELLED, cancelled_by_id="sa_other")
    assert world.desk.cancel(JOB_ID, ADMIN, REQUEST).status is JobStatus.CANCELLED
    assert world.outbox.events == []


def test_a_change_of_mode_goes_on_to_its_end(world: World) -> None:
    world.put("element_mode")
    with pytest.raises(Conflict) as refused:
        world.desk.cancel(JOB_ID, ADMIN, REQUEST)
    assert refused.value.code == "job_not_cancellable"


def test_a_job_of_a_space_that_the_caller_does_not_administer_is_not_there(world: World) -> None:
    world.put(space="press")
    with pytest.raises(NotFound):
        world.desk.cancel(JOB_ID, ADMIN, REQUEST)
    with pytest.raises(NotFound):
        world.desk.cancel(UUID(int=404), ADMIN, REQUEST)


def test_a_job_that_somebody_saves_at_the_same_time_is_cancelled_all_the_same(world: World) -> None:
    job = world.put()
    save, raced = world.jobs.save, list[bool]()

    def race(saved: Job, alongside: Any = None) -> Job | None:
        if not raced:
            raced.append(True)
            save(msgspec.structs.replace(job, progress={"done": 1}))
        return save(saved, alongside)

    world.jobs.save = race  # type: ignore[method-assign,assignment]
    shown = world.desk.cancel(JOB_ID, ADMIN, REQUEST)
    assert (shown.progress, shown.cancelled_by_id) == ({"done": 1}, "sa_admin")


def test_a_cancelled_job_is_gone_on_with(world: World) -> None:
    world.put(status=JobStatus.CANCELLED, cancelled_by_id="sa_admin", progress={"done": 1})
    shown = world.desk.retry(JOB_ID, ADMIN, REQUEST)
    assert (shown.status, shown.cancelled_by_id, shown.progress) == (JobStatus.WAITING, None, {"done": 1})
    with pytest.raises(Conflict) as refused:
        world.desk.retry(JOB_ID, ADMIN, REQUEST)
    assert refused.value.code == "job_not_dead"
