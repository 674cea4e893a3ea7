"""An archive of some documents in buckets, and exports of them as the worker does them, without a deployment."""

from __future__ import annotations

import hashlib
import pathlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import boto3
import msgspec

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.index import Projection
from artstore.jobs import Job, new_job
from artstore.objects import ObjectStore
from functions.maintenance.exporting.copying import Copying
from functions.maintenance.exporting.models import KIND, ExportJob, ExportRequest
from functions.maintenance.exporting.runner import ExportRunner
from functions.maintenance.exporting.storage import BagStorage
from functions.maintenance.jobs.engine import Engine
from tests.fakes.memory_index import MemoryIndex
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = AT + timedelta(days=1)
MIB = 1024 * 1024


class Written:
    """The outbox, as far as a test looks."""

    def __init__(self) -> None:
        self.actions: list[str] = []

    def leave(self, event: Any, transaction: Any = None) -> None:
        self.actions.append(event.action)


class Exporting:
    """Buckets, an index that knows their documents, and jobs."""

    def __init__(self, *, whole_bytes: int = 5 * 1024 * MIB, at_once: int = 4) -> None:
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(Bucket="edit")
        self.s3.create_bucket(Bucket="kept")
        self.s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
        self.s3.create_bucket(Bucket="exports")
        self.index = MemoryIndex()
        self.jobs = MemoryJobs()
        self.outbox = Written()
        self.now = LATER
        self.whole_bytes, self.at_once = whole_bytes, at_once

    def put(self, body: bytes, name: str = "report.pdf", *, bucket: str = "kept", **said: Any) -> UUID:
        """Put a document, its attributes, and a row into the index; give its id."""
        file_id: UUID = said.pop("file_id", None) or uuid4()
        key = said.pop("key", None) or f"2026/03/01/12/{file_id}.pdf"
        stored = {"StorageClass": said.pop("storage_class", "STANDARD")}
        if said.pop("knows_sha256", True):
            stored["ChecksumAlgorithm"] = "SHA256"
        answer = self.s3.put_object(Bucket=bucket, Key=key, Body=body, **stored)
        if bucket == "kept":
            said.setdefault("storage_version_id", answer["VersionId"])
        said.setdefault("checksum", hashlib.sha256(body).hexdigest())
        document = Attributes(
            file_id=file_id,
            original_filename=name,
            storage_filename=key.rpartition("/")[2],
            file_size=len(body),
            content_type="application/pdf",
            created_at=said.pop("created_at", AT),
            updated_at=AT,
            created_by_id="sa_anna",
            created_by_username="anna",
            storage_path=key.rpartition("/")[0],
            **said,
        )
        self.describe(bucket, key, document)
        return file_id

    def describe(self, bucket: str, key: str, document: Attributes) -> None:
        etag = self.s3.put_object(Bucket=bucket, Key=key + ".attr.json", Body=attr.dump(document))["ETag"]
        self.index.project(Projection(attributes=document, bucket=bucket, key=key, attributes_etag=etag))

    def start(self, *ids: UUID, spaces: tuple[str, ...] = ("*",), **asked: Any) -> UUID:
        """Write the job down."""
        request = ExportRequest(ids=list(ids) or None, **asked)
        export = ExportJob(asked=request, spaces=list(spaces))
        job = new_job(uuid4(), KIND, msgspec.to_builtins(export), self.now)
        self.jobs.create(job)
        return job.job_id

    def work(self, job_id: UUID) -> Job:
        """Run the job to its end, as often as it takes."""
        for _ in range(200):
            self.now += timedelta(minutes=10)
            self._engine().run(job_id, lambda: 200.0)
            job = self.jobs.find(job_id)
            assert job is not None
            if job.is_over:
                return job
        raise AssertionError(f"{job_id} does not end")

    def export(self, *ids: UUID, **asked: Any) -> Job:
        return self.work(self.start(*ids, **asked))

    def runner(self) -> ExportRunner:
        store = BagStorage(self.s3, "exports")
        copying = Copying(
            ObjectStore(self.s3),
            store,
            whole_bytes=self.whole_bytes,
            part_bytes=5 * MIB,
            at_once=self.at_once,
        )
        return ExportRunner(
            index=self.index, store=store, copying=copying, at_once=self.at_once, clock=lambda: self.now
        )

    def _engine(self) -> Engine:
        return Engine(
            jobs=self.jobs,
            wake=RememberedWake(),
            runner_of=lambda _: self.runner(),
            outbox=self.outbox,
            clock=lambda: self.now,
        )

    def download(self, job: Job, to: pathlib.Path) -> pathlib.Path:
        """Fetch the bag of a job, as any S3 tool does."""
        prefix = f"bags/{job.job_id}/"
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket="exports", Prefix=prefix):
            for each in page["Contents"]:
                path = to / each["Key"].removeprefix(prefix)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.s3.get_object(Bucket="exports", Key=each["Key"])["Body"].read())
        return to
