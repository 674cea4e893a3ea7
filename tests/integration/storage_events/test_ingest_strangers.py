"""Objects that came without an upload, and what is made of their bytes and types."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from artstore.attributes import Extracted
from artstore.aws.dynamodb import write_together
from artstore.aws.finalization_table import FinalizationTable
from artstore.finalizations import Finalization, Phase
from artstore.index.claims import Place
from artstore.naming import object_key
from artstore.spaces import EVERYWHERE
from functions.storage_events.description import stranger_id
from functions.storage_events.outcomes import Outcome, Result
from tests.fakes.documents import make_attributes
from tests.fakes.pdfs import make_pdf
from tests.support.ingesting.archive import NOW, PDF, PREFIX, Archive

PDF_SHA256 = hashlib.sha256(PDF).hexdigest()


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
    assert archive.index.search(None, 10, None, EVERYWHERE).total == 2


def test_a_copy_that_a_finalization_makes_is_no_document_before_its_attributes_are_there(archive: Archive) -> None:
    key, begun = finalizing(archive)
    archive.put(key, PDF)
    assert archive.created(key) == Result(Outcome.IGNORED, begun.file_id, "finalization")
    assert archive.index.search(None, 10, None, EVERYWHERE).total == 0
    archive.write_attributes(key, make_attributes(file_id=begun.file_id, file_size=len(PDF), checksum=PDF_SHA256))
    assert archive.created(key + ".attr.json") == Result(Outcome.PROJECTED, begun.file_id)


def test_a_copy_that_a_finalization_has_left_is_no_document_and_what_comes_later_is_one(archive: Archive) -> None:
    key, begun = finalizing(archive)
    archive.put(key, PDF)
    ended = datetime.now(UTC) + timedelta(seconds=1)
    assert FinalizationTable("moto").settle(msgspec.structs.replace(begun, phase=Phase.UNDONE, settled_at=ended))
    assert archive.created(key) == Result(Outcome.IGNORED, begun.file_id, "finalization")
    earlier = datetime.now(UTC) - timedelta(minutes=1)
    again = msgspec.structs.replace(begun, transaction_id=uuid4())
    assert write_together("moto", lambda writes: FinalizationTable("moto").begin(again, writes))
    FinalizationTable("moto").settle(msgspec.structs.replace(again, phase=Phase.UNDONE, settled_at=earlier))
    assert archive.created(key).outcome is Outcome.STORED


def finalizing(archive: Archive) -> tuple[str, Finalization]:
    """Begin a finalization of a document into the place whose key is given."""
    file_id = uuid4()
    key = object_key(PREFIX, "report.pdf", "anna", NOW, file_id)
    begun = Finalization(
        file_id=file_id,
        transaction_id=uuid4(),
        source=Place("edit", "elsewhere/" + key),
        target=Place("edit", key),
        element_id="edit-01",
        started_at=NOW,
    )
    assert write_together("moto", lambda writes: FinalizationTable("moto").begin(begun, writes))
    return key, begun


@pytest.mark.parametrize(("body", "content_type"), [(b"", "application/pdf"), (b"", "text/plain"), (b"", "")])
def test_an_empty_file_is_a_document(archive: Archive, body: bytes, content_type: str) -> None:
    key = PREFIX + "empty"
    archive.put(key, body, content_type)
    assert archive.created(key).outcome is Outcome.STORED
    attributes = archive.attributes(key)
    assert attributes.file_size == 0
    assert attributes.checksum == hashlib.sha256(b"").hexdigest()


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


def test_a_document_larger_than_the_first_look_is_read_whole(archive: Archive) -> None:
    key = PREFIX + "large.pdf"
    large = make_pdf(*["page"] * 2000)
    assert len(large) > 300_000
    archive.put(key, large)
    archive.created(key)
    extracted = archive.attributes(key).extracted
    assert extracted is not None
    assert extracted.pages == 2000


def test_encoded_content_is_not_read_as_if_it_were_plain(archive: Archive) -> None:
    key = PREFIX + "note.txt"
    archive.put(key, b"plain after all", "text/plain", ContentEncoding="zstd")
    archive.created(key)
    attributes = archive.attributes(key)
    assert attributes.content_encoding == "zstd"
    assert attributes.extracted == Extracted(status="unsupported", reason="content_encoding")
    assert not archive.finds("plain")


def test_archived_bytes_are_described_by_what_storage_knows_of_them(archive: Archive) -> None:
    key = PREFIX + "cold.pdf"
    archive.put(key, PDF, StorageClass="GLACIER", ChecksumAlgorithm="SHA256")
    assert archive.created(key).outcome is Outcome.STORED
    attributes = archive.attributes(key)
    assert attributes.checksum == hashlib.sha256(PDF).hexdigest()
    assert attributes.extracted == Extracted(status="unsupported", reason="archived")


def test_archived_bytes_whose_checksum_nobody_knows_are_a_document_that_is_read_when_they_are_restored(
    archive: Archive,
) -> None:
    key = PREFIX + "cold.pdf"
    archive.put(key, PDF, StorageClass="DEEP_ARCHIVE")
    assert archive.created(key).outcome is Outcome.STORED
    attributes = archive.attributes(key)
    assert (attributes.checksum, attributes.checksum_verified) == (None, False)
    assert attributes.extracted == Extracted(status="unsupported", reason="archived")
    assert [place.key for place, _ in archive.prover.asked] == [key]
    assert archive.created(key).outcome is Outcome.ALREADY_STORED
    assert archive.attributes(key) == attributes


@pytest.mark.parametrize(
    ("bucket", "key", "reason"),
    [
        ("other", PREFIX + "a.pdf", "not_in_a_storage_element"),
        ("edit", "elsewhere/a.pdf", "not_in_a_storage_element"),
        ("edit", PREFIX + "folder/", "folder_marker"),
        ("edit", ".artstore/audit/2026/11/21/000000000001-000000000002.jsonl", "reserved"),
    ],
)
def test_what_lies_outside_the_archive_is_ignored(archive: Archive, bucket: str, key: str, reason: str) -> None:
    assert archive.created(key, bucket) == Result(Outcome.IGNORED, None, reason)
