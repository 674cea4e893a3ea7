"""The archive in memory with everything a document may live through, from its announcement to its purge.

The use cases are those behind the API and the worker, over one set of buckets, records, index, jobs and events.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from artstore.attributes import Attributes
from artstore.audit import Actor
from artstore.changes import bulk
from artstore.changes.bulk import Acting, Action, BulkPage, BulkRequest
from artstore.changes.changing import Changes
from artstore.changes.deleting import Deleting
from artstore.changes.finalizing import KIND as FINALIZE
from artstore.changes.finalizing import Finalizing
from artstore.changes.holding import Holding
from artstore.changes.patching import Patching
from artstore.elements import RetentionPolicy
from artstore.errors import ArtStoreError, NotFound, PreconditionFailed
from artstore.http import Request
from artstore.index import DocumentIndex, ObjectVersion
from artstore.index.claims import Place
from artstore.jobs import new_job
from artstore.multipart import Part
from artstore.naming import file_id_of
from artstore.presign.signer import UrlSigner
from artstore.security import Principal, Scope
from functions.maintenance.bulk.runner import BulkRunner
from functions.maintenance.hashing.runner import HashRunner
from functions.maintenance.steps import Runner
from functions.maintenance.sweeping import Sweep
from functions.maintenance.sweeps.ended import TemporaryDocuments, Trash
from functions.maintenance.sweeps.finalized import FinalizedSources
from functions.maintenance.sweeps.orphans import Orphans
from functions.maintenance.sweeps.purging import Purge
from functions.maintenance.sweeps.runner import KIND as SWEEP
from functions.maintenance.sweeps.runner import SweepRunner
from functions.maintenance.sweeps.uploads import ExpiredUploads
from functions.storage_events.events import EventKind, StorageEvent
from functions.storage_events.ingest import Ingest
from functions.storage_events.proving import KIND as HASH
from functions.storage_events.proving import Proving
from functions.upload.documents.bulk import BulkDesk
from functions.upload.uploads.attempts import Started
from functions.upload.uploads.batching import start_batch
from functions.upload.uploads.completing import Completed, Completion
from functions.upload.uploads.duplicates import DuplicateSearch
from functions.upload.uploads.granting import Grants
from functions.upload.uploads.models import Method, UploadRequest, UploadStarted
from functions.upload.uploads.multipart import MultipartUploads
from functions.upload.uploads.part_models import PartAnnounced, PartsRequest
from functions.upload.uploads.parts import count_parts
from functions.upload.uploads.permits import FormPermit, MultipartPermit, Permit, PutPermit
from functions.upload.uploads.starting import Uploads
from tests.fakes.memory_bucket import MemoryBuckets
from tests.fakes.memory_multiparts import MemoryMultiparts
from tests.support.flows.records import SharedRecords, SharedSuccessions
from tests.support.flows.world import Flows, Ingesting
from tests.support.ingesting.world import ELEMENTS, EveryWord, Interruptible
from tests.support.scheduling import TenYears
from tests.support.sweeping import GRACE, ORPHAN_AGE, TRASH_KEPT, SweptBuckets
from tests.support.uploading import ENVIRONMENT, NoLimits

_SCOPES = frozenset({"files:read", "files:write", "files:delete", "elements:admin"})
CALLER = Principal(client_id="sa_anna", username="anna", scopes=_SCOPES, spaces={"*": _SCOPES})
ACTOR = Actor("sa_anna", "192.0.2.1", "request-1")
REACH = CALLER.reach(Scope.FILES_WRITE)
PART, READ_AT_ONCE = 30, 70
"""Bytes of a part that a client sends, and of what is read as soon as it arrives."""
URL_SECONDS = 600
SWEEPS = ("uploads", "temporary", "trash", "orphans", "finalized")


def announcement(
    body: bytes, method: Method, ttl_days: int | None, supersedes: UUID | None = None
) -> UploadRequest:
    """Announce a document for so many days, or for good."""
    return UploadRequest(
        filename="report.txt",
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        content_type="text/plain",
        retention_policy=RetentionPolicy.TEMPORARY if ttl_days else RetentionPolicy.PERMANENT,
        ttl_days=ttl_days,
        method=method if body or method is not Method.MULTIPART else Method.PUT,
        supersedes=supersedes,
    )


@dataclass
class Transfer:
    """What a client sends: its bytes, and how."""

    file_id: UUID
    body: bytes
    method: Method
    until: datetime


class SentParts(MemoryMultiparts):
    """Storage's multipart uploads, whose whole lies in the buckets."""

    def __init__(self, buckets: MemoryBuckets) -> None:
        super().__init__()
        self._buckets = buckets
        self._sent: dict[tuple[str, int], bytes] = {}

    def receive(self, upload_id: str, number: int, body: bytes) -> None:
        """Take a part that a client sends, if the upload is still under way."""
        if upload_id in self.under_way:
            self.send(upload_id, number, len(body), hashlib.sha256(body).hexdigest())
            self._sent[upload_id, number] = body

    def complete(self, bucket: str, key: str, upload_id: str, parts: Iterable[Part], size: int) -> None:
        if self._buckets.body(bucket, key) is not None:
            raise PreconditionFailed("an object is there")
        if self.under_way.pop(upload_id, None) is None:
            raise NotFound("no such upload")
        named = list(parts)
        body = b"".join(self._sent[upload_id, each.number] for each in named)
        assert len(body) == size
        self._buckets.put_by(bucket, key, body, "ObjectCreated:CompleteMultipartUpload", len(named))


class Locks:
    """What storage itself keeps of a version; see artstore.object_lock."""

    def __init__(self, buckets: MemoryBuckets) -> None:
        self._buckets = buckets

    def keep_until(self, bucket: str, key: str, version_id: str, until: datetime) -> None:
        version = self._buckets.version(bucket, key, version_id)
        version.retained_until = max(until, version.retained_until or until)

    def hold(self, bucket: str, key: str, version_id: str, *, on: bool) -> None:
        self._buckets.version(bucket, key, version_id).held = on


class Pages:
    """The documents of bulk jobs, in a dictionary; see artstore.aws.bulk_table."""

    def __init__(self) -> None:
        self.kept: dict[tuple[UUID, int], BulkPage] = {}

    def read(self, job_id: UUID, number: int) -> BulkPage | None:
        return copy.deepcopy(self.kept.get((job_id, number)))

    def write(self, job_id: UUID, number: int, page: BulkPage) -> None:
        self.kept[job_id, number] = copy.deepcopy(page)


class _Removing(SweptBuckets):
    def __init__(self, buckets: MemoryBuckets, storage: SentParts) -> None:
        super().__init__(buckets)
        self._storage = storage

    def end_multipart(self, bucket: str, key: str, upload_id: str) -> None:
        self._storage.abort(bucket, key, upload_id)


class _Proving:
    """Asks for the job that proves a checksum, in the jobs of the world."""

    def __init__(self, world: Lives) -> None:
        self._world = world

    def ask(self, described: Attributes, place: Place, held: ObjectVersion) -> None:
        world = self._world
        Proving(world.jobs, world.queue, lambda: world.buckets.now).ask(described, place, held)


class Lives(Flows):
    """The flows, with uploads, changes, bulk jobs and sweeps."""

    def __init__(self, index: DocumentIndex, *, knows_sha256: bool = False) -> None:
        """Begin empty."""
        super().__init__(index, knows_sha256=knows_sha256)
        self.shared = SharedSuccessions(self.now)
        self.successions = self.shared  # type: ignore[assignment]
        self.records = SharedRecords(self.shared, self.finalizations.kept)  # type: ignore[assignment]
        self.storage = SentParts(self.buckets)
        self.swept = _Removing(self.buckets, self.storage)
        self.locks = Locks(self.buckets)
        self.pages = Pages()
        self._sweeps = 0
        self.ingest = self._build(Interruptible(index, lambda: None))

    def now(self) -> datetime:
        """Tell the time."""
        return self.buckets.now

    def _build(self, index: Any) -> Ingest:
        return Ingest(
            elements=lambda: ELEMENTS,
            objects=self.buckets,
            records=self.records,
            index=index,
            successions=self.successions,
            extraction=EveryWord(),
            prover=_Proving(self),
            read_at_once=READ_AT_ONCE,
            clock=self.now,
        )

    # Uploads.

    def start(self, key: str, body: bytes, asked: UploadRequest) -> Transfer:
        """Announce a document. Raises Killed, and what refuses it."""
        started = self._uploads().start(asked, CALLER, key).upload
        until = started.upload.expires_at if started.upload is not None else self.now()
        return Transfer(started.file_id, body, asked.method or Method.PUT, until)

    def start_batch(self, key: str, asked: list[UploadRequest]) -> list[UploadStarted | ArtStoreError]:
        """Announce several documents at once; each has its answer. Raises Killed, and what refuses all of them."""
        items = [msgspec.Raw(msgspec.json.encode(each)) for each in asked]
        outcomes = start_batch(self._uploads(), items, CALLER, key)
        return [each.upload if isinstance(each, Started) else each for each in outcomes]

    def _uploads(self) -> Uploads:
        guard = self.killer.guard
        signer = UrlSigner(lambda: ENVIRONMENT, None, self.now)
        whole = MultipartPermit(86_400, self.now)

        def in_small_parts(record: Any, expires_in: int) -> Any:
            target = whole(record, expires_in)
            record.part_size = PART
            return target

        permits: dict[str, Permit] = {
            Method.PUT: PutPermit(signer),
            Method.FORM: FormPermit(signer),
            Method.MULTIPART: in_small_parts,
        }
        return Uploads(
            elements=lambda: ELEMENTS,
            records=guard(self.records),  # type: ignore[arg-type]
            grants=Grants(permits=permits, admission=NoLimits(), expiry_seconds=URL_SECONDS),
            duplicates=DuplicateSearch(lambda: guard(self.index), lambda: self.now().timestamp()),
            documents=lambda: guard(self.index),
            defaults=NoLimits(),
            schedules=TenYears(),
            clock=self.now,
        )

    def send(self, transfer: Transfer) -> bool:
        """Send all the bytes by what was permitted, whatever has become of the upload; tell whether they lie there
        whole. Raises Killed, and what refuses it."""
        record = self.records.kept[transfer.file_id]
        if transfer.until <= self.now():
            return False
        if transfer.method is Method.PUT:
            return self.killer.guard(self.buckets).create(record.bucket, record.key, transfer.body) is not None
        if transfer.method is Method.FORM:  # a form cannot ask that nothing be there
            self.killer.guard(self.buckets).put_by(record.bucket, record.key, transfer.body, "ObjectCreated:Post")
            return True
        pieces = [transfer.body[at : at + PART] for at in range(0, len(transfer.body), PART)]
        assert len(pieces) == count_parts(len(transfer.body), PART)
        announced = [
            PartAnnounced(part_number=number, size=len(piece), sha256=hashlib.sha256(piece).hexdigest())
            for number, piece in enumerate(pieces, start=1)
        ]
        self.multiparts().sign_parts(transfer.file_id, PartsRequest(parts=announced), CALLER)
        upload_id = str(self.records.kept[transfer.file_id].upload_id)
        storage = self.killer.guard(self.storage)
        for number, piece in enumerate(pieces, start=1):
            storage.receive(upload_id, number, piece)
        return False

    def multiparts(self) -> MultipartUploads:
        """Give a process that goes on with uploads."""
        guard = self.killer.guard
        return MultipartUploads(
            sessions=guard(self.records),  # type: ignore[arg-type]
            storage=guard(self.storage),
            signer=UrlSigner(lambda: ENVIRONMENT, None, self.now),
            places=guard(self.shared),
            expiry_seconds=URL_SECONDS,
            clock=self.now,
        )

    def complete(self, file_id: UUID) -> Completed:
        """Ask for the document of an upload. Raises Killed, and what refuses it."""
        guard = self.killer.guard
        return Completion(self.multiparts(), guard(Ingesting(self)).at, lambda: guard(self.index)).complete(
            file_id, CALLER
        )

    # Changes.

    def acting(self) -> Acting:
        """Give a process that changes documents."""
        guard = self.killer.guard
        index, outbox, locks = guard(self.index), guard(self.outbox), guard(self.locks)
        self.changes = Changes(
            index=index,
            elements=lambda: ELEMENTS,
            objects=guard(self.buckets),
            ingest=guard(Ingesting(self)),
            clock=self.now,
        )
        self.patching = Patching(self.changes, locks, TenYears())
        self.deleting = Deleting(
            self.changes, index=index, successions=guard(self.shared), outbox=outbox, trash=TRASH_KEPT
        )
        self.holding = Holding(self.changes, locks, outbox.leave)
        finalizing = Finalizing(
            elements=lambda: ELEMENTS,
            index=index,
            jobs=guard(self.jobs),
            wake=guard(self.queue),
            finalizations=guard(self.finalizations, "find"),
            outbox=self.outbox,
            clock=self.now,
        )
        return Acting(patching=self.patching, deleting=self.deleting, holding=self.holding, finalizing=finalizing)

    def start_bulk(self, key: str, action: Action, **said: Any) -> UUID:
        """Ask for a change of many documents. Raises Killed, and what refuses it."""
        guard = self.killer.guard
        desk = BulkDesk(jobs=guard(self.jobs), pages=self.pages, wake=guard(self.queue), clock=self.now)
        asked = BulkRequest(action=action, **said)
        started, _ = desk.start(asked, CALLER, Request("POST", "/api/v1/files/bulk", "request-1"), key)
        return started.job_id

    def lose(self, number: int) -> UUID | None:
        """Lose the event that tells of the bytes of an upload; give which."""
        told = [each for each in self.buckets.events if self._is_awaited(each)]
        if not told:
            return None
        self.buckets.events.remove(told[number % len(told)])
        return file_id_of(told[number % len(told)].key)

    def _is_awaited(self, event: StorageEvent) -> bool:
        file_id = file_id_of(event.key)
        record = None if file_id is None else self.records.kept.get(file_id)
        is_its = record is not None and (record.bucket, record.key, record.status) == (
            event.bucket,
            event.key,
            "PENDING",
        )
        return is_its and event.kind is EventKind.CREATED

    def bulk_pages(self) -> dict[UUID, list[BulkPage]]:
        """Give the results of bulk jobs as they stand."""
        found: dict[UUID, list[BulkPage]] = {}
        for (job_id, _), page in self.pages.kept.items():
            found.setdefault(job_id, []).append(page)
        return found

    # The worker.

    def runner_of(self, kind: str) -> Runner | None:
        guard = self.killer.guard
        made: dict[str, Callable[[], Runner]] = {
            FINALIZE: self.finalizer,
            HASH: lambda: HashRunner(guard(self.buckets), guard(Ingesting(self)).at, self.now),
            bulk.KIND: lambda: BulkRunner(index=guard(self.index), pages=guard(self.pages), acting=self.acting()),
            SWEEP: lambda: SweepRunner(
                {name: lambda name=name: self.sweep_of(name) for name in SWEEPS},  # type: ignore[misc]
                failed=_raise,
                clock=self.now,
            ),
        }
        return made[kind]() if kind in made else None

    def sweep_of(self, name: str) -> Sweep:
        """Give a process that sweeps."""
        guard = self.killer.guard
        objects, swept, ingest = guard(self.buckets), guard(self.swept), guard(Ingesting(self))
        records: Any = guard(self.records)
        index, outbox = guard(self.index), guard(self.outbox)
        purge = Purge(
            elements=lambda: ELEMENTS,
            objects=objects,
            swept=swept,
            ingest=ingest,
            outbox=outbox,
            clock=self.now,
        )
        made: dict[str, Callable[[], Sweep]] = {
            "uploads": lambda: ExpiredUploads(
                records=records, objects=objects, swept=swept, ingest=ingest, grace=GRACE, clock=self.now
            ),
            "temporary": lambda: TemporaryDocuments(index=index, purge=purge, clock=self.now),
            "trash": lambda: Trash(index=index, purge=purge, kept=TRASH_KEPT, clock=self.now),
            "orphans": lambda: Orphans(
                elements=lambda: ELEMENTS,
                objects=objects,
                swept=swept,
                records=records,
                ingest=ingest,
                outbox=outbox,
                age=ORPHAN_AGE,
                clock=self.now,
            ),
            "finalized": lambda: FinalizedSources(self.sources(), self.seals()),
        }
        return made[name]()

    def start_sweep(self, name: str) -> UUID:
        """Have the clock start a sweep."""
        self._sweeps += 1
        job_id = UUID(int=self._sweeps)
        self.jobs.create(new_job(job_id, SWEEP, {"sweep": name, "dry_run": False}, self.now()))
        return job_id

    # What must hold.

    def _check_object(self, bucket: str, key: str) -> None:
        """What was given up and came all the same is no document, and waits for the sweep of orphans."""
        file_id = file_id_of(key)
        record = None if file_id is None else self.records.kept.get(file_id)
        if record is not None and record.status == "ABORTED" and (record.bucket, record.key) == (bucket, key):
            return
        super()._check_object(bucket, key)


def _raise(_candidate: object, error: BaseException) -> None:
    raise error
