"""The worker's handler: a message is given back only when the record of its job cannot be read or saved."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import pytest

from artstore.errors import Unavailable
from artstore.jobs import JobStatus, new_job
from functions.maintenance import dependencies, worker
from functions.maintenance.fixity.starting import FixityStarter
from functions.maintenance.started import JobStarter
from functions.maintenance.steps import Done
from functions.maintenance.sweeps.starting import SCHEDULES, SweepStarter
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake
from tests.fakes.memory_outbox import MemoryOutbox

NOW = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 300_000)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> MemoryJobs:
    kept = MemoryJobs()
    settings = SimpleNamespace(log_level="INFO", prefix="unit")
    monkeypatch.setattr(worker, "SERVICE", f"maintenance-worker-{request.node.name}")
    monkeypatch.setattr(dependencies, "worker_settings", lambda: settings)
    monkeypatch.setattr(dependencies, "jobs", lambda: kept)
    monkeypatch.setattr(dependencies, "wake", RememberedWake)
    monkeypatch.setattr(dependencies, "audit_outbox", MemoryOutbox)
    monkeypatch.setattr(
        worker, "runner_of", lambda _kind: SimpleNamespace(step=lambda _job, _left: Done({"n": 1}))
    )
    return kept


def message(number: int, body: object) -> dict[str, Any]:
    return {"messageId": f"m-{number}", "body": body if isinstance(body, str) else json.dumps(body)}


def failed(*messages: dict[str, Any]) -> list[str]:
    answer = worker.handler({"Records": list(messages)}, CONTEXT)
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_the_job_that_a_message_names_is_done(jobs: MemoryJobs) -> None:
    jobs.create(new_job(UUID(int=1), "count", {}, datetime.now(UTC)))
    assert failed(message(1, {"job_id": str(UUID(int=1))})) == []
    found = jobs.find(UUID(int=1))
    assert found is not None
    assert (found.status, found.result) == (JobStatus.COMPLETED, {"n": 1})


def test_a_message_is_given_back_alone_when_the_record_cannot_be_read(jobs: MemoryJobs) -> None:
    def unreachable(job_id: UUID) -> None:
        raise Unavailable("the table store does not answer")

    jobs.find = unreachable  # type: ignore[method-assign]
    assert failed(message(1, {"job_id": str(UUID(int=1))}), message(2, "junk")) == ["m-1", "m-2"]


def test_a_message_about_a_job_that_is_gone_is_dropped(jobs: MemoryJobs) -> None:
    assert failed(message(1, {"job_id": str(UUID(int=9))})) == []


def test_an_unknown_task_is_an_error(jobs: MemoryJobs) -> None:
    with pytest.raises(ValueError, match="nap"):
        worker.handler({"task": "nap"}, CONTEXT)


def test_what_is_due_is_woken(jobs: MemoryJobs) -> None:
    jobs.create(new_job(UUID(int=1), "count", {}, NOW))
    assert worker.handler({"task": "resume-jobs"}, CONTEXT) == {"task": "resume-jobs", "woken": 1}


def test_the_clock_starts_a_fixity_job_each_day_when_that_of_the_day_before_is_over() -> None:
    jobs, now = MemoryJobs(), [NOW]
    starter = FixityStarter(JobStarter(jobs=jobs, wake=RememberedWake(), outbox=MemoryOutbox()), lambda: now[0])
    assert [starter.start_due(), starter.start_due()] == [True, False]
    now[0] += timedelta(days=1)
    assert not starter.start_due(), "one after the other"
    [first] = jobs.list("fixity", None, 10, None).items
    job = jobs.find(first.job_id)
    assert job is not None
    jobs.save(msgspec.structs.replace(job, status=JobStatus.COMPLETED))
    assert starter.start_due()
    now[0] += timedelta(days=2)
    assert starter.start_due(), "a day that was left out keeps nobody waiting"


def test_the_clock_starts_each_sweep_once_in_each_of_its_turns() -> None:
    jobs, wake, now = MemoryJobs(), RememberedWake(), [NOW]
    starter = SweepStarter(JobStarter(jobs=jobs, wake=wake, outbox=MemoryOutbox()), lambda: now[0])
    assert sorted(starter.start_due()) == sorted(SCHEDULES)
    assert len(wake.woken) == len(SCHEDULES)
    assert starter.start_due() == []
    now[0] = NOW.replace(minute=15)
    assert starter.start_due() == ["uploads"]
    now[0] = NOW.replace(hour=8)
    assert sorted(starter.start_due()) == ["finalized", "temporary", "trash", "uploads"]
    now[0] = NOW.replace(day=22)
    assert "orphans" in starter.start_due()
    found = jobs.list("sweep", None, 100, None).items
    assert {each.priority for each in found if each.object == "sweep/uploads"} == {"HIGH"}
