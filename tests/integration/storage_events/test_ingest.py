"""An upload, from its event to attr.json, index and record: twice, late, and through every crash."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import ANY
from uuid import UUID, uuid4

import msgspec
import pytest

from artstore.attributes import Attributes, Extracted, Retention, to_document
from artstore.elements import Mode, StorageElement, StorageElements
from artstore.errors import Unavailable
from artstore.naming import object_key
from artstore.objects import ObjectStore, S3Client, StoredObject
from artstore.spaces import EVERYWHERE, Reach
from artstore.tables import UploadRecord, bind
from functions.storage_events.outcomes import Outcome, Result
from functions.storage_events.records import UploadRecords
from tests.fakes.documents import make_attributes
from tests.support.ingesting.archive import NOW, PDF, PREFIX, Archive, Failing


def test_an_upload_becomes_a_described_and_searchable_document(archive: Archive) -> None:
    record = archive.uploaded(
        original_filename="Отчёт_Q1.pdf",
        description="Итоги",
        tags=["finance", "2026"],
        custom_attributes={"department": {"name": "sales"}},
        retention_policy="temporary",
        ttl_days=30,
    )
    result = archive.created(record.key)
    assert result == Result(Outcome.STORED, UUID(record.file_id))
    attributes = archive.attributes(record.key)
    assert attributes == Attributes(
        file_id=UUID(record.file_id),
        original_filename="Отчёт_Q1.pdf",
        storage_filename=record.key.rpartition("/")[2],
        file_size=len(PDF),
        content_type="application/pdf",
        created_at=NOW,
        updated_at=ANY,
        created_by_id="sa_anna",
        created_by_username="anna",
        description="Итоги",
        storage_path="2026/03/01/12/",
        checksum=hashlib.sha256(PDF).hexdigest(),
        custom_attributes={"department": {"name": "sales"}},
        revision=1,
        tags=("finance", "2026"),
        retention=Retention(policy="temporary", expires_at=NOW + timedelta(days=30)),
        extracted=Extracted(
            status="ok",
            format="pdf",
            detected_type="application/pdf",
            title="Отчёт за квартал",
            author="Анна",
            pages=1,
            characters=ANY,
        ),
        storage_element_id="edit-01",
    )
    assert archive.state(record) == ("STORED", None)
    for query in ("отчет", "итогов", "finance", "figures"):
        assert archive.finds(query), query
    document = archive.index.find(attributes.file_id, EVERYWHERE)
    assert document is not None
    assert document.attributes == attributes
    assert document.attributes_etag == archive.s3.head_object(Bucket="edit", Key=record.key + ".attr.json")["ETag"]


def test_a_document_is_in_the_space_that_its_upload_was_for(archive: Archive) -> None:
    for space in ("press", None):
        record = archive.uploaded(space=space)
        archive.created(record.key)
        assert archive.attributes(record.key).space == space
        assert (b'"space"' in archive.raw(record.key)) == (space is not None)
        for reach, there in ((Reach(frozenset({"press"})), space == "press"), (EVERYWHERE, True)):
            assert (archive.index.find(UUID(record.file_id), reach) is not None) == there


def test_the_event_twice_gives_one_document_and_changes_nothing(archive: Archive) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    before = archive.attributes(record.key)
    assert archive.created(record.key) == Result(Outcome.ALREADY_STORED, UUID(record.file_id))
    assert archive.attributes(record.key) == before
    assert archive.index.search(None, 10, None, EVERYWHERE).total == 1


def test_the_event_of_the_attr_json_just_written_changes_nothing(archive: Archive) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    archive.ingest = archive.build(extraction=None)
    assert archive.created(record.key + ".attr.json") == Result(Outcome.UNCHANGED, UUID(record.file_id))


def test_an_upload_costs_three_calls_to_storage_and_its_attr_json_one(archive: Archive) -> None:
    class Counting:
        def __getattr__(self, name: str) -> Any:
            calls.append(name)
            return getattr(ObjectStore(archive.s3), name)

    calls: list[str] = []
    archive.ingest = archive.build(objects=Counting())
    record = archive.uploaded()
    archive.created(record.key)
    assert calls == ["head", "read", "create"]
    calls.clear()
    archive.created(record.key + ".attr.json")
    assert calls == ["read"]


def test_an_event_whose_object_is_gone_does_nothing(archive: Archive) -> None:
    record = archive.permit(PDF)
    assert archive.created(record.key).outcome is Outcome.GONE
    assert archive.state(record) == ("PENDING", None)
    assert archive.keys() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"size": len(PDF) + 1}, "size_mismatch"), ({"sha256": "00" * 32}, "checksum_mismatch")],
)
@pytest.mark.parametrize("with_checksum", [True, False])
def test_bytes_that_are_not_what_was_announced_are_rejected(
    archive: Archive, changes: dict[str, Any], reason: str, with_checksum: bool
) -> None:
    record = archive.permit(PDF, **changes)
    archive.put(record.key, PDF, **({"ChecksumAlgorithm": "SHA256"} if with_checksum else {}))
    rejected = Result(Outcome.REJECTED, UUID(record.file_id), reason)
    assert archive.created(record.key) == rejected
    assert archive.created(record.key) == rejected
    assert archive.state(record) == ("REJECTED", reason)
    assert archive.keys() == [record.key]
    assert archive.index.search(None, 10, None, EVERYWHERE).total == 0


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"ContentEncoding": "gzip"}, "content_encoding_mismatch"),
        ({"StorageClass": "GLACIER"}, "storage_class_mismatch"),
        ({"StorageClass": "DEEP_ARCHIVE"}, "storage_class_mismatch"),
    ],
)
def test_what_storage_was_told_beside_what_was_announced_is_rejected(
    archive: Archive, told: dict[str, str], reason: str
) -> None:
    record = archive.permit(PDF)
    archive.put(record.key, PDF, ChecksumAlgorithm="SHA256", **told)
    assert archive.created(record.key) == Result(Outcome.REJECTED, UUID(record.file_id), reason)
    assert archive.keys() == [record.key]


def test_what_storage_was_told_otherwise_changes_nothing(archive: Archive) -> None:
    plain, told = archive.uploaded(), archive.permit(PDF)
    archive.put(
        told.key,
        PDF,
        ChecksumAlgorithm="SHA256",
        ContentDisposition='inline; filename="other.html"',
        ContentLanguage="de",
        CacheControl="public, max-age=31536000",
        Metadata={"created_by_id": "somebody", "original_filename": "other.html"},
        Tagging="created_by_id=somebody",
        WebsiteRedirectLocation="https://example.org/",
        StorageClass="STANDARD_IA",
    )
    assert archive.created(plain.key).outcome is archive.created(told.key).outcome is Outcome.STORED

    def described(record: UploadRecord) -> dict[str, object]:
        own = {"file_id", "storage_filename", "updated_at"}
        return {
            name: value for name, value in to_document(archive.attributes(record.key)).items() if name not in own
        }

    assert described(told) == described(plain)


def test_bytes_without_a_checksum_from_storage_are_read_through_and_compared(archive: Archive) -> None:
    record = archive.permit(PDF)
    archive.put(record.key, PDF)
    assert archive.created(record.key).outcome is Outcome.STORED


@pytest.mark.parametrize("written", ["PENDING", "EXPIRED"])
def test_what_arrives_after_its_url_has_ended_is_stored_all_the_same(archive: Archive, written: str) -> None:
    record = archive.uploaded(status=written, expires_at="2026-03-01T11:00:00.000Z")
    assert archive.created(record.key).outcome is Outcome.STORED
    assert archive.state(record) == ("STORED", None)


def test_attributes_beyond_64_kib_reject_the_upload(archive: Archive) -> None:
    record = archive.uploaded(custom_attributes={"x": "y" * 70_000})
    assert archive.created(record.key).reason == "attributes_too_large"
    assert archive.state(record) == ("REJECTED", "attributes_too_large")


@pytest.mark.parametrize(
    ("port", "call"),
    [("objects", "create"), ("index", "project"), ("records", "mark_stored"), ("objects", "read")],
)
def test_a_crash_at_any_step_is_made_good_by_the_next_delivery(archive: Archive, port: str, call: str) -> None:
    record = archive.uploaded()
    whole = {"objects": ObjectStore(archive.s3), "index": archive.index, "records": archive.records}
    archive.ingest = archive.build(**{port: Failing(whole[port], call)})
    with pytest.raises(Unavailable):
        archive.created(record.key)
    archive.ingest = archive.build()
    assert archive.created(record.key) == Result(Outcome.STORED, UUID(record.file_id))
    assert archive.state(record) == ("STORED", None)
    assert archive.finds("figures")


def test_a_crash_before_the_index_is_also_healed_by_the_event_of_the_attr_json(archive: Archive) -> None:
    record = archive.uploaded()
    archive.ingest = archive.build(index=Failing(archive.index, "project"))
    with pytest.raises(Unavailable):
        archive.created(record.key)
    archive.ingest = archive.build()
    assert archive.created(record.key + ".attr.json") == Result(Outcome.PROJECTED, UUID(record.file_id))
    assert archive.finds("figures")


def test_an_attr_json_that_is_there_already_is_the_truth_that_is_indexed(archive: Archive) -> None:
    record = archive.uploaded()
    earlier = make_attributes(of=PDF, file_id=UUID(record.file_id), revision=4, description="written before")
    archive.write_attributes(record.key, earlier)
    assert archive.created(record.key) == Result(Outcome.STORED, UUID(record.file_id))
    assert archive.attributes(record.key) == earlier
    assert archive.finds("written before")
    assert archive.state(record) == ("STORED", None)


def test_an_object_replaced_while_it_is_read_is_looked_at_again(archive: Archive) -> None:
    replaced: list[str] = []

    class Outdated(ObjectStore):
        def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject:
            stored = super().head(bucket, key, version_id)
            if not replaced:
                archive.put(key, b"other" + PDF)
                replaced.append(key)
            return stored

    record = archive.uploaded()
    archive.ingest = archive.build(objects=Outdated(archive.s3))
    assert archive.created(record.key).reason == "size_mismatch"
    assert archive.keys() == [record.key]
    assert archive.state(record) == ("REJECTED", "size_mismatch")


def test_an_object_that_changes_with_every_look_is_left_to_its_event_coming_again(archive: Archive) -> None:
    class Outdated(ObjectStore):
        def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject:
            stored = super().head(bucket, key, version_id)
            archive.put(key, str(archive.put_at).encode())
            return stored

    archive.put(PREFIX + "busy.log", b"one", "text/plain")
    archive.ingest = archive.build(objects=Outdated(archive.s3))
    with pytest.raises(Unavailable):
        archive.created(PREFIX + "busy.log")
    archive.ingest = archive.build()
    assert archive.created(PREFIX + "busy.log").outcome is Outcome.STORED


@pytest.mark.parametrize("around", ["archive/", "elsewhere/"], ids=["inside another", "where none was"])
def test_an_upload_into_an_element_that_was_made_a_moment_ago_is_described_in_it(
    archive: Archive, around: str
) -> None:
    """The elements are read every few seconds; who placed the upload had read them since."""
    old = StorageElement(element_id="edit-01", bucket="edit", mode=Mode.EDIT, prefix=around)
    new = StorageElement(element_id="edit-02", bucket="edit", mode=Mode.EDIT, prefix="archive/new/")
    known, present = StorageElements((old,)), StorageElements((old, new))
    archive.ingest = archive.build(elements=lambda: known, present_elements=lambda: present)
    file_id = uuid4()
    key = object_key(new.prefix, "report.pdf", "anna", NOW, file_id)
    record = archive.uploaded(element_id="edit-02", key=key, file_id=file_id)
    assert archive.created(record.key).outcome is Outcome.STORED
    described = archive.attributes(record.key)
    assert (described.storage_element_id, described.storage_path) == ("edit-02", "2026/03/01/12/")


@pytest.mark.parametrize("around", ["archive/", "elsewhere/"], ids=["inside another", "where none was"])
def test_where_nobody_can_tell_which_elements_there_are_the_event_comes_again(
    archive: Archive, around: str
) -> None:
    """Otherwise the upload would be described as another element's for good, or not at all."""

    def unknown() -> StorageElements:
        raise Unavailable("the registry does not answer")

    old = StorageElement(element_id="edit-01", bucket="edit", mode=Mode.EDIT, prefix=around)
    archive.ingest = archive.build(elements=lambda: StorageElements((old,)), present_elements=unknown)
    file_id = uuid4()
    key = object_key("archive/new/", "report.pdf", "anna", NOW, file_id)
    record = archive.uploaded(element_id="edit-02", key=key, file_id=file_id)
    with pytest.raises(Unavailable):
        archive.created(record.key)
    left = archive.records.find(file_id)
    assert left is not None
    assert left.status == "PENDING"


def test_a_record_is_settled_once(archive: Archive) -> None:
    record = archive.permit(PDF)
    assert archive.records.mark_rejected(record, "size_mismatch")
    assert not archive.records.mark_stored(record, None, NOW)
    assert archive.state(record) == ("REJECTED", "size_mismatch")
    forgotten = bind(UploadRecord, "moto")(str(uuid4()))
    assert not archive.records.mark_stored(forgotten, None, NOW)
    assert archive.records.find(UUID(forgotten.file_id)) is None


def test_an_empty_upload_is_stored(archive: Archive) -> None:
    record = archive.uploaded(b"", content_type="text/plain", original_filename="empty.txt")
    assert archive.created(record.key).outcome is Outcome.STORED


def test_a_damaged_document_is_stored_with_the_reason(archive: Archive) -> None:
    record = archive.uploaded(b"%PDF-1.7 that ends here")
    assert archive.created(record.key) == Result(Outcome.STORED, UUID(record.file_id), unread=True)
    extracted = archive.attributes(record.key).extracted
    assert extracted is not None
    assert (extracted.status, extracted.reason) == ("failed", "damaged")


def test_a_document_too_large_to_read_is_stored_and_says_so(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.storage_events.reading._FIRST_FETCH", 100)
    monkeypatch.setattr("functions.storage_events.reading.MAX_FETCH", 200)
    record = archive.uploaded()
    assert archive.created(record.key).outcome is Outcome.STORED
    extracted = archive.attributes(record.key).extracted
    assert extracted is not None
    assert (extracted.status, extracted.reason) == ("failed", "too_large")


def test_nothing_that_ingesting_uses_can_delete_from_storage_or_tables() -> None:
    calls = {name for kind in (ObjectStore, S3Client, UploadRecords) for name in vars(kind)}
    assert not {name for name in calls if any(verb in name for verb in ("delete", "remove", "expire"))}


def test_of_two_rivals_the_first_to_be_stored_takes_the_place_and_the_other_is_told(archive: Archive) -> None:
    old = archive.uploaded(created_at="2026-03-01T10:00:00.000Z")
    archive.created(old.key)
    predecessor = UUID(old.file_id)
    first, second = (archive.permit(PDF, supersedes=old.file_id) for _ in range(2))
    for record in (second, first):
        archive.put(record.key, PDF, ChecksumAlgorithm="SHA256")
        assert archive.created(record.key).outcome is Outcome.STORED
    assert archive.attributes(second.key).supersedes == predecessor
    assert archive.attributes(first.key).supersedes is None
    notices = [archive.records.find(UUID(each.file_id)) for each in (second, first)]
    assert [each.notice if each else "" for each in notices] == [None, "predecessor_taken"]
    current = {each.attributes.file_id for each in archive.index.search(None, 10, None, EVERYWHERE).items}
    assert current == {UUID(first.file_id), UUID(second.file_id)}


def test_a_place_is_taken_from_a_successor_that_is_deleted_and_left_by_an_upload_that_is_refused(
    archive: Archive,
) -> None:
    old = archive.uploaded(created_at="2026-03-01T10:00:00.000Z")
    archive.created(old.key)
    refused = archive.permit(PDF, supersedes=old.file_id)
    archive.put(refused.key, b"other bytes", ChecksumAlgorithm="SHA256")
    assert archive.created(refused.key).outcome is Outcome.REJECTED
    first = archive.uploaded(supersedes=old.file_id)
    archive.created(first.key)
    assert archive.attributes(first.key).supersedes == UUID(old.file_id)
    deleted = msgspec.structs.replace(archive.attributes(first.key), deleted_at=datetime.now(UTC))
    archive.write_attributes(first.key, deleted)
    archive.created(first.key + ".attr.json")
    second = archive.uploaded(supersedes=old.file_id)
    archive.created(second.key)
    assert archive.attributes(second.key).supersedes == UUID(old.file_id)


def test_a_loser_is_told_even_if_the_process_ends_before_its_record_is_written(archive: Archive) -> None:
    old = archive.uploaded(created_at="2026-03-01T10:00:00.000Z")
    archive.created(old.key)
    archive.created(archive.uploaded(supersedes=old.file_id).key)
    late = archive.uploaded(supersedes=old.file_id)
    ingest, archive.ingest = archive.ingest, archive.build(records=Failing(archive.records, "mark_stored"))
    with pytest.raises(Unavailable):
        archive.created(late.key)
    archive.ingest = ingest
    archive.created(late.key)
    found = archive.records.find(UUID(late.file_id))
    assert found is not None
    assert (found.status, found.notice) == ("STORED", "predecessor_taken")
