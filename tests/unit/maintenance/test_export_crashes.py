"""An export that is killed anywhere, and gone on with."""

from __future__ import annotations

import hashlib
import pathlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import bagit
import msgspec
import pytest

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.index import Projection
from artstore.jobs import Job, JobStatus, new_job
from functions.maintenance.exporting.copying import Copying
from functions.maintenance.exporting.models import KIND, ExportJob, ExportRequest
from functions.maintenance.exporting.runner import ExportRunner
from functions.maintenance.jobs.engine import Engine
from tests.fakes.memory_bags import MemoryBags
from tests.fakes.memory_bucket import KEPT, MemoryBuckets
from tests.fakes.memory_index import MemoryIndex
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake
from tests.support.killing import Killer, every_moment

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ONE, TWO, NOBODY = UUID(int=1), UUID(int=2), UUID(int=3)


class Outbox:
    def __init__(self) -> None:
        self.actions: list[str] = []

    def leave(self, event: Any, transaction: Any = None) -> None:
        self.actions.append(event.action)


class World:
    """Two documents, one of them larger than a copy takes, and an export of them."""

    def __init__(self) -> None:
        self.buckets = MemoryBuckets()
        self.bags = MemoryBags(self.buckets)
        self.index = MemoryIndex()
        self.jobs = MemoryJobs()
        self.outbox = Outbox()
        self.now = AT
        self.documents = {file_id: self._put(file_id, body) for file_id, body in ((ONE, b"one"), (TWO, b"longer"))}
        request = ExportJob(asked=ExportRequest(ids=[ONE, TWO, NOBODY]), spaces=["*"])
        job = new_job(UUID(int=9), KIND, msgspec.to_builtins(request), AT)
        self.jobs.create(job)
        self.job_id = job.job_id

    def _put(self, file_id: UUID, body: bytes) -> Attributes:
        key = f"{file_id}.pdf"
        self.buckets.put(KEPT, key, body)
        document = Attributes(
            file_id=file_id,
            original_filename="a.pdf",
            storage_filename=key,
            file_size=len(body),
            content_type="application/pdf",
            created_at=AT,
            updated_at=AT,
            created_by_id="sa_anna",
            created_by_username="anna",
            storage_path="",
            checksum=hashlib.sha256(body).hexdigest(),
            storage_version_id=self.buckets.head(KEPT, key).version_id,
        )
        self.buckets.put(KEPT, key + ".attr.json", attr.dump(document))
        self.index.project(Projection(attributes=document, bucket=KEPT, key=key, attributes_etag='"1"'))
        return document

    def trash(self, file_id: UUID) -> None:
        """Delete a document, as the index does not know yet."""
        body = attr.dump(msgspec.structs.replace(self.documents[file_id], deleted_at=AT))
        self.buckets.put(KEPT, f"{file_id}.pdf.attr.json", body)

    def work(self, killer: Killer) -> Job:
        """Do the job to its end, by workers of which one may be killed."""
        bags: Any = killer.guard(self.bags)
        objects: Any = killer.guard(self.buckets, "head", "read")
        index: Any = killer.guard(self.index)
        copying = Copying(objects, bags, whole_bytes=5, part_bytes=4, at_once=1)
        runner = ExportRunner(index=index, store=bags, copying=copying, at_once=1, clock=lambda: self.now)
        jobs: Any = killer.guard(self.jobs, "save")
        engine = Engine(
            jobs=jobs,
            wake=RememberedWake(),
            runner_of=lambda _: runner,
            outbox=self.outbox,
            clock=lambda: self.now,
        )
        for _ in range(50):
            self.now += timedelta(minutes=10)
            engine.run(self.job_id, lambda: 200.0)
            job = self.jobs.find(self.job_id)
            assert job is not None
            if job.is_over:
                return job
        raise AssertionError("the job does not end")


@pytest.mark.parametrize("goes_away", [None, ONE, TWO], ids=["nothing", "the small one", "the large one"])
def test_an_export_that_is_killed_anywhere_ends_in_a_valid_bag_of_what_is_there(
    tmp_path: pathlib.Path, goes_away: UUID | None
) -> None:
    worlds: list[World] = []

    def run(killer: Killer) -> None:
        worlds.append(World())
        worlds[-1].work(killer)

    def afterwards(where: str) -> None:
        world = worlds[-1]
        if goes_away is not None and world.jobs.ends == []:
            world.trash(goes_away)
        job = world.work(Killer())
        assert job.status is JobStatus.COMPLETED, (where, job)
        assert job.result is not None
        folder = world.bags.download(f"bags/{job.job_id}/", tmp_path / str(len(worlds)))
        bag = bagit.Bag(str(folder))
        bag.validate()
        there = {UUID(path.split("/")[1]) for path in bag.payload_entries()}
        told = {UUID(each["file_id"]) for each in job.result["left_out"]}
        assert there | told == {ONE, TWO, NOBODY}, where
        assert not there & told, where
        assert told - {NOBODY} <= {goes_away}, where
        assert world.outbox.actions == ["export.completed"], where
        assert len(world.jobs.ends) == 1, where

    assert every_moment(run, afterwards=afterwards) > 60
