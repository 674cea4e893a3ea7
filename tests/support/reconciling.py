"""An archive in memory that is reconciled; every call of whoever does it can be the last."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from artstore.elements.registry import Rows, Usage
from artstore.index.usage import Dimension
from artstore.jobs import JobStatus, new_job
from artstore.naming import attributes_key
from artstore.spaces import EVERYWHERE
from functions.maintenance.elements.tending import Counted
from functions.maintenance.reconciling.looking import Looking
from functions.maintenance.reconciling.ports import Page, Version
from functions.maintenance.reconciling.records import OpenRecords
from functions.maintenance.reconciling.runner import KIND, PART, PartRunner, Reconciliation
from functions.maintenance.reconciling.walking import Walk
from functions.maintenance.steps import Runner
from tests.fakes.memory_bucket import EDIT, KEPT, MemoryBuckets
from tests.fakes.memory_finalizations import MemoryFinalizations
from tests.fakes.memory_index import MemoryIndex
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake
from tests.support.ingesting.world import ELEMENTS, World
from tests.support.killing import Killer
from tests.support.sweeping import SweptRecords
from tests.support.working import Looks, Worked


class MemoryListing:
    """Lists every version of the buckets, a few at a time."""

    def __init__(self, buckets: MemoryBuckets, *, page: int, fits: bool) -> None:
        self._buckets = buckets
        self._page = page
        self._fits = fits
        self.begins_with_marker = False
        """Whether a page begins with the key that it is to follow, where no version is named."""

    def page(self, bucket: str, prefix: str, after: str | None, version: str | None) -> Page:
        found = [each for each in self._buckets.versions(bucket) if each[0].startswith(prefix)]
        if after is not None:
            marks = [(key, f"v{each.number}") for key, each, _ in found]
            if version is not None and (after, version) in marks:
                found = found[marks.index((after, version)) + 1 :]
            else:
                found = [
                    each for each in found if each[0] > after or (each[0] == after and self.begins_with_marker)
                ]
        page = found[: self._page]
        versions = [
            Version(
                key=key,
                size=len(each.body),
                etag=each.etag,
                modified=each.at,
                is_latest=is_latest,
                version_id=f"v{each.number}" if bucket == KEPT else None,
            )
            for key, each, is_latest in page
            if each.body is not None
        ]
        if len(found) == len(page):
            return Page(versions=versions)
        key, last, _ = page[-1]
        return Page(versions=versions, next=key, next_version=f"v{last.number}")

    def fits_a_page(self, bucket: str, prefix: str) -> bool:
        return self._fits

    def folders(self, bucket: str, prefix: str) -> list[str]:
        keys = [key.removeprefix(prefix) for key in self._buckets.keys(bucket) if key.startswith(prefix)]
        return sorted({prefix + key.split("/", 1)[0] + "/" for key in keys if "/" in key})


class Table:
    """The registry of elements, in a dictionary."""

    def __init__(self) -> None:
        self.usage: dict[str, Usage] = {}

    def read(self) -> Rows:
        return Rows(usage=dict(self.usage))

    def count(self, element_id: str, usage: Usage) -> None:
        self.usage[element_id] = usage


class Reconciled(Worked):
    """The world, with jobs that reconcile it."""

    def __init__(self, *, page: int = 1000, fits: bool = True) -> None:
        self.world = World(MemoryIndex(), knows_sha256=True)
        self.buckets = self.world.buckets
        self.index = self.world.index
        self.records = SweptRecords(self.world.records.kept)
        self.finalizations = MemoryFinalizations()
        self.world.records.finalizations = self.finalizations.kept
        self.listing = MemoryListing(self.buckets, page=page, fits=fits)
        self.jobs = MemoryJobs()
        self.table = Table()
        self.looks = Looks()
        self.told: list[int] = []

    # What there is.

    def document(self, number: int, bucket: str = EDIT, body: bytes = b"some bytes") -> str:
        """Store a document of an upload, and index it; give its key."""
        key = self.upload(number, bucket, body)
        self.world.deliver_all()
        return key

    def upload(self, number: int, bucket: str = EDIT, body: bytes = b"some bytes", **said: Any) -> str:
        """Announce a document and send it; its event is on its way."""
        ends = (self.buckets.now + timedelta(hours=1)).isoformat()
        return self.world.upload(bucket, number, body, expires_at=ends, awaited=str(number % 8), **said)

    def lose_events(self) -> None:
        """Whatever was just done, no event tells of it."""
        self.buckets.events.clear()
        self.buckets.now += timedelta(seconds=5)

    def drop_attributes(self, bucket: str, key: str) -> None:
        """Delete an attr.json, of which nobody hears."""
        self.buckets.delete(bucket, attributes_key(key))
        self.lose_events()

    # Reconciling.

    def runner_of(self, killer: Killer, kind: str) -> Runner | None:
        """Give a process that does jobs of a kind, and dies where it is to."""
        looking = Looking(
            objects=killer.guard(self.buckets),
            index=killer.guard(self.index),
            records=killer.guard(self.records),
            finalizations=killer.guard(self.finalizations),
        )
        looks = killer.guard(self.looks)
        listing = killer.guard(self.listing)
        walk = Walk(listing=listing, index=killer.guard(self.index), looking=looking, looks=looks)
        if kind == PART:
            return PartRunner(lambda: ELEMENTS, walk)
        return Reconciliation(
            elements=lambda: ELEMENTS,
            table=killer.guard(self.table),
            folders=listing,
            walk=walk,
            records=OpenRecords(records=killer.guard(self.records), objects=killer.guard(self.buckets)),
            looks=looks,
            usage=self._usage,
            jobs=killer.guard(self.jobs),
            wake=RememberedWake(),
            told=self.told.append,
            clock=lambda: self.buckets.now,
        )

    def _usage(self) -> Mapping[str, Counted]:
        report = self.index.usage(Dimension.ELEMENT, EVERYWHERE, 100)
        return {str(each.key): Counted(each.documents, each.bytes) for each in report.items}

    def start(self, **asked: Any) -> UUID:
        """Write a reconciliation down."""
        job_id = uuid4()
        self.jobs.create(new_job(job_id, KIND, {"grace_seconds": 0} | asked, self.buckets.now))
        return job_id

    def jobs_run_once(self) -> None:
        """Do what is due, once: a reconciliation is planned, and its parts are made."""
        for job_id in self.jobs.due(self.buckets.now, 100):
            self.engine(Killer(), self.jobs).run(job_id, lambda: 300)

    def kill_job(self, job_id: UUID) -> None:
        """Have a job end as one that broke three times."""
        self.jobs.save(msgspec.structs.replace(self.job(job_id), status=JobStatus.DEAD, due_at=None))

    def reconcile(self, **asked: Any) -> dict[str, Any]:
        """Reconcile, and give the report."""
        job_id = self.start(**asked)
        self.work()
        return self.report(job_id)

    def report(self, job_id: UUID) -> dict[str, Any]:
        """Give the report of a job that is over."""
        job = self.job(job_id)
        assert job.result is not None, job
        return job.result


def counts(report: dict[str, Any]) -> dict[str, int]:
    """Give how many there are of each kind of which there is any."""
    return {kind: each["count"] for kind, each in report["differences"].items() if each["count"]}
