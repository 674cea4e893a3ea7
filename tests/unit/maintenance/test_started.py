"""Jobs that somebody asks for: started once under an Idempotency-Key, and told to the audit log with it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest

from artstore.errors import Conflict, Invalid
from artstore.http import Request
from artstore.jobs import JobStatus
from artstore.security import Principal
from functions.maintenance.redriving.desk import DeadLetterDesk, Letters
from functions.maintenance.redriving.runner import RedriveRequest
from functions.maintenance.started import JobStarter, reply
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake
from tests.fakes.memory_outbox import MemoryOutbox

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Asked(msgspec.Struct, kw_only=True):
    """What is asked."""

    share: float = 1
    element_id: str | None = None


class World:
    """Jobs, and who starts them."""

    def __init__(self) -> None:
        self.jobs, self.wake, self.outbox = MemoryJobs(), RememberedWake(), MemoryOutbox()
        self.starter = JobStarter(jobs=self.jobs, wake=self.wake, outbox=self.outbox, clock=lambda: NOW)

    def start(self, kind: str = "fixity", key: str | None = None, whose: str = "sa_1", **asked: Any) -> UUID:
        headers = {} if key is None else {"idempotency-key": key}
        request = SimpleNamespace(headers=headers, source_ip="192.0.2.1", request_id="request-1")
        caller = Principal(whose, "robot", frozenset())
        job = self.starter.start(kind, Asked(**asked), caller, cast(Request, request), audited={"dry_run": False})
        return job.job_id


@pytest.fixture
def world() -> World:
    return World()


def test_without_a_key_each_request_starts_a_job(world: World) -> None:
    assert world.start() != world.start()
    assert len(world.wake.woken) == 2
    event = world.outbox.events[0]
    assert (event.action, event.object, event.actor) == ("fixity.started", "archive", "sa_1")


def test_a_repetition_meets_the_job_whatever_became_of_it(world: World) -> None:
    first = world.start(key="monday", share=0.5)
    job = world.jobs.find(first)
    assert job is not None
    world.jobs.save(msgspec.structs.replace(job, status=JobStatus.COMPLETED))
    assert world.start(key="monday", share=0.5) == first
    assert (len(world.wake.woken), len(world.outbox.events)) == (1, 1)
    assert world.start(key="monday", whose="sa_2", share=0.5) != first


@pytest.mark.parametrize("other", [{"share": 0.6}, {"share": 0.5, "element_id": "rw-01"}, {"kind": "sweep"}])
def test_another_request_under_the_same_key_is_refused(world: World, other: dict[str, Any]) -> None:
    world.start(key="monday", share=0.5)
    repeated: dict[str, Any] = {"key": "monday", "share": 0.5, **other}
    with pytest.raises(Conflict) as refused:
        world.start(**repeated)
    assert refused.value.code == "idempotency_key_reused"


def test_what_an_earlier_version_started_is_met_though_it_knew_no_members_that_came_later(world: World) -> None:
    first = world.start(key="monday")
    job = world.jobs.find(first)
    assert job is not None
    world.jobs.save(msgspec.structs.replace(job, request={"share": 1}))
    assert world.start(key="monday") == first


def test_a_key_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(Invalid):
        world.start(key="ключ")


def test_the_answer_says_where_the_job_is(world: World) -> None:
    job = world.jobs.find(world.start())
    assert job is not None
    answer = reply(job)
    assert msgspec.to_builtins(answer.value) == {"job_id": str(job.job_id), "kind": "fixity", "status": "WAITING"}
    assert answer.headers == {"Location": f"jobs/{job.job_id}", "Cache-Control": "no-store"}


def test_dead_letters_are_sent_back_by_one_job_however_often_it_is_asked_for(world: World) -> None:
    desk = DeadLetterDesk(cast(Letters, None), world.starter)
    request = cast(
        Request,
        SimpleNamespace(headers={"idempotency-key": "after the outage"}, source_ip="192.0.2.1", request_id="r1"),
    )
    caller = Principal("sa_1", "robot", frozenset())
    first, second = (desk.redrive(RedriveRequest(max=1000), caller, request) for _ in range(2))
    assert first.job_id == second.job_id
    assert (first.kind, first.object, first.request) == ("redrive", "events", {"max": 1000})
    [event] = world.outbox.events
    assert (event.action, event.object) == ("redrive.started", "events")
    assert event.after == {"job_id": str(first.job_id), "max": 1000}
    with pytest.raises(Conflict):
        desk.redrive(RedriveRequest(max=1), caller, request)
