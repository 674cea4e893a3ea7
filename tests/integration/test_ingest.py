"""From the event to attr.json, index and record: against S3 and DynamoDB as moto plays them, and PostgreSQL."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import ANY
from uuid import UUID, uuid4

import pytest

from artstore import attributes as attr
from artstore.attributes import Attributes, Extracted, Retention
from artstore.elements import Mode, StorageElement, StorageElements
from artstore.errors import Unavailable
from artstore.index import DocumentIndex
from artstore.index.postgres import PostgresIndex
from artstore.naming import object_key
from artstore.objects import ObjectStore
from artstore.tables import UploadRecord, bind
from functions.storage_events.description import stranger_id
from functions.storage_events.events import EventKind, StorageEvent
from functions.storage_events.extraction import Extraction
from functions.storage_events.ingest import Ingest, Outcome, Result
from functions.storage_events.pdf import PdfProcessor
from functions.storage_events.plain_text import PlainTextProcessor
from functions.storage_events.records import UploadRecords
from tests.fakes.documents import make_attributes
from tests.fakes.pdfs import make_pdf
from tests.support.dynamodb import create_tables

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
PREFIX = "archive/"
PDF = make_pdf("quarterly figures", title="Отчёт за квартал", author="Анна")


class Archive:
    """One storage element with everything behind it, and what a client, a tool or an event does to it."""

    def __init__(self, s3: Any, index: PostgresIndex) -> None:
        self.s3 = s3
        self.index = index
        self.records = UploadRecords("moto")
        self.ingest = self.build()

    def build(self, **ports: Any) -> Ingest:
        element = StorageElement(element_id="edit-01", bucket="edit", mode=Mode.EDIT, prefix=PREFIX)
        values: dict[str, Any] = {
            "elements": StorageElements((element,)),
            "objects": ObjectStore(self.s3),
            "records": self.records,
            "index": self.index,
            "extraction": Extraction([PdfProcessor(), PlainTextProcessor()]),
            "clock": lambda: NOW,
        }
        return Ingest(**values | ports)

    def permit(self, body: bytes, **changes: Any) -> UploadRecord:
        file_id = uuid4()
        filename = changes.get("original_filename", "report.pdf")
        values: dict[str, Any] = {
            "element_id": "edit-01",
            "bucket": "edit",
            "key": object_key(PREFIX, filename, "anna", NOW, file_id),
            "original_filename": filename,
            "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "content_type": "application/pdf",
            "retention_policy": "permanent",
            "created_at": "2026-03-01T12:00:00.000Z",
            "expires_at": "2026-03-01T13:00:00.000Z",
            "expires_at_epoch": 1774962000,
            "created_by_id": "sa_anna",
            "created_by_username": "anna",
        }
        record: UploadRecord = bind(UploadRecord, "moto")(str(file_id), **values | changes)
        record.save()
        return record

    def put(self, key: str, body: bytes, content_type: str = "application/pdf", **arguments: Any) -> None:
        self.s3.put_object(Bucket="edit", Key=key, Body=body, ContentType=content_type, **arguments)

    def uploaded(self, body: bytes = PDF, **changes: Any) -> UploadRecord:
        record = self.permit(body, **changes)
        self.put(record.key, body, record.content_type, ChecksumAlgorithm="SHA256")
        return record

    def created(self, key: str, bucket: str = "edit") -> Result:
        return self.ingest.handle(event(EventKind.CREATED, key, bucket))

    def removed(self, key: str) -> Result:
        return self.ingest.handle(event(EventKind.REMOVED, key))

    def attributes(self, key: str) -> Attributes:
        body = self.s3.get_object(Bucket="edit", Key=key + ".attr.json")["Body"].read()
        return attr.parse(body)

    def write_attributes(self, key: str, attributes: Attributes) -> None:
        self.put(key + ".attr.json", attr.dump(attributes), "application/json")

    def keys(self) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket="edit").get("Contents", [])]

    def state(self, record: UploadRecord) -> tuple[str, str | None]:
        found = self.records.find(UUID(record.file_id))
        assert found is not None
        return found.status, found.reason

    def finds(self, query: str) -> bool:
        return self.index.search(query, 10, None).total == 1


def event(kind: EventKind, key: str, bucket: str = "edit") -> StorageEvent:
    return StorageEvent(kind=kind, name=f"Object:{kind}", bucket=bucket, key=key, at=NOW)


@pytest.fixture
def archive(s3: Any, postgres_index: PostgresIndex) -> Archive:
    create_tables("moto")
    return Archive(s3, postgres_index)


class Failing:
    """Stands before a port and fails at one of its calls."""

    def __init__(self, port: object, call: str) -> None:
        self._port = port
        self._call = call

    def __getattr__(self, name: str) -> Any:
        if name != self._call:
            return getattr(self._port, name)

        def fail(*arguments: object, **named: object) -> object:
            raise Unavailable("not now")

        return fail


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
    document = archive.index.find(attributes.file_id)
    assert document is not None
    assert document.attributes == attributes
    assert document.attributes_etag == archive.s3.head_object(Bucket="edit", Key=record.key + ".attr.json")["ETag"]


def test_the_event_twice_gives_one_document_and_changes_nothing(archive: Archive) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    before = archive.attributes(record.key)
    assert archive.created(record.key) == Result(Outcome.ALREADY_STORED, UUID(record.file_id))
    assert archive.attributes(record.key) == before
    assert archive.index.search(None, 10, None).total == 1


def test_the_event_of_the_attr_json_just_written_changes_nothing(archive: Archive) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    archive.ingest = archive.build(extraction=None)
    assert archive.created(record.key + ".attr.json") == Result(Outcome.UNCHANGED, UUID(record.file_id))


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
    assert archive.index.search(None, 10, None).total == 0


def test_bytes_without_a_checksum_from_storage_are_read_through_and_compared(archive: Archive) -> None:
    record = archive.permit(PDF)
    archive.put(record.key, PDF)
    assert archive.created(record.key).outcome is Outcome.STORED


def test_a_record_that_expired_before_its_event_is_ingested_all_the_same(archive: Archive) -> None:
    record = archive.uploaded(status="EXPIRED")
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


def test_an_object_without_a_record_becomes_a_document_of_s3(archive: Archive) -> None:
    key = PREFIX + "inbox/Старый договор.txt"
    body = "условия поставки".encode()
    archive.put(key, body, "text/plain", Metadata={"source": "scanner"})
    expected = stranger_id("edit", key)
    assert archive.created(key) == Result(Outcome.STORED, expected)
    attributes = archive.attributes(key)
    assert attributes.original_filename == attributes.storage_filename == "Старый договор.txt"
    assert attributes.storage_path == "inbox/"
    assert (attributes.created_by_id, attributes.created_by_username) == ("s3", "s3")
    assert attributes.custom_attributes == {"source": "scanner"}
    assert attributes.checksum == hashlib.sha256(body).hexdigest()
    assert attributes.retention is None
    assert archive.finds("поставка")
    assert archive.created(key) == Result(Outcome.ALREADY_STORED, expected)


def test_an_object_of_the_first_artstore_keeps_the_id_in_its_key(archive: Archive) -> None:
    file_id = uuid4()
    key = object_key(PREFIX, "old.pdf", "ivanov", NOW, file_id)
    archive.put(key, PDF)
    assert archive.created(key) == Result(Outcome.STORED, file_id)


def test_a_copy_of_an_upload_elsewhere_is_a_document_of_its_own(archive: Archive) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    copy = PREFIX + "copies/" + record.key.rpartition("/")[2]
    archive.put(copy, PDF)
    assert archive.created(copy) == Result(Outcome.STORED, stranger_id("edit", copy))
    assert archive.index.search(None, 10, None).total == 2


@pytest.mark.parametrize(("body", "content_type"), [(b"", "application/pdf"), (b"", "text/plain"), (b"", "")])
def test_an_empty_file_is_a_document(archive: Archive, body: bytes, content_type: str) -> None:
    key = PREFIX + "empty"
    archive.put(key, body, content_type)
    assert archive.created(key).outcome is Outcome.STORED
    attributes = archive.attributes(key)
    assert attributes.file_size == 0
    assert attributes.checksum == hashlib.sha256(b"").hexdigest()


def test_an_empty_upload_is_stored(archive: Archive) -> None:
    record = archive.uploaded(b"", content_type="text/plain", original_filename="empty.txt")
    assert archive.created(record.key).outcome is Outcome.STORED


def test_a_program_that_calls_itself_pdf_is_kept_as_declared_and_shown_as_what_it_is(archive: Archive) -> None:
    key = PREFIX + "invoice.pdf"
    archive.put(key, b"MZ\x90\x00" + bytes(200))
    archive.created(key)
    attributes = archive.attributes(key)
    assert attributes.content_type == "application/pdf"
    assert attributes.extracted == Extracted(status="unsupported", detected_type="application/x-msdownload")


def test_a_type_nobody_declared_is_the_one_detected(archive: Archive) -> None:
    key = PREFIX + "scan"
    archive.put(key, PDF, "binary/octet-stream")
    archive.created(key)
    attributes = archive.attributes(key)
    assert attributes.content_type == "application/pdf"
    assert attributes.extracted is not None
    assert attributes.extracted.pages == 1


def test_a_damaged_document_is_stored_with_the_reason(archive: Archive) -> None:
    record = archive.uploaded(b"%PDF-1.7 that ends here")
    assert archive.created(record.key).outcome is Outcome.STORED
    extracted = archive.attributes(record.key).extracted
    assert extracted is not None
    assert (extracted.status, extracted.reason) == ("failed", "damaged")


@pytest.mark.parametrize(
    ("bucket", "key", "reason"),
    [
        ("other", PREFIX + "a.pdf", "not_in_a_storage_element"),
        ("edit", "elsewhere/a.pdf", "not_in_a_storage_element"),
        ("edit", PREFIX + "folder/", "folder_marker"),
    ],
)
def test_what_lies_outside_the_archive_is_ignored(archive: Archive, bucket: str, key: str, reason: str) -> None:
    assert archive.created(key, bucket) == Result(Outcome.IGNORED, None, reason)


def test_an_attr_json_of_the_first_artstore_is_projected_with_its_documents_text(archive: Archive) -> None:
    key = PREFIX + "2025/01/02/15/old.pdf"
    attributes = make_attributes(revision=0, original_filename="Старый.pdf")
    document = json.loads(attr.dump(attributes))
    for name in ("schema_version", "custom_attributes", "revision"):
        del document[name]
    archive.put(key, PDF)
    archive.put(key + ".attr.json", json.dumps(document).encode(), "application/json")
    assert archive.created(key + ".attr.json") == Result(Outcome.PROJECTED, attributes.file_id)
    assert archive.finds("старый")
    assert archive.finds("figures")
    assert archive.created(key) == Result(Outcome.ALREADY_STORED, attributes.file_id)


def test_a_changed_attr_json_is_projected_and_an_overtaken_event_is_not(archive: Archive) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    changed = make_attributes(file_id=UUID(record.file_id), revision=2, description="поправка")
    archive.write_attributes(record.key, changed)
    assert archive.created(record.key + ".attr.json").outcome is Outcome.PROJECTED
    assert archive.created(record.key + ".attr.json").outcome is Outcome.UNCHANGED
    assert archive.finds("поправка")
    assert archive.finds("figures")


def test_an_attr_json_whose_document_is_missing_is_still_the_truth(archive: Archive) -> None:
    attributes = make_attributes()
    archive.write_attributes(PREFIX + "lost.pdf", attributes)
    assert archive.created(PREFIX + "lost.pdf.attr.json") == Result(Outcome.PROJECTED, attributes.file_id)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"junk", "attributes_not_json"),
        (b"{}", "attributes_invalid"),
        (b'{"schema_version": "9.0"}', "attributes_version_unsupported"),
        (b" " * 70_000, "attributes_too_large"),
    ],
)
def test_an_attr_json_that_is_none_is_an_outcome_not_a_poison_message(
    archive: Archive, body: bytes, reason: str
) -> None:
    key = PREFIX + "x.pdf"
    archive.put(key, PDF)
    archive.put(key + ".attr.json", body)
    assert archive.created(key + ".attr.json") == Result(Outcome.INVALID_ATTRIBUTES, None, reason)
    assert archive.created(key) == Result(Outcome.INVALID_ATTRIBUTES, None, reason)


def test_a_document_disappears_with_its_attr_json_and_a_late_event_does_not_bring_it_back(
    archive: Archive,
) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    archive.s3.delete_object(Bucket="edit", Key=record.key + ".attr.json")
    assert archive.removed(record.key + ".attr.json").outcome is Outcome.REMOVED
    assert archive.index.find(UUID(record.file_id)) is None
    assert archive.created(record.key) == Result(Outcome.GONE, UUID(record.file_id), "deleted")
    assert archive.created(record.key + ".attr.json").outcome is Outcome.GONE
    assert archive.keys() == [record.key]
    assert archive.index.find(UUID(record.file_id)) is None


def test_a_removal_that_is_no_longer_true_is_ignored(archive: Archive) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    assert archive.removed(record.key + ".attr.json") == Result(Outcome.UNCHANGED, None, "still_there")
    assert archive.index.find(UUID(record.file_id)) is not None


def test_the_removal_of_a_documents_bytes_changes_nothing_here(archive: Archive) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    assert archive.removed(record.key).outcome is Outcome.IGNORED
    assert archive.index.find(UUID(record.file_id)) is not None


def test_nothing_that_ingesting_uses_can_delete() -> None:
    def verbs(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert verbs(ObjectStore) == {"head", "read", "sha256", "create", "replace", "ping"}
    assert verbs(UploadRecords) == {"find", "mark_stored", "mark_rejected"}
    assert "remove" in verbs(DocumentIndex)
