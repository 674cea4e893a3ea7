"""What came in parts is described before anybody has read it through, and says so until somebody has."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import pytest

from artstore.attributes import Quarantine
from artstore.aws.job_table import JobTable
from artstore.index.claims import Place
from artstore.jobs import Job
from artstore.objects import Content, ObjectStore, StoredObject
from artstore.spaces import EVERYWHERE
from artstore.tables import UploadRecord
from functions.maintenance.hashing.runner import HashRunner
from functions.maintenance.steps import Done
from functions.storage_events import app, dependencies
from functions.storage_events.gathering import GatheringIndex
from functions.storage_events.outcomes import Outcome
from functions.storage_events.proving import Proving
from tests.fakes.documents import make_attributes, make_version
from tests.fakes.memory_index import MemoryIndex
from tests.fakes.memory_queue import MemoryQueue
from tests.support.ingesting.archive import NOW, PDF, PREFIX, Archive

READ_AT_ONCE = 100
RECORDED = Path(__file__).parents[2] / "events"


class Parts:
    """S3, which knows of every object only what it knows of one that came in parts."""

    def __init__(self, store: ObjectStore, composite: str | None) -> None:
        self._store = store
        self._composite = composite
        self.read_through = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject:
        found = self._store.head(bucket, key, version_id)
        values = {name: getattr(found, name) for name in StoredObject.__struct_fields__}
        return StoredObject(**values | {"sha256": None, "composite_sha256": self._composite})

    def sha256(self, *arguments: Any, **named: Any) -> str:
        self.read_through += 1
        return self._store.sha256(*arguments, **named)


class SixGibibytes(Parts):
    """S3 with one object that nobody can read through before an invocation ends."""

    def __init__(self, store: ObjectStore, large: str) -> None:
        super().__init__(store, None)
        self._large = large

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject:
        found = super().head(bucket, key, version_id)
        return msgspec.structs.replace(found, size=6 * 1024**3) if key == self._large else found

    def sha256(self, bucket: str, key: str, **named: Any) -> str:
        assert key != self._large, "it would take for ever"
        return super().sha256(bucket, key, **named)

    def read(self, bucket: str, key: str, limit: int, **named: Any) -> Content:
        assert limit <= 32 * 1024**2
        return self._store.read(bucket, key, limit, **named)


def put_notification(bucket: str, key: str) -> str:
    message = json.loads((RECORDED / "aws_object_created_put.json").read_text(encoding="utf-8"))
    at = {"bucket": {"name": bucket}, "object": {"key": key}}
    message["Records"] = [message["Records"][0] | {"s3": at}]
    return json.dumps(message)


@pytest.fixture
def parts(archive: Archive) -> Parts:
    made = Parts(ObjectStore(archive.s3), "AAAA-2")
    archive.ingest = archive.build(objects=made, read_at_once=READ_AT_ONCE)
    return made


def uploaded(archive: Archive, **changes: Any) -> UploadRecord:
    return archive.uploaded(**{"kind": "multipart", "composite_sha256": "AAAA-2"} | changes)


def test_a_large_one_is_described_at_once_and_somebody_is_asked_to_read_it(archive: Archive, parts: Parts) -> None:
    record = uploaded(archive)
    assert archive.created(record.key).outcome is Outcome.STORED
    described = archive.attributes(record.key)
    assert described.checksum == hashlib.sha256(PDF).hexdigest()
    assert described.checksum_verified is False
    assert described.storage_etag == parts.head("edit", record.key).etag
    assert parts.read_through == 0
    [(place, held)] = archive.prover.asked
    assert place == Place("edit", record.key)
    assert held.sha256 is None, "the index knows no more than anybody"
    assert archive.state(record) == ("STORED", None)
    assert archive.finds("quarterly")


def test_a_small_one_is_read_at_once_and_proven(archive: Archive, parts: Parts) -> None:
    archive.ingest = archive.build(objects=parts, read_at_once=len(PDF))
    record = uploaded(archive)
    assert archive.created(record.key).outcome is Outcome.STORED
    assert archive.attributes(record.key).checksum_verified is None
    assert parts.read_through == 1
    assert archive.prover.asked == []
    wrong = uploaded(archive, sha256="ab" * 32)
    assert archive.created(wrong.key).reason == "checksum_mismatch"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"size": 7}, "size_mismatch"), ({"composite_sha256": "BBBB-2"}, "checksum_mismatch")],
)
def test_another_size_and_other_parts_are_rejected(
    archive: Archive, parts: Parts, changes: dict[str, Any], reason: str
) -> None:
    record = uploaded(archive, **changes)
    assert archive.created(record.key).reason == reason
    assert archive.state(record) == ("REJECTED", reason)


def test_parts_without_checksums_are_proven_later_like_the_others(archive: Archive, parts: Parts) -> None:
    record = uploaded(archive, composite_sha256=None)
    assert archive.created(record.key).outcome is Outcome.STORED
    assert archive.attributes(record.key).checksum_verified is False


def test_no_later_event_reads_it_through_nor_changes_it(archive: Archive, parts: Parts) -> None:
    record = uploaded(archive)
    archive.created(record.key)
    before = archive.attributes(record.key)
    for _ in range(2):
        archive.created(record.key)
        archive.created(record.key + ".attr.json")
    archive.forget()
    archive.ingest = archive.build(objects=parts, read_at_once=READ_AT_ONCE)
    archive.created(record.key)
    assert archive.attributes(record.key) == before
    assert parts.read_through == 0


@pytest.mark.parametrize("quarantine", [None, Quarantine(reason="checksum_mismatch", at=NOW)])
def test_a_verdict_stays_whatever_event_comes(
    archive: Archive, parts: Parts, quarantine: Quarantine | None
) -> None:
    record = uploaded(archive, sha256="ab" * 32)
    archive.created(record.key)
    verdict: dict[str, Any] = {"checksum_verified": None} if quarantine is None else {"quarantine": quarantine}
    described = archive.attributes(record.key)
    settled = make_attributes(
        **{name: getattr(described, name) for name in described.__struct_fields__} | verdict | {"revision": 2}
    )
    archive.write_attributes(record.key, settled)
    archive.created(record.key + ".attr.json")
    archive.created(record.key)
    assert archive.attributes(record.key) == settled
    assert parts.read_through == 0
    shown = archive.index.find(UUID(record.file_id), EVERYWHERE)
    assert shown is not None
    assert shown.attributes.quarantine == quarantine
    assert len(archive.prover.asked) == 1


def test_bytes_put_over_an_unproven_document_are_described_as_they_are(archive: Archive, parts: Parts) -> None:
    record = uploaded(archive)
    archive.created(record.key)
    other = PDF[:-1] + b" "
    archive.put(record.key, other)
    assert archive.created(record.key).outcome is Outcome.DESCRIBED_ANEW
    described = archive.attributes(record.key)
    there = parts.head("edit", record.key)
    assert (described.checksum, described.checksum_verified, described.storage_etag) == (None, False, there.etag)
    assert described.revision == 2
    assert [held.etag for _, held in archive.prover.asked][-1] == there.etag
    assert parts.read_through == 0
    again = archive.created(record.key)
    assert again.outcome is Outcome.ALREADY_STORED
    assert archive.attributes(record.key) == described


def test_a_large_object_of_another_tool_is_a_document_at_once_and_its_checksum_is_found_later(
    archive: Archive, parts: Parts
) -> None:
    key = PREFIX + "inbox/large.pdf"
    archive.put(key, PDF)
    assert archive.created(key).outcome is Outcome.STORED
    described = archive.attributes(key)
    there = parts.head("edit", key)
    assert (described.checksum, described.checksum_verified, described.storage_etag) == (None, False, there.etag)
    assert [place for place, _ in archive.prover.asked] == [Place("edit", key)]
    assert parts.read_through == 0
    assert archive.finds("quarterly"), "its first bytes are read as of any other"
    shown = archive.index.find(described.file_id, EVERYWHERE)
    assert shown is not None
    assert shown.attributes == described
    for _ in range(2):
        archive.created(key)
        archive.created(key + ".attr.json")
    assert archive.attributes(key) == described


def test_a_large_document_of_the_first_artstore_is_believed_and_not_rewritten(
    archive: Archive, parts: Parts
) -> None:
    """Nothing tells its bytes from others: neither an ETag in its attr.json nor a checksum in storage."""
    key = PREFIX + "2024/01/02/03/large.pdf"
    archive.put(key, PDF)
    archive.write_attributes(key, make_attributes(of=PDF, revision=0))
    before = archive.raw(key)
    assert archive.created(key).outcome is Outcome.ALREADY_STORED
    assert archive.created(key + ".attr.json").outcome is Outcome.UNCHANGED
    assert (archive.raw(key), parts.read_through, archive.prover.asked) == (before, 0, [])
    archive.put(key, PDF[:-1] + b" ")
    assert archive.created(key).outcome is Outcome.DESCRIBED_ANEW, "the index knows the ETag that was there"
    assert archive.attributes(key).checksum is None


def test_a_batch_with_an_object_that_takes_for_ever_to_read_ends_at_once(
    archive: Archive, aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object of 6 GiB that another tool put together, and nine small ones beside it."""
    keys = [f"{PREFIX}inbox/{number}.pdf" for number in range(10)]
    for key in keys:
        archive.put(key, PDF)
    jobs, woken = JobTable("moto"), list[UUID]()
    index = GatheringIndex(archive.index)
    ingest = archive.build(
        objects=SixGibibytes(ObjectStore(archive.s3), keys[0]), prover=Proving(jobs, woken.append), index=index
    )
    monkeypatch.setattr(dependencies, "event_queue", MemoryQueue)
    monkeypatch.setattr(dependencies, "index", lambda: index)
    monkeypatch.setattr(dependencies, "threads", lambda: ThreadPoolExecutor(10))
    monkeypatch.setattr(app, "SERVICE", "storage-events-six-gibibytes")
    monkeypatch.setattr(dependencies, "settings", lambda: SimpleNamespace(log_level="INFO", prefix="moto"))
    monkeypatch.setattr(dependencies, "ingest", lambda: ingest)
    monkeypatch.setattr(dependencies, "event_queue", lambda: MemoryQueue())
    monkeypatch.setattr(dependencies, "index", lambda: GatheringIndex(archive.index))
    bodies = [put_notification("edit", key) for key in keys]
    records = [
        {"messageId": f"message-{number}", "body": body, "eventSource": "aws:sqs"}
        for number, body in enumerate(bodies)
    ]
    context = SimpleNamespace(aws_request_id="request", get_remaining_time_in_millis=lambda: 60_000)
    assert app.handler({"Records": records}, context) == {"batchItemFailures": []}
    large, *small = (archive.attributes(key) for key in keys)
    assert {each.checksum for each in small} == {hashlib.sha256(PDF).hexdigest()}
    assert {each.checksum_verified for each in small} == {None}
    assert (large.file_size, large.checksum, large.checksum_verified) == (6 * 1024**3, None, False)
    [job_id] = woken
    job = jobs.find(job_id)
    assert job is not None
    assert (job.kind, job.request["key"], job.object) == ("hash", keys[0], f"file/{large.file_id}")


def test_the_job_finds_the_checksum_and_the_index_follows(archive: Archive, parts: Parts) -> None:
    key, jobs = PREFIX + "inbox/large.pdf", MemoryJobs()
    archive.ingest = archive.build(objects=parts, read_at_once=READ_AT_ONCE, prover=Proving(jobs, lambda _: None))
    archive.put(key, PDF)
    archive.created(key)
    [job] = jobs.kept.values()
    ended = HashRunner(parts, lambda _bucket, key: archive.created(key)).step(job, lambda: 60.0)
    digest = hashlib.sha256(PDF).hexdigest()
    assert ended == Done({"outcome": "found", "sha256": digest, "bytes": len(PDF)}, "found")
    described = archive.attributes(key)
    assert (described.checksum, described.checksum_verified, described.revision) == (digest, None, 2)
    archive.created(key + ".attr.json")
    assert archive.index.with_checksum([digest], EVERYWHERE) == {digest: described.file_id}


def test_what_arrives_after_its_upload_was_given_up_becomes_no_document(archive: Archive, parts: Parts) -> None:
    record = uploaded(archive, status="ABORTED")
    result = archive.created(record.key)
    assert (result.outcome, result.reason) == (Outcome.REJECTED, "aborted")
    assert archive.keys() == [record.key]


def test_a_document_whose_upload_was_given_up_while_it_was_described_is_stored(archive: Archive) -> None:
    record = archive.uploaded()
    taken = archive.records.find(UUID(record.file_id))
    record.update(actions=[type(record).status.set("ABORTED")])
    assert taken is not None
    assert archive.records.mark_stored(taken, None, NOW)
    assert archive.state(record) == ("STORED", None)
    assert not archive.records.mark_rejected(taken, "late")


class MemoryJobs:
    def __init__(self) -> None:
        self.kept: dict[UUID, Job] = {}

    def create(self, job: Job) -> bool:
        return self.kept.setdefault(job.job_id, job) is job


def test_one_job_is_asked_for_however_often_and_another_for_other_bytes() -> None:
    jobs, woken = MemoryJobs(), list[UUID]()
    proving = Proving(jobs, woken.append, lambda: NOW)
    described = make_attributes(checksum_verified=False)
    place = Place("edit", "k")
    proving.ask(described, place, make_version('"1-2"'))
    proving.ask(described, place, make_version('"1-2"'))
    proving.ask(described, place, make_version('"2-2"'))
    back = msgspec.structs.replace(make_version('"1-2"'), modified=NOW + timedelta(days=1))
    proving.ask(described, place, back)
    assert len(jobs.kept) == 3, "what is put back is described anew"
    assert woken == list(jobs.kept)
    job = next(iter(jobs.kept.values()))
    assert job.kind == "hash"
    assert job.object == f"file/{described.file_id}"
    assert job.request == {
        "file_id": str(described.file_id),
        "bucket": "edit",
        "key": "k",
        "etag": '"1-2"',
        "version_id": None,
    }


def test_an_index_that_is_away_leaves_somebody_asked(archive: Archive, parts: Parts) -> None:
    """The document is asked about before it is shown: no crash leaves one that nobody will prove."""

    class Away(MemoryIndex):
        def project(self, projection: Any) -> Any:
            raise RuntimeError("killed")

    record = uploaded(archive)
    archive.ingest = archive.build(objects=parts, read_at_once=READ_AT_ONCE, index=Away())
    with pytest.raises(RuntimeError):
        archive.created(record.key)
    assert len(archive.prover.asked) == 1
