"""Disposition in memory: a desk, schedules, storage whose versions are locked, and the job that decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from artstore.audit import AuditEvent
from artstore.changes.bulk import BulkPage, DocumentResult
from artstore.changes.disposition import DecisionJob, DecisionRequest, check_decision
from artstore.changes.retaining import Retaining
from artstore.errors import NotFound
from artstore.jobs import Job, new_job
from artstore.naming import attributes_key
from artstore.schedules import Schedule, ScheduleAction
from artstore.spaces import ALL
from functions.maintenance.retention.automatic import AutomaticDisposal
from functions.maintenance.retention.disposing import DISPOSED, Disposal
from functions.maintenance.retention.runner import DecisionRunner
from functions.maintenance.retention.storage import Lock, Version
from functions.maintenance.steps import Continue, Done, Fail, Wait
from tests.fakes.memory_bucket import KEPT, MemoryBuckets
from tests.fakes.memory_finalizations import MemoryFinalizations
from tests.support.changing.desk import TRASH, Desk
from tests.support.killing import Killer
from tests.support.scheduling import MemorySchedules

DAY = timedelta(days=1)


class MemoryPages:
    """Pages in a dictionary; see artstore.aws.bulk_table."""

    def __init__(self) -> None:
        """Keep none."""
        self.kept: dict[int, BulkPage] = {}

    def read(self, job_id: UUID, number: int) -> BulkPage | None:
        """See BulkPages."""
        return self.kept.get(number)

    def write(self, job_id: UUID, number: int, page: BulkPage) -> None:
        """See BulkPages."""
        self.kept[number] = page


class LockedVersions:
    """Buckets, with the locks of the one that keeps versions; see functions.maintenance.retention.storage."""

    def __init__(self, buckets: MemoryBuckets) -> None:
        """Take the buckets; nothing is locked."""
        self._buckets = buckets
        self.removed: list[tuple[str, str]] = []

    def versions(self, bucket: str, key: str) -> list[Version]:
        """See VersionedStorage."""
        return [
            Version(each_key, f"v{one.number}", one is kept[-1], one.body is None)
            for each_key in (key, attributes_key(key))
            for kept in [self._buckets.all_versions(bucket, each_key)]
            for one in reversed(kept)
        ]

    def lock(self, bucket: str, version: Version) -> Lock:
        """See VersionedStorage."""
        found = self._find(bucket, version)
        if found is None:
            raise NotFound("no such version")
        return Lock(found.retained_until, found.held)

    def remove(self, bucket: str, version: Version) -> bool:
        """See VersionedStorage; storage refuses what is locked or held."""
        found = self._find(bucket, version)
        if found is None:
            return True
        if found.held or (found.retained_until is not None and found.retained_until > self._buckets.now):
            return False
        self._buckets.remove_version(bucket, version.key, found)
        self.removed.append((version.key, version.version_id))
        return True

    def _find(self, bucket: str, version: Version) -> Any:
        kept = self._buckets.all_versions(bucket, version.key)
        return next((each for each in kept if f"v{each.number}" == version.version_id), None)


class Disposing:
    """A desk with documents that name schedules."""

    def __init__(self, *schedules: Schedule) -> None:
        """Keep ``schedules``; without any, ``tax``: a year from creation, then it is deleted."""
        self.desk = Desk()
        self.buckets = self.desk.world.buckets
        self.schedules = MemorySchedules(*(schedules or [self.schedule()]))
        self.storage = LockedVersions(self.buckets)
        self.finalizations = MemoryFinalizations()
        self.pages = MemoryPages()
        self.use(Killer())

    @staticmethod
    def schedule(action: ScheduleAction = ScheduleAction.DELETE, **said: Any) -> Schedule:
        """Make the schedule ``tax``."""
        return Schedule(**{"name": "tax", "period": "P1Y", "trigger": "created", "action": action} | said)

    def use(self, killer: Killer) -> None:
        """Build everything anew, behind another killer."""
        self.desk.use(killer)
        audit = killer.guard(self.desk.audit)
        self.retaining = Retaining(self.desk.changes, audit)
        self.disposal = Disposal(
            changes=self.desk.changes,
            deleting=self.desk.deleting,
            retaining=self.retaining,
            schedules=self.schedules,
            storage=killer.guard(self.storage),
            finalizations=killer.guard(self.finalizations),
            ingest=killer.guard(self.desk, "at"),
            outbox=audit,
            trash=TRASH,
            clock=lambda: self.buckets.now,
        )
        self.runner = DecisionRunner(
            pages=killer.guard(self.pages),
            disposal=self.disposal,
            retaining=self.retaining,
            clock=lambda: self.buckets.now,
        )
        self.sweep = AutomaticDisposal(
            index=self.desk.world.index,
            schedules=self.schedules,
            disposal=self.disposal,
            clock=lambda: self.buckets.now,
        )

    def store(self, number: int = 1, bucket: str = KEPT, **said: Any) -> UUID:
        """Store a document that names a schedule, ``tax`` unless it is told."""
        retention = {"policy": "permanent", "schedule": "tax"} | said.pop("retention", {})
        return self.desk.store(number, b"friday", bucket=bucket, retention=retention, **said)

    def wait(self, days: float) -> None:
        """Let time pass."""
        self.buckets.now += days * DAY

    def job(
        self, ids: Sequence[UUID], decision: str = "approve", spaces: list[str] | None = None, **said: Any
    ) -> Job:
        """Make the job of a decision."""
        told = {"ids": list(ids), "decision": decision, "reason": "the period is over", **said}
        asked = check_decision(msgspec.convert(msgspec.to_builtins(told), DecisionRequest))
        request = msgspec.to_builtins(DecisionJob(asked=asked, spaces=spaces or [ALL]))
        return new_job(
            uuid4(), "retention", request, self.buckets.now, created_by_id="sa_anna", request_id="req-1"
        )

    def run(self, job: Job, time_left: float = 60.0) -> Done | Fail:
        """Do a job's steps until there is nothing more to do."""
        for _ in range(100):
            step = self.runner.step(job, lambda: time_left)
            if isinstance(step, Done | Fail):
                return step
            assert isinstance(step, Continue | Wait)
            job = msgspec.structs.replace(job, progress=step.progress)
        raise AssertionError("the job does not end")

    def decide(self, ids: Sequence[UUID], decision: str = "approve", **said: Any) -> dict[UUID, DocumentResult]:
        """Decide, and give the results."""
        self.pages.kept.clear()
        ended = self.run(self.job(ids, decision, **said))
        assert isinstance(ended, Done)
        return {each.file_id: each for page in self.pages.kept.values() for each in page.results}

    def certificates(self) -> list[AuditEvent]:
        """Give the certificates of disposition in the audit log."""
        return [each for each in self.desk.audit.events if each.action == DISPOSED]

    def left(self, file_id: UUID) -> int:
        """Count the versions that are left of a document and its attr.json."""
        bucket, key = self.desk.place(file_id)
        return len(self.storage.versions(bucket, key))

    def lock(self, file_id: UUID, until: datetime | None, *, held: bool = False, beside: bool = False) -> None:
        """Have storage lock the bytes of a document, or its attr.json."""
        bucket, key = self.desk.place(file_id)
        found = self.buckets.all_versions(bucket, attributes_key(key) if beside else key)[-1]
        found.retained_until, found.held = until, held
