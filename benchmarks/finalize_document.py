"""finalize: a small document, all steps of the job, beside the least that has to be done: copy, read, two writes.

Buckets of the benchmark's own, whose events nobody handles, so that nothing of it stays. Left out is what the
floor has not either: the look of ingest at the new place, and the entry of the audit log.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.aws.dynamodb import write_together
from artstore.aws.finalization_table import FinalizationTable
from artstore.aws.ingesting import LATER, IngestOutcome
from artstore.aws.job_table import JobTable
from artstore.elements import Mode, StorageElement, StorageElements
from artstore.finalizations import Finalization
from artstore.index.claims import Place
from artstore.jobs import new_job
from artstore.objects import ObjectStore, s3_client
from benchmarks.measure import Row, measure
from benchmarks.report import Result
from benchmarks.stack import Stack
from functions.maintenance.finalizing.finalization import Finalizer
from functions.maintenance.finalizing.storage import ObjectCopies, copying_client
from functions.maintenance.jobs.engine import Engine, Ran

BODY = b"minutes of the harbour board\n" * 350  # 10 kB


class _Nobody:
    """Neither ingests, nor keeps an event, nor wakes anybody."""

    def __call__(self, job_id: UUID, *, delay_seconds: int = 0) -> None:
        """Wake nobody."""

    def at(self, _bucket: str, _key: str) -> IngestOutcome:
        return IngestOutcome(outcome=LATER)

    def leave(self, event: object, transaction: Any = None) -> None:
        """Leave nothing."""


def run(stack: Stack, rounds: int) -> Result:
    """Measure; what was written is removed afterwards."""
    stack.become()
    prefix, s3 = stack.file.prefix, stack.client("s3")
    name = uuid.uuid4().hex[:8]
    edit, kept = f"{prefix}-bench-edit-{name}", f"{prefix}-bench-kept-{name}"
    s3.create_bucket(Bucket=edit)
    s3.create_bucket(Bucket=kept)
    s3.put_bucket_versioning(Bucket=kept, VersioningConfiguration={"Status": "Enabled"})
    elements = StorageElements(
        (StorageElement("bench-edit", edit, Mode.EDIT), StorageElement("bench-kept", kept, Mode.RW))
    )
    jobs, finalizations, nobody = JobTable(prefix), FinalizationTable(prefix), _Nobody()
    finalizer = Finalizer(
        elements=lambda: elements,
        objects=ObjectStore(s3_client()),
        copies=ObjectCopies(copying_client()),
        finalizations=finalizations,
        ingest=nobody,
        outbox=nobody,
        whole_bytes=len(BODY),
        part_bytes=5 * 1024 * 1024,
    )
    engine = Engine(jobs=jobs, wake=nobody, runner_of=lambda _: finalizer)
    waiting: list[UUID] = []
    made: list[UUID] = []

    def prepare() -> None:
        file_id = uuid.uuid4()
        _store(s3, edit, f"{file_id}.txt", file_id)
        now, places = datetime.now(UTC), (Place(edit, f"{file_id}.txt"), Place(kept, f"{file_id}.txt"))
        asked = {"file_id": str(file_id), "source": places[0], "target": places[1], "element_id": "bench-kept"}
        job = new_job(uuid.uuid4(), "finalize", asked, now, state="pending")
        begun = Finalization(
            file_id=file_id,
            transaction_id=job.job_id,
            source=places[0],
            target=places[1],
            element_id="bench-kept",
            started_at=now,
        )
        assert jobs.create(job)
        assert write_together(prefix, lambda writes: finalizations.begin(begun, writes))
        waiting.append(job.job_id)
        made.append(file_id)

    def finalize() -> None:
        ran = engine.run(waiting.pop(), lambda: 60)
        assert ran is Ran.COMPLETED, ran

    _store(s3, edit, "floor.txt", uuid.uuid4())
    beside = s3.get_object(Bucket=edit, Key="floor.txt.attr.json")["Body"].read()

    def floor() -> None:
        key = f"floor/{uuid.uuid4()}.txt"
        s3.copy_object(Bucket=kept, Key=key, CopySource={"Bucket": edit, "Key": "floor.txt"})
        hashlib.sha256(s3.get_object(Bucket=kept, Key=key)["Body"].read())
        s3.put_object(Bucket=edit, Key="floor.txt.attr.json", Body=beside)
        s3.put_object(Bucket=kept, Key=f"{key}.attr.json", Body=beside)

    for _ in range(rounds + 5):
        prepare()
    try:
        samples = measure({"case": finalize, "floor": floor}, rounds, warm_up=5)
    finally:
        _remove(stack, (edit, kept), made)
    return Result(
        "finalize",
        [Row.measured("a document of 10 kB, from pending to completed", samples["case"], samples["floor"])],
        remarks=["the floor: CopyObject, GetObject and two PutObject through botocore"],
    )


def _store(s3: Any, bucket: str, key: str, file_id: UUID) -> None:
    now = datetime.now(UTC)
    described = Attributes(
        file_id=file_id,
        original_filename=key,
        storage_filename=key,
        file_size=len(BODY),
        content_type="text/plain",
        created_at=now,
        updated_at=now,
        created_by_id="benchmark",
        created_by_username="benchmark",
        storage_path="",
        checksum=hashlib.sha256(BODY).hexdigest(),
        revision=1,
    )
    s3.put_object(Bucket=bucket, Key=key, Body=BODY, ContentType="text/plain")
    s3.put_object(Bucket=bucket, Key=f"{key}.attr.json", Body=attr.dump(described))


def _remove(stack: Stack, buckets: tuple[str, ...], file_ids: list[UUID]) -> None:
    s3, dynamodb = stack.client("s3"), stack.client("dynamodb")
    for bucket in buckets:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
        s3.delete_bucket(Bucket=bucket)
    table = FinalizationTable(stack.file.prefix)
    for file_id in file_ids:
        known = table.find(file_id)
        if known is not None:
            job = {"job_id": {"S": str(known.transaction_id)}}
            dynamodb.delete_item(TableName=f"{stack.file.prefix}-jobs", Key=job)
        item = {"file_id": {"S": f"finalization#{file_id}"}}
        dynamodb.delete_item(TableName=f"{stack.file.prefix}-uploads", Key=item)
