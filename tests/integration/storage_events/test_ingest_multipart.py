"""What came in parts is described before anybody has read it through, and says so until somebody has."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import pytest

from artstore.attributes import Quarantine
from artstore.index.claims import Place
from artstore.jobs import Job
from artstore.objects import ObjectStore, StoredObject
from artstore.spaces import EVERYWHERE
from artstore.tables import UploadRecord
from functions.storage_events.outcomes import Outcome
from functions.storage_events.proving import Proving
from tests.fakes.documents import make_attributes, make_version
from tests.fakes.memory_index import MemoryIndex
from tests.support.ingesting.archive import NOW, PDF, Archive

READ_AT_ONCE = 100


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
    assert described.checksum == hashlib.sha256(other).hexdigest()
    assert (described.checksum_verified, described.storage_etag) == (None, None)


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
    assert len(jobs.kept) == 2
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
