"""Of the jobs of a kind that may run one at a time one is started, whoever asks at the same moment."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from artstore.aws.audit_outbox import AuditOutbox
from artstore.aws.job_locks import JobLocks
from artstore.aws.job_table import JobTable
from artstore.errors import Conflict
from artstore.http import Request
from artstore.jobs import JobStatus
from artstore.security import Principal
from functions.maintenance.reindexing.starting import KIND, ReindexStarter
from functions.maintenance.started import JobStarter
from tests.fakes.memory_jobs import RememberedWake
from tests.support.dynamodb import create_tables

CALLER = Principal(client_id="sa_admin", username="admin", scopes=frozenset({"elements:admin"}), spaces={})
PATH = "/api/v1/maintenance/reindex"
REQUEST = Request("POST", PATH, "request-1")


class Overtaken(JobLocks):
    """Locks of which somebody sees the holder of before, though another has taken it since."""

    def holder(self, kind: str) -> UUID | None:
        return None


@pytest.fixture
def jobs(aws: None) -> JobTable:
    create_tables("moto")
    return JobTable("moto")


def starter(jobs: JobTable, locks: JobLocks) -> ReindexStarter:
    return ReindexStarter(JobStarter(jobs=jobs, wake=RememberedWake(), outbox=AuditOutbox("moto")), locks)


def under(key: str) -> Request:
    return Request("POST", PATH, "request-1", headers={"idempotency-key": key})


def test_a_second_rebuild_is_refused_until_the_first_is_over(jobs: JobTable) -> None:
    asking = starter(jobs, JobLocks("moto"))
    first = asking.start(CALLER, REQUEST)
    with pytest.raises(Conflict) as refused:
        asking.start(CALLER, REQUEST)
    assert refused.value.code == "job_running"
    with pytest.raises(Conflict):
        starter(jobs, Overtaken("moto")).start(CALLER, REQUEST)
    found = jobs.find(first.job_id)
    assert found is not None
    now = datetime.now(UTC)
    assert jobs.save(msgspec.structs.replace(found, status=JobStatus.DEAD, due_at=None, finished_at=now))
    second = asking.start(CALLER, REQUEST)
    assert second.job_id != first.job_id
    assert JobLocks("moto").holder(KIND) == second.job_id


def test_a_repetition_meets_its_rebuild_while_it_runs_and_when_it_is_over(jobs: JobTable) -> None:
    asking = starter(jobs, JobLocks("moto"))
    first = asking.start(CALLER, under("monday"))
    assert asking.start(CALLER, under("monday")).job_id == first.job_id
    with pytest.raises(Conflict) as refused:
        asking.start(CALLER, under("tuesday"))
    assert refused.value.code == "job_running"
    found = jobs.find(first.job_id)
    assert found is not None
    now = datetime.now(UTC)
    assert jobs.save(msgspec.structs.replace(found, status=JobStatus.COMPLETED, due_at=None, finished_at=now))
    second = asking.start(CALLER, under("tuesday"))
    assert asking.start(CALLER, under("monday")).job_id == first.job_id
    assert JobLocks("moto").holder(KIND) == second.job_id


def test_of_the_same_request_twice_at_one_moment_the_second_meets_the_first(jobs: JobTable) -> None:
    first = starter(jobs, JobLocks("moto")).start(CALLER, under("monday"))
    assert starter(jobs, Overtaken("moto")).start(CALLER, under("monday")).job_id == first.job_id


def test_jobs_are_listed_also_where_a_lock_was_looked_at_first(aws: None) -> None:
    create_tables("moto")
    assert JobLocks("moto").holder(KIND) is None
    assert JobTable("moto").list(None, None, 10, None).items == []
