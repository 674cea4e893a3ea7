"""An archive in memory with everything that sweeps touch; every call to it can be made the last of who calls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.aws.ingesting import LATER, IngestOutcome
from artstore.elements import Mode, StorageElement, StorageElements
from artstore.errors import ArtStoreError, NotFound
from artstore.jobs import Job, new_job
from artstore.naming import attributes_key
from functions.maintenance.jobs.engine import Engine, Ran
from functions.maintenance.sweeping import Sweep
from functions.maintenance.sweeps.ended import TemporaryDocuments, Trash
from functions.maintenance.sweeps.orphans import Orphans
from functions.maintenance.sweeps.ports import Listed
from functions.maintenance.sweeps.purging import Purge
from functions.maintenance.sweeps.records import EXPIRED, PENDING, SHARDS
from functions.maintenance.sweeps.runner import SweepRunner
from functions.maintenance.sweeps.uploads import ExpiredUploads
from functions.storage_events.events import EventKind, StorageEvent
from tests.fakes.memory_bucket import EDIT, KEPT, MemoryBuckets
from tests.fakes.memory_index import MemoryIndex
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake
from tests.fakes.memory_outbox import MemoryOutbox
from tests.support.ingesting.world import World, showing
from tests.support.killing import Killer

GRACE = timedelta(hours=1)
TRASH_KEPT = timedelta(days=30)
ORPHAN_AGE = timedelta(days=7)
ELEMENTS = StorageElements(
    (StorageElement("edit-01", EDIT, Mode.EDIT), StorageElement("rw-01", KEPT, Mode.RW, prefix="docs/"))
)


class SweptBuckets:
    """What only sweeps do to storage; see functions.maintenance.sweeps.storage."""

    def __init__(self, buckets: MemoryBuckets) -> None:
        self._buckets = buckets
        self.multiparts: set[str] = set()
        """Upload ids that are under way."""

    def remove(self, bucket: str, key: str, if_match: str) -> bool:
        assert bucket == EDIT, "nothing is deleted where documents are kept"
        try:
            if self._buckets.head(bucket, key).etag != if_match:
                return False
        except NotFound:
            return False  # S3's 412
        self._buckets.delete(bucket, key)
        return True

    def end_multipart(self, bucket: str, key: str, upload_id: str) -> None:
        self.multiparts.discard(upload_id)

    def page(self, bucket: str, prefix: str, after: str | None, limit: int) -> Sequence[Listed]:
        keys = [key for key in self._buckets.keys(bucket) if key.startswith(prefix) and key > (after or "")]
        return [Listed(key, self._buckets.written_at(bucket, key)) for key in keys[:limit]]


class SweptRecords:
    """Upload records as sweeps see them; see functions.maintenance.sweeps.records."""

    def __init__(self, kept: dict[UUID, Any]) -> None:
        self._kept = kept

    def find(self, file_id: UUID) -> Any:
        found = self._kept.get(file_id)
        return None if found is None else type(found)(**vars(found))

    def expired(
        self, shard: str, before: datetime, after: tuple[str, str] | None, limit: int
    ) -> Sequence[tuple[str, str]]:
        found = sorted(
            (each.expires_at, each.file_id)
            for each in self._kept.values()
            if each.awaited == shard and datetime.fromisoformat(each.expires_at) < before
        )
        return [each for each in found if after is None or each > after][:limit]

    def mark_expired(self, record: Any) -> bool:
        kept = self._kept[UUID(record.file_id)]
        known = (PENDING, record.expires_at, record.upload_id)
        if (kept.status, kept.expires_at, kept.upload_id) != known:
            return False
        vars(kept).update(status=EXPIRED, awaited=kept.awaited if kept.upload_id else None)
        return True

    def await_no_more(self, record: Any) -> bool:
        kept = self._kept[UUID(record.file_id)]
        if kept.status == PENDING:
            return False
        vars(kept).update(awaited=None)
        return True


class IngestInProcess:
    """Has a place looked at at once, as artstore.aws.ingesting does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.answers = True
        self.says: IngestOutcome | None = None

    def at(self, bucket: str, key: str) -> IngestOutcome:
        if not self.answers:
            return IngestOutcome(outcome=LATER)
        if self.says is not None:
            return self.says
        event = StorageEvent(kind=EventKind.CREATED, name="IngestNow", bucket=bucket, key=key, at=None)
        try:
            result = self._world.ingest.handle(event)
        except ArtStoreError:
            return IngestOutcome(outcome=LATER)
        return IngestOutcome(outcome=str(result.outcome), file_id=result.file_id, reason=result.reason)


class SweptWorld:
    """The archive, the jobs, and a sweep over both."""

    def __init__(self) -> None:
        self.world = World(MemoryIndex(), knows_sha256=True)
        self.buckets = self.world.buckets
        self.records = self.world.records
        self.swept = SweptBuckets(self.buckets)
        self.outbox = MemoryOutbox()
        self.ingest = IngestInProcess(self.world)
        self.jobs = MemoryJobs()
        self.elements = ELEMENTS

    @property
    def index(self) -> MemoryIndex:
        assert isinstance(self.world.index, MemoryIndex)
        return self.world.index

    def now(self) -> datetime:
        return self.buckets.now

    def wait(self, **of: float) -> None:
        self.buckets.now += timedelta(**of)

    # What there is.

    def upload(self, number: int = 1, body: bytes = b"some bytes", *, sent: bool = True, **changes: Any) -> str:
        """Announce a document, and send it unless it is not ``sent``; no event tells of it."""
        key = self.world.upload(EDIT, number, body)
        record = self.records.kept[UUID(int=number)]
        vars(record).update(
            {
                "expires_at": (self.now() + timedelta(hours=1)).isoformat(),
                "awaited": SHARDS[number % len(SHARDS)],
                "upload_id": None,
                "kind": None,
            }
            | changes
        )
        self.buckets.events.clear()
        if not sent:
            self.buckets.delete(EDIT, key)
            self.buckets.events.clear()
        return key

    def document(self, number: int = 1, body: bytes = b"some bytes", **changes: Any) -> str:
        """Store a document; ``changes`` are made to its attr.json, and indexed."""
        key = self.upload(number, body)
        self.ingest.at(EDIT, key)
        record = self.records.kept[UUID(int=number)]
        assert record.status == "STORED"
        record.awaited = None
        self.change(key, **changes)
        return key

    def change(self, key: str, **changes: Any) -> None:
        """Change an attr.json, as whoever may."""
        if changes:
            before = self.attributes(key)
            assert before is not None
            after = msgspec.structs.replace(before, revision=before.revision + 1, **changes)
            self.buckets.put(EDIT, attributes_key(key), attr.dump(after))
        self.world.deliver_all()

    def attributes(self, key: str) -> Attributes | None:
        body = self.buckets.body(EDIT, attributes_key(key))
        return None if body is None else attr.parse(body)

    # Sweeping.

    def sweep(self, name: str, killer: Killer) -> Sweep:
        """Make a sweep whose every call to a port can be the last."""
        objects, swept = killer.guard(self.buckets), killer.guard(self.swept)
        records = killer.guard(SweptRecords(self.records.kept))
        ingest, outbox = killer.guard(self.ingest), killer.guard(self.outbox)
        index = killer.guard(self.index)
        purge = Purge(
            elements=lambda: self.elements,
            objects=objects,
            swept=swept,
            ingest=ingest,
            outbox=outbox,
            clock=self.now,
        )
        made: dict[str, Sweep] = {
            "uploads": ExpiredUploads(
                records=records, objects=objects, swept=swept, ingest=ingest, grace=GRACE, clock=self.now
            ),
            "temporary": TemporaryDocuments(index=index, purge=purge, clock=self.now),
            "trash": Trash(index=index, purge=purge, kept=TRASH_KEPT, clock=self.now),
            "orphans": Orphans(
                elements=lambda: self.elements,
                objects=objects,
                swept=swept,
                records=records,
                ingest=ingest,
                outbox=outbox,
                age=ORPHAN_AGE,
                clock=self.now,
            ),
        }
        return made[name]

    def run(self, name: str, *, dry_run: bool = False, killer: Killer | None = None) -> Job:
        """Start a sweep, and run it until its job is over."""
        killer = killer or Killer()
        job_id = uuid4()
        self.jobs.create(new_job(job_id, "sweep", {"sweep": name, "dry_run": dry_run}, self.now()))
        for _ in range(20):
            ran = self.engine(name, killer).run(job_id, lambda: 300.0)
            if ran not in (Ran.WAITING, Ran.RETRIED, Ran.YIELDED, Ran.NOT_DUE):
                break
            self.wait(seconds=300)
        found = self.jobs.find(job_id)
        assert found is not None
        return found

    def engine(self, name: str, killer: Killer) -> Engine:
        sweep = self.sweep(name, killer)
        runner = SweepRunner({name: lambda: sweep}, clock=self.now)
        return Engine(
            jobs=killer.guard(self.jobs),
            wake=RememberedWake(),
            runner_of=lambda _kind: runner,
            clock=self.now,
        )

    # What is there.

    def outcomes(self, job: Job) -> dict[str, tuple[str, str | None]]:
        """Give what became of each candidate."""
        assert job.result is not None, job
        return {each["name"]: (each["outcome"], each.get("reason")) for each in job.result["items"]}

    def snapshot(self) -> dict[str, Any]:
        """Give all that has to be the same whoever was stopped when, once every event was delivered."""
        self.world.deliver_all()
        return {
            "objects": {
                (bucket, key): _body(self.buckets.body(bucket, key))
                for bucket in (EDIT, KEPT)
                for key in self.buckets.keys(bucket)
            },
            "records": {
                str(file_id): (each.status, each.awaited, each.reason)
                for file_id, each in self.records.kept.items()
            },
            "index": [each[:3] for each in showing(self.index)],
            "multiparts": set(self.swept.multiparts),
            "audit": {(each.action, each.object) for each in self.outbox.events},
        }


def _body(body: bytes | None) -> Any:
    """Give the bytes; of an attr.json what says nothing of when it was written."""
    try:
        document = json.loads(body or b"")
    except ValueError:
        return body
    if not isinstance(document, dict):
        return body
    return {name: value for name, value in document.items() if name not in ("purged_at", "updated_at")}
