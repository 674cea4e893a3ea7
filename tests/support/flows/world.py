"""An archive in memory with every function that writes, whose processes can be killed at any call.

``Flows`` adds finalization to the world of buckets, events and index. What is killed is the function at work;
events stay in their queue, jobs in their table, and both are taken up again by ``mend``, as the clock does it.
"""

from __future__ import annotations

import contextlib
import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

from artstore.attributes import to_document
from artstore.audit import AuditEvent
from artstore.aws.ingesting import LATER, IngestOutcome
from artstore.changes.finalizing import KIND, Finalizing
from artstore.errors import ArtStoreError, Unavailable
from artstore.finalizations import Phase
from artstore.http import Request
from artstore.index import DocumentIndex
from artstore.index.claims import Place
from artstore.jobs import Job, JobStatus
from artstore.naming import file_id_of
from artstore.security import Principal
from artstore.spaces import EVERYWHERE
from functions.maintenance.finalizing.departed import Sources, Verdict
from functions.maintenance.finalizing.finalization import Finalizer
from functions.maintenance.finalizing.seals import Seals
from functions.maintenance.jobs.engine import Engine, Ran
from functions.maintenance.steps import Runner
from functions.storage_events.events import EventKind, StorageEvent
from functions.storage_events.sight import Look
from functions.upload.documents.finalizing import FinalizationDesk
from functions.upload.documents.finalizing_models import (
    FinalizationShown,
    FinalizeManyOutcome,
    FinalizeManyRequest,
    FinalizeRequest,
)
from tests.fakes.memory_bucket import KEPT
from tests.fakes.memory_copies import MemoryCopies
from tests.fakes.memory_finalizations import MemoryFinalizations
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake
from tests.fakes.memory_outbox import MemoryOutbox
from tests.support.ingesting.world import ELEMENTS, World
from tests.support.killing import Killer

_SCOPES = frozenset({"files:read", "files:write"})
ANNA = Principal(client_id="sa_anna", username="anna", scopes=_SCOPES, spaces={"*": _SCOPES})
MARGIN = timedelta(hours=24)
WHOLE, PART = 40, 16
"""What is longer is copied in parts of so many bytes."""


class Ingesting:
    """Ingest in another process: whatever becomes of it, the caller goes on."""

    def __init__(self, world: World) -> None:
        self._world = world

    def at(self, bucket: str, key: str) -> IngestOutcome:
        event = StorageEvent(kind=EventKind.CREATED, name="IngestNow", bucket=bucket, key=key, at=None)
        try:
            result = self._world.ingest.handle(event)
        except ArtStoreError:
            return IngestOutcome(outcome=LATER)
        beside = Look(self._world.buckets, Place(bucket, event.key)).attributes()
        there = beside.attributes if beside is not None else None
        return IngestOutcome(
            outcome=str(result.outcome),
            file_id=result.file_id,
            reason=result.reason,
            attributes=to_document(there) if there is not None else None,
            attributes_etag=beside.etag if beside is not None and there is not None else None,
        )


class _Queue(RememberedWake):
    """The queue of jobs, out of which messages are taken by their number."""

    @property
    def last(self) -> UUID:
        """Give the job that was woken last."""
        return self.woken[-1][0]


class Flows(World):
    """The world with jobs, finalizations, and somebody who kills."""

    def __init__(self, index: DocumentIndex, *, knows_sha256: bool = False, killer: Killer | None = None) -> None:
        """Begin empty; ``killer`` kills the functions that do jobs and take requests."""
        super().__init__(index, knows_sha256=knows_sha256)
        self.killer = killer or Killer()
        self.buckets.replaces_kept = True
        self.copies = MemoryCopies(self.buckets)
        self.finalizations = MemoryFinalizations()
        self.records.finalizations = self.finalizations.kept
        self.jobs = MemoryJobs()
        self.outbox = MemoryOutbox()
        self.queue = _Queue()

    # Requests.

    def finalize(self, file_id: UUID, key: str | None = None, **asked: Any) -> FinalizationShown:
        """Ask for a finalization, under an Idempotency-Key if there is one. Raises Killed, and what refuses it."""
        request = Request("POST", "/api/v1/files/{file_id}/finalize", "request-1")
        return self.finalizations_desk().start(file_id, FinalizeRequest(**asked), ANNA, request, key).shown

    def finalize_all(self, file_ids: list[UUID]) -> FinalizeManyOutcome:
        """Ask for many. Raises Killed, and what refuses it."""
        request = Request("POST", "/api/v1/finalizations", "request-1")
        return self.finalizations_desk().start_all(FinalizeManyRequest(file_ids=file_ids), ANNA, request)

    def finalizations_desk(self) -> FinalizationDesk:
        """Give a process that takes requests."""
        guard = self.killer.guard
        jobs = guard(self.jobs)
        finalizing = Finalizing(
            elements=lambda: ELEMENTS,
            index=guard(self.index),
            jobs=jobs,
            wake=guard(self.queue),
            finalizations=guard(self.finalizations, "find"),
            outbox=self.outbox,
            clock=lambda: self.buckets.now,
        )
        return FinalizationDesk(finalizing, jobs)

    # The worker.

    def finalizer(self) -> Finalizer:
        """Give a process that finalizes."""
        guard = self.killer.guard
        return Finalizer(
            elements=lambda: ELEMENTS,
            objects=guard(self.buckets),
            copies=guard(self.copies),
            finalizations=guard(self.finalizations),
            ingest=guard(Ingesting(self)),
            outbox=self.outbox,
            whole_bytes=WHOLE,
            part_bytes=PART,
            clock=lambda: self.buckets.now,
        )

    def run_job(self, job_id: UUID) -> Ran:
        """Let a worker do what there is to do of a job. Raises Killed."""
        engine = Engine(
            jobs=self.killer.guard(self.jobs),
            wake=self.killer.guard(self.queue),
            runner_of=self.runner_of,
            failed=_raise_what_no_dependency_is,
            clock=lambda: self.buckets.now,
        )
        return engine.run(job_id, lambda: 60)

    def runner_of(self, kind: str) -> Runner | None:
        """Give a process that does jobs of a kind."""
        return self.finalizer() if kind == KIND else None

    def sources(self) -> Sources:
        """Give a process that removes what was left behind."""
        return Sources(
            elements=lambda: ELEMENTS,
            objects=self.killer.guard(self.buckets),
            copies=self.killer.guard(self.copies),
            finalizations=self.killer.guard(self.finalizations),
            jobs=self.killer.guard(self.jobs),
            finalizer=self.finalizer(),
            margin=MARGIN,
            clock=lambda: self.buckets.now,
        )

    def seals(self) -> Seals:
        """Give a process that breaks seals which nobody else breaks."""
        return Seals(
            elements=lambda: ELEMENTS,
            objects=self.killer.guard(self.buckets),
            index=self.killer.guard(self.index),
            finalizations=self.killer.guard(self.finalizations),
            jobs=self.killer.guard(self.jobs),
            ingest=self.killer.guard(Ingesting(self)),
            margin=MARGIN,
            clock=lambda: self.buckets.now,
        )

    def sweep(self) -> dict[UUID, Verdict]:
        """Look at every source that is due. Raises Killed."""
        sources = self.sources()
        return {each: sources.look_at(each, dry_run=False) for each in sources.due(1000)}

    # What heals.

    def mend(self) -> None:
        """Let everything run to its end: leases end, jobs that are due are done, events delivered."""
        self.killer.spare()
        for _ in range(60):
            self.deliver_all()  # events come within seconds, a lease ends after minutes
            self.wait(600_000)
            for job_id in self.jobs.due(self.buckets.now, 100):
                self.run_job(job_id)
            self.deliver_all()
            if not self.jobs.due(self.buckets.now + timedelta(hours=1), 1):
                return
        due = [self.jobs.find(each) for each in self.jobs.due(self.buckets.now + timedelta(hours=1), 5)]
        raise AssertionError(f"jobs are due without end: {due}")

    def revive(self) -> None:
        """Have what broke three times asked for again, as a client does; what nobody can ask for is undone."""
        for again in (True, False):
            dead = [
                file_id
                for file_id, known in self.finalizations.kept.items()
                if known.phase is Phase.OPEN and self.job_of(file_id).status is JobStatus.DEAD
            ]
            for file_id in dead:
                with contextlib.suppress(ArtStoreError):
                    if again:
                        self.finalize(file_id)
            if dead and not again:
                self.wait(90_000_000)
                self.sweep()
            self.mend()

    # What must hold.

    def job_of(self, file_id: UUID) -> Job:
        """Give the last finalization's job."""
        job = self.jobs.find(self.finalizations.kept[file_id].transaction_id)
        assert job is not None
        return job

    def check_finalizations(self) -> None:
        """Compare items, jobs, index and audit once nothing is under way."""
        for file_id, known in self.finalizations.kept.items():
            job = self.job_of(file_id)
            assert job.is_over
            assert known.phase is not Phase.OPEN, job.error
            assert (job.state == "completed") == (known.phase is Phase.COMMITTED)
            ends = [each for each in self.jobs.ends if each.job_id == job.job_id]
            assert len([each for each in ends if each.status is not JobStatus.DEAD]) == 1, "it ends once"
            told = [each.action for each in self.outbox.events if self._is_about(each, job)]
            ended = "completed" if known.phase is Phase.COMMITTED else "failed"
            assert told == ["finalization.requested", f"finalization.{ended}"], told

    @staticmethod
    def _is_about(event: AuditEvent, job: Job) -> bool:
        return (event.after or {}).get("transaction_id") == str(job.job_id)

    def check_shown(self, file_id: UUID, body: bytes, bucket: str) -> None:
        """The document is shown once, in ``bucket``, with these bytes, by its id and in lists."""
        found = self.index.find(file_id, EVERYWHERE)
        assert found is not None, "it is shown"
        assert found.bucket == bucket
        assert not found.missing
        assert self.buckets.version(found.bucket, found.key, found.version_id).body == body
        assert found.attributes.checksum == hashlib.sha256(body).hexdigest()
        page = self.index.search(None, 1000, None, EVERYWHERE)
        assert [each.attributes.file_id for each in page.items].count(file_id) == 1

    def _check_object(self, bucket: str, key: str) -> None:
        """A copy that was given up, or that nobody has completed yet, is no document; all else is as ever."""
        file_id = file_id_of(key)
        known = None if file_id is None else self.finalizations.kept.get(file_id)
        if bucket == KEPT and known is not None and self.buckets.body(bucket, key + ".attr.json") is None:
            version = self.buckets.version(bucket, key)
            if known.brought((bucket, key), version.etag, version.at.replace(microsecond=0)):  # type: ignore[arg-type]
                return
        super()._check_object(bucket, key)


def _raise_what_no_dependency_is(_job: Job, error: BaseException) -> None:
    """Let no mistake in a step hide behind the engine's patience."""
    if not isinstance(error, Unavailable):
        raise error
