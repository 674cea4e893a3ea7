"""The index follows attr.json: written by others, changed, broken or removed."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from artstore import attributes as attr
from artstore.objects import ObjectStore
from artstore.spaces import EVERYWHERE
from functions.storage_events.outcomes import Outcome, Result
from tests.fakes.documents import make_attributes
from tests.support.ingesting.archive import NOW, PDF, PREFIX, Archive, Failing


def test_an_attr_json_of_the_first_artstore_is_projected_with_its_documents_text(archive: Archive) -> None:
    key = PREFIX + "2025/01/02/15/old.pdf"
    attributes = make_attributes(of=PDF, revision=0, original_filename="Старый.pdf")
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
    changed = make_attributes(of=PDF, file_id=UUID(record.file_id), revision=2, description="поправка")
    archive.write_attributes(record.key, changed)
    assert archive.created(record.key + ".attr.json").outcome is Outcome.PROJECTED
    assert archive.created(record.key + ".attr.json").outcome is Outcome.UNCHANGED
    assert archive.finds("поправка")
    assert archive.finds("figures")


def test_an_attr_json_whose_document_is_missing_is_still_the_truth(archive: Archive) -> None:
    attributes = make_attributes()
    archive.write_attributes(PREFIX + "lost.pdf", attributes)
    assert archive.created(PREFIX + "lost.pdf.attr.json") == Result(Outcome.MISSING, attributes.file_id)
    assert archive.finds("report")


def test_an_attr_json_that_says_deleted_hides_the_document_without_reading_it(archive: Archive) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    deleted = make_attributes(file_id=UUID(record.file_id), revision=2, deleted_at=NOW)
    archive.write_attributes(record.key, deleted)
    archive.ingest = archive.build(objects=Failing(ObjectStore(archive.s3), "head"))
    assert archive.created(record.key + ".attr.json").outcome is Outcome.PROJECTED
    assert archive.index.find(UUID(record.file_id), EVERYWHERE) is None


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


def kept_back(archive: Archive) -> list[tuple[str, str | None, UUID | None]]:
    page = archive.index.kept_back(None, 10, None, EVERYWHERE, damaged=True)
    return [(each.key, each.code, each.file_id) for each in page.items]


def test_a_damaged_attr_json_is_listed_with_its_reason_until_it_is_mended(archive: Archive) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    whole = archive.raw(record.key)
    file_id = UUID(record.file_id)
    archive.put(record.key + ".attr.json", whole[:-20])
    archive.created(record.key + ".attr.json")
    assert kept_back(archive) == [(record.key, "attributes_not_json", file_id)]
    archive.put(record.key + ".attr.json", json.dumps(json.loads(whole) | {"file_size": -1}).encode())
    assert archive.created(record.key).outcome is Outcome.INVALID_ATTRIBUTES
    assert kept_back(archive) == [(record.key, "attributes_invalid", file_id)]
    archive.put(record.key + ".attr.json", whole)
    assert archive.created(record.key + ".attr.json").outcome is Outcome.PROJECTED
    assert kept_back(archive) == []
    assert archive.finds("figures")


def test_a_damaged_attr_json_that_is_removed_is_listed_no_more(archive: Archive) -> None:
    key = PREFIX + "x.pdf"
    archive.put(key + ".attr.json", b'{"file_id": "00000000-0000-4000-8000-000000000007"}')
    archive.created(key + ".attr.json")
    assert kept_back(archive) == [(key, "attributes_invalid", UUID("00000000-0000-4000-8000-000000000007"))]
    [found] = archive.index.kept_back(None, 10, None, EVERYWHERE, damaged=True).items
    assert found.detail is not None
    assert "original_filename" in found.detail, "the list says what is missing"
    assert found.since is not None
    archive.delete(key + ".attr.json")
    assert kept_back(archive) == []


def test_a_document_disappears_with_its_attr_json_and_a_late_event_does_not_bring_it_back(
    archive: Archive,
) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    archive.s3.delete_object(Bucket="edit", Key=record.key + ".attr.json")
    assert archive.removed(record.key + ".attr.json").outcome is Outcome.REMOVED
    assert archive.index.find(UUID(record.file_id), EVERYWHERE) is None
    assert archive.created(record.key) == Result(Outcome.GONE, UUID(record.file_id), "deleted")
    assert archive.created(record.key + ".attr.json").outcome is Outcome.GONE
    assert archive.keys() == [record.key]
    assert archive.index.find(UUID(record.file_id), EVERYWHERE) is None


def test_a_removal_that_is_no_longer_true_is_ignored(archive: Archive) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    assert archive.removed(record.key + ".attr.json") == Result(Outcome.UNCHANGED, UUID(record.file_id))
    assert archive.index.find(UUID(record.file_id), EVERYWHERE) is not None
