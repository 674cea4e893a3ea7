"""An archive in memory with jobs, and the processes that do them: every call of one can be its last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from artstore.index.claims import Place
from artstore.jobs import Job
from functions.maintenance.jobs.engine import Engine, Ran
from functions.maintenance.steps import Runner
from functions.storage_events.events import EventKind, StorageEvent
from tests.fakes.memory_bucket import MemoryBuckets
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake
from tests.support.ingesting.world import World
from tests.support.killing import Killer


class Looks:
    """The queue of events, as whoever has places looked at uses it."""

    def __init__(self) -> None:
        self.asked: list[Place] = []

    def __call__(self, places: Collection[Place]) -> None:
        self.asked += places


class Worked(ABC):
    """A world whose jobs are done."""

    world: World
    buckets: MemoryBuckets
    jobs: MemoryJobs
    looks: Looks

    @abstractmethod
    def runner_of(self, killer: Killer, kind: str) -> Runner | None:
        """Give a process that does jobs of a kind, and dies where it is to."""

    def work(self, killer: Killer | None = None, seconds: float = 300) -> None:
        """Do all jobs to their end. Raises Killed."""
        killer = killer or Killer()
        for _ in range(500):
            due = self.jobs.due(self.buckets.now, 100)
            for job_id in due:
                assert self.engine(killer, killer.guard(self.jobs)).run(job_id, lambda: seconds) is not Ran.RETRIED
            if not due and not self.jobs.due(self.buckets.now + timedelta(days=1), 1):
                return
            self.buckets.now += timedelta(minutes=6)
        raise AssertionError("jobs are due without end")

    def engine(self, killer: Killer, jobs: MemoryJobs) -> Engine:
        """Give an engine that raises what its steps do."""
        return Engine(
            jobs=jobs,
            wake=RememberedWake(),
            runner_of=lambda kind: self.runner_of(killer, kind),
            failed=_raise,
            clock=lambda: self.buckets.now,
        )

    def job(self, job_id: UUID) -> Job:
        """Give a job."""
        found = self.jobs.find(job_id)
        assert found is not None
        return found

    def look(self) -> None:
        """Deliver what was asked of ingest, and all other events."""
        for place in self.looks.asked:
            self.world.deliver(
                StorageEvent(kind=EventKind.CREATED, name="Look", bucket=place.bucket, key=place.key, at=None)
            )
        self.looks.asked.clear()
        self.world.deliver_all()


def _raise(_job: Job, error: BaseException) -> None:
    raise error
