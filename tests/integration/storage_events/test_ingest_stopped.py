"""An ingest that was stopped between the attr.json and the record, and what happened to the document before
the next event came: the document was stored, and its record says so."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import boto3
import msgspec
import pytest

from artstore.elements import Mode, StorageElement, StorageElements
from artstore.errors import Unavailable
from artstore.naming import attributes_key
from artstore.tables import UploadRecord
from functions.storage_events.outcomes import Outcome
from tests.fakes.documents import make_attributes
from tests.fakes.pdfs import make_pdf
from tests.support.ingesting.archive import NOW, PDF, PREFIX, Archive, Failing

OTHER = make_pdf("other figures")


def stopped(archive: Archive) -> UploadRecord:
    """Give an upload whose attr.json was written, and whose record was not."""
    record = archive.uploaded()
    ingest, archive.ingest = archive.ingest, archive.build(records=Failing(archive.records, "mark_stored"))
    with pytest.raises(Unavailable):
        archive.created(record.key)
    archive.ingest = ingest
    assert archive.state(record) == ("PENDING", None)
    return record


def nothing(archive: Archive, record: UploadRecord) -> Outcome:
    return Outcome.STORED


def other_bytes_were_put_over_it(archive: Archive, record: UploadRecord) -> Outcome:
    archive.put(record.key, OTHER)
    return Outcome.DESCRIBED_ANEW


def it_was_described_anew_and_that_was_stopped_too(archive: Archive, record: UploadRecord) -> Outcome:
    archive.put(record.key, OTHER)
    archive.ingest = archive.build(records=Failing(archive.records, "mark_stored"))
    with pytest.raises(Unavailable):
        archive.created(record.key)
    archive.ingest = archive.build()
    return Outcome.STORED


def it_was_put_into_the_trash(archive: Archive, record: UploadRecord) -> Outcome:
    described = archive.attributes(record.key)
    deleted = msgspec.structs.replace(described, revision=2, deleted_at=NOW)
    archive.write_attributes(record.key, deleted)
    return Outcome.PROJECTED


def its_bytes_were_deleted(archive: Archive, record: UploadRecord) -> Outcome:
    archive.s3.delete_object(Bucket="edit", Key=record.key)
    return Outcome.MISSING


def it_was_given_up(archive: Archive, record: UploadRecord) -> Outcome:
    record.update(actions=[UploadRecord.status.set("ABORTED")])
    return Outcome.STORED


def it_was_copied(archive: Archive, record: UploadRecord) -> Outcome:
    """And described, by a higher revision, as lying where the copy is: that one is shown."""
    copy = PREFIX + "copy.pdf"
    described = msgspec.structs.replace(
        archive.attributes(record.key), revision=9, storage_filename="copy.pdf", storage_path=""
    )
    archive.copy(record.key, copy)
    archive.write_attributes(copy, described)
    archive.created(copy + ".attr.json")
    changed = msgspec.structs.replace(archive.attributes(record.key), revision=2)
    archive.write_attributes(record.key, changed)
    return Outcome.DUPLICATE_ID


@pytest.mark.parametrize(
    "happened",
    [
        nothing,
        other_bytes_were_put_over_it,
        it_was_described_anew_and_that_was_stopped_too,
        it_was_put_into_the_trash,
        its_bytes_were_deleted,
        it_was_given_up,
        it_was_copied,
    ],
)
def test_a_document_that_was_stored_has_a_record_that_says_so(
    archive: Archive, happened: Callable[[Archive, UploadRecord], Outcome]
) -> None:
    record = stopped(archive)
    outcome = happened(archive, record)
    assert archive.created(record.key).outcome is outcome
    assert archive.state(record) == ("STORED", None)


def test_where_versions_are_kept_the_record_names_the_one_that_was_verified(archive: Archive) -> None:
    boto3.client("s3").put_bucket_versioning(Bucket="edit", VersioningConfiguration={"Status": "Enabled"})
    element = StorageElement(element_id="edit-01", bucket="edit", mode=Mode.RW, prefix=PREFIX)
    archive.ingest = archive.build(elements=lambda: StorageElements((element,)))
    record = archive.uploaded()
    whole, archive.ingest = (
        archive.ingest,
        archive.build(
            elements=lambda: StorageElements((element,)), records=Failing(archive.records, "mark_stored")
        ),
    )
    with pytest.raises(Unavailable):
        archive.created(record.key)
    archive.ingest = whole
    archive.put(record.key, OTHER)
    assert archive.created(record.key).outcome is Outcome.FOREIGN_VERSION
    found = archive.records.find(UUID(record.file_id))
    assert found is not None
    assert (found.status, found.version_id) == ("STORED", archive.attributes(record.key).storage_version_id)
    assert found.version_id is not None


def test_bytes_that_were_not_announced_are_not_stored_by_an_attr_json_that_tells_of_them(archive: Archive) -> None:
    """A tool has put both where an upload was to go."""
    record = archive.permit(PDF)
    archive.put(record.key, OTHER)
    archive.write_attributes(record.key, make_attributes(of=OTHER, file_id=UUID(record.file_id)))
    assert archive.created(record.key).outcome is Outcome.REJECTED
    assert archive.state(record)[0] == "REJECTED"


def test_bytes_put_over_a_document_that_was_never_indexed_do_not_reject_its_upload(archive: Archive) -> None:
    record = archive.uploaded()
    archive.ingest = archive.build(index=Failing(archive.index, "project"))
    with pytest.raises(Unavailable):
        archive.created(record.key)
    archive.ingest = archive.build()
    archive.put(record.key, OTHER)
    archive.created(record.key)
    assert archive.state(record) == ("STORED", None)
    assert archive.finds("other figures")


def test_an_attr_json_that_is_none_settles_nothing_until_it_is_mended(archive: Archive) -> None:
    record = stopped(archive)
    whole = archive.raw(record.key)
    archive.put(attributes_key(record.key), b"{", "application/json")
    assert archive.created(record.key).outcome is Outcome.INVALID_ATTRIBUTES
    assert archive.state(record) == ("PENDING", None)
    archive.put(attributes_key(record.key), whole, "application/json")
    assert archive.created(record.key).outcome is Outcome.STORED
    assert archive.state(record) == ("STORED", None)
