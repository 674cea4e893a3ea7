"""What other tools do to objects and their attr.json, and what the archive shows afterwards."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest

from artstore.attributes import Attributes
from artstore.elements import Mode, StorageElement, StorageElements
from artstore.naming import object_key
from artstore.objects import ObjectStore
from artstore.spaces import EVERYWHERE
from functions.storage_events.outcomes import Outcome, Result
from tests.fakes.documents import make_attributes, make_projection
from tests.support.ingesting.archive import NOW, PREFIX, Archive

KEY = PREFIX + "plan.txt"


def drop(archive: Archive, key: str = KEY, body: bytes = b"monday") -> Result:
    """Put an object with a tool, and deliver its event."""
    archive.put(key, body, "text/plain")
    return archive.created(key)


def text_attributes(**changes: Any) -> Attributes:
    """Give the attributes of the object that ``drop`` leaves."""
    return make_attributes(of=b"monday", content_type="text/plain", **changes)


def shown(archive: Archive) -> list[tuple[str, bool]]:
    return [(each.key, each.missing) for each in archive.index.search(None, 10, None, EVERYWHERE).items]


def test_an_object_that_comes_back_after_both_were_deleted_is_a_document_again(archive: Archive) -> None:
    first = drop(archive).file_id
    archive.delete(KEY + ".attr.json")
    archive.delete(KEY)
    again = drop(archive, body=b"tuesday")
    assert again.outcome is Outcome.STORED
    assert again.file_id != first, "another document: the first may have moved on with its id"
    assert archive.finds("tuesday")


def test_a_new_object_over_the_one_a_deleted_document_left_is_a_document(archive: Archive) -> None:
    drop(archive)
    archive.delete(KEY + ".attr.json")
    assert archive.created(KEY).outcome is Outcome.GONE
    assert drop(archive, body=b"tuesday").outcome is Outcome.STORED
    assert archive.finds("tuesday")


def test_a_new_object_under_the_key_of_a_deleted_upload_is_a_strangers(archive: Archive) -> None:
    record = archive.uploaded()
    archive.created(record.key)
    archive.delete(record.key + ".attr.json")
    result = drop(archive, record.key, b"something else")
    assert result.outcome is Outcome.STORED
    assert result.file_id != UUID(record.file_id)
    assert archive.attributes(record.key).created_by_id == "s3"


@pytest.mark.parametrize("is_seen", [True, False])
def test_the_object_of_a_deleted_document_stays_one_however_late_its_event(
    archive: Archive, is_seen: bool
) -> None:
    drop(archive)
    archive.s3.delete_object(Bucket="edit", Key=KEY + ".attr.json")
    if is_seen:
        archive.removed(KEY + ".attr.json")
    archive.created(KEY)
    assert archive.keys() == [KEY]
    assert shown(archive) == []


def test_a_deleted_upload_stays_deleted_where_the_index_was_lost(archive: Archive) -> None:
    record = archive.uploaded()
    archive.ingest = archive.build(clock=lambda: datetime.now(UTC))
    archive.created(record.key)
    archive.s3.delete_object(Bucket="edit", Key=record.key + ".attr.json")
    archive.forget()
    assert archive.created(record.key) == Result(Outcome.GONE, UUID(record.file_id), "deleted")
    assert archive.keys() == [record.key]


def test_a_removal_that_overtakes_everything_keeps_older_events_away_and_no_newer_ones(archive: Archive) -> None:
    archive.put(KEY, b"monday", "text/plain")
    archive.removed(KEY + ".attr.json")
    assert archive.created(KEY).outcome is Outcome.GONE
    assert drop(archive, body=b"tuesday").outcome is Outcome.STORED


@pytest.mark.parametrize("revision", [0, 1, 5])
def test_an_attr_json_that_is_put_back_is_shown_whatever_its_revision(archive: Archive, revision: int) -> None:
    drop(archive)
    archive.write_attributes(KEY, text_attributes(revision=3, description="before"))
    archive.created(KEY + ".attr.json")
    archive.delete(KEY + ".attr.json")
    assert shown(archive) == []
    archive.write_attributes(KEY, text_attributes(revision=revision, description="putback"))
    assert archive.created(KEY + ".attr.json").outcome is Outcome.PROJECTED
    assert archive.finds("putback")
    assert archive.finds("monday")


@pytest.mark.parametrize("with_checksum", [True, False])
@pytest.mark.parametrize("body", [b"friday", b"a longer one, of friday"])
def test_an_object_that_is_overwritten_is_described_anew(
    archive: Archive, body: bytes, with_checksum: bool
) -> None:
    drop(archive)
    written = make_attributes(
        of=b"monday",
        description="mine",
        tags=("a",),
        custom_attributes={"x": 1},
        original_filename="p.txt",
        revision=4,
    )
    archive.write_attributes(KEY, written)
    archive.created(KEY + ".attr.json")
    archive.put(KEY, body, "text/markdown", **({"ChecksumAlgorithm": "SHA256"} if with_checksum else {}))
    assert archive.created(KEY) == Result(Outcome.DESCRIBED_ANEW, written.file_id)
    described = archive.attributes(KEY)
    assert (described.file_size, described.checksum) == (len(body), hashlib.sha256(body).hexdigest())
    assert (described.content_type, described.revision) == ("text/markdown", 5)
    assert described.updated_at > written.updated_at
    for name in ("file_id", "original_filename", "created_by_id", "created_at", "description", "tags"):
        assert getattr(described, name) == getattr(written, name)
    assert described.custom_attributes == {"x": 1}
    assert archive.finds("friday")
    assert not archive.finds("monday")
    assert archive.created(KEY + ".attr.json").outcome is Outcome.UNCHANGED
    assert archive.created(KEY) == Result(Outcome.ALREADY_STORED, written.file_id)


def test_an_edit_that_comes_while_an_object_is_described_anew_is_not_lost(archive: Archive) -> None:
    class Overtaken(ObjectStore):
        def replace(self, bucket: str, key: str, body: bytes, if_match: str, content_type: str = "") -> str:
            if not edits:
                edits.append(key)
                archive.write_attributes(KEY, text_attributes(description="meanwhile", revision=7))
            return super().replace(bucket, key, body, if_match)

    edits: list[str] = []
    drop(archive)
    archive.ingest = archive.build(objects=Overtaken(archive.s3))
    assert drop(archive, body=b"friday").outcome is Outcome.DESCRIBED_ANEW
    described = archive.attributes(KEY)
    assert (described.description, described.revision, described.file_size) == ("meanwhile", 8, 6)
    assert archive.finds("friday meanwhile")


def test_an_object_that_was_read_through_once_is_not_read_through_again(archive: Archive) -> None:
    drop(archive)

    class Unread(ObjectStore):
        def sha256(self, bucket: str, key: str, *, if_match: str, version_id: str | None = None) -> str:
            raise AssertionError("read through again")

    archive.ingest = archive.build(objects=Unread(archive.s3))
    assert archive.created(KEY).outcome is Outcome.ALREADY_STORED


def test_a_document_whose_object_is_deleted_is_missing_until_it_returns(archive: Archive) -> None:
    file_id = drop(archive).file_id
    assert archive.delete(KEY) == Result(Outcome.MISSING, file_id)
    assert shown(archive) == [(KEY, True)]
    assert archive.finds("plan")
    assert not archive.finds("monday")
    assert drop(archive) == Result(Outcome.ALREADY_STORED, file_id)
    assert shown(archive) == [(KEY, False)]
    assert archive.finds("monday")


def test_a_copy_with_its_attr_json_never_hides_the_original(archive: Archive) -> None:
    file_id = drop(archive).file_id
    copy = PREFIX + "backup/plan.txt"
    archive.copy(KEY, copy)
    archive.copy(KEY + ".attr.json", copy + ".attr.json")
    duplicate = Result(Outcome.DUPLICATE_ID, file_id, other=f"s3://edit/{KEY}")
    assert archive.created(copy + ".attr.json") == duplicate
    assert shown(archive) == [(KEY, False)]
    archive.delete(KEY)
    assert shown(archive) == [(copy, False)]
    archive.delete(KEY + ".attr.json")
    assert shown(archive) == [(copy, False)]
    drop(archive)
    assert sorted(shown(archive)) == [(copy, False), (KEY, False)]


def test_a_copied_object_alone_is_a_document_of_its_own_even_without_any_record(
    archive: Archive,
) -> None:
    key = object_key(PREFIX, "old.pdf", "ivanov", NOW, uuid4())
    original = drop(archive, key).file_id
    copies = {drop(archive, PREFIX + folder + key.rpartition("/")[2]).file_id for folder in ("b/", "c/")}
    assert len(copies | {original}) == 3
    assert len(shown(archive)) == 3


def test_a_broken_attr_json_shows_nothing_and_heals_when_it_is_mended(archive: Archive) -> None:
    drop(archive)
    good = archive.attributes(KEY)
    archive.put(KEY + ".attr.json", b"{", "application/json")
    assert archive.created(KEY + ".attr.json").outcome is Outcome.INVALID_ATTRIBUTES
    assert shown(archive) == []
    assert archive.created(KEY) == Result(Outcome.INVALID_ATTRIBUTES, None, "attributes_not_json")
    archive.write_attributes(KEY, good)
    assert archive.created(KEY + ".attr.json").outcome is Outcome.PROJECTED
    assert shown(archive) == [(KEY, False)]


def test_attributes_that_the_index_cannot_hold_are_an_outcome(archive: Archive) -> None:
    class Beyond:
        def __getattr__(self, name: str) -> Any:
            return getattr(archive.index, name)

        def project(self, projection: object) -> object:
            return archive.index.project(make_projection(key=KEY, revision=2**70))

    drop(archive)
    archive.ingest = archive.build(index=Beyond())
    archive.write_attributes(KEY, make_attributes(of=b"monday"))
    expected = Result(Outcome.INVALID_ATTRIBUTES, None, "attributes_not_indexable")
    assert archive.created(KEY + ".attr.json") == expected
    assert archive.created(KEY + ".attr.json") == expected
    assert shown(archive) == []


@pytest.mark.parametrize(
    ("key", "result"),
    [
        (PREFIX + "ы" * 505, Result(Outcome.REJECTED, reason="key_too_long")),
        (PREFIX + "nul\0", Result(Outcome.REJECTED, reason="key_has_nul")),
        (PREFIX + "folder/.attr.json", Result(Outcome.IGNORED, reason="folder_marker")),
        (PREFIX + "a.attr.json.attr.json", Result(Outcome.IGNORED, reason="attributes_of_attributes")),
    ],
)
def test_where_no_document_can_be_there_is_an_outcome_with_a_reason(
    archive: Archive, key: str, result: Result
) -> None:
    assert archive.created(key) == result


@pytest.mark.parametrize(
    "name",
    ["a+b.txt", "a b.txt", "100%.txt", "%41.txt", "Смета.txt", "x//y.txt", "/x.txt", "../x.txt", "\x01.txt", "😀"],
)
def test_keys_of_any_characters_are_documents(archive: Archive, name: str) -> None:
    key = PREFIX + name
    assert drop(archive, key).outcome is Outcome.STORED
    assert shown(archive) == [(key, False)]


@pytest.fixture
def kept(archive: Archive) -> Archive:
    """The same archive, in whose bucket every version is kept."""
    boto3.client("s3").put_bucket_versioning(Bucket="edit", VersioningConfiguration={"Status": "Enabled"})
    element = StorageElement(element_id="rw-01", bucket="edit", mode=Mode.RW, prefix=PREFIX)
    archive.ingest = archive.build(elements=lambda: StorageElements((element,)))
    return archive


def served(archive: Archive) -> tuple[str | None, bool]:
    [document] = archive.index.search(None, 10, None, EVERYWHERE).items
    return document.version_id, document.missing


def test_where_versions_are_kept_the_verified_one_is_served_and_the_foreign_one_reported(kept: Archive) -> None:
    file_id = drop(kept).file_id
    verified = kept.attributes(KEY)
    assert drop(kept, body=b"friday") == Result(Outcome.FOREIGN_VERSION, file_id)
    assert drop(kept, body=b"monday") == Result(Outcome.FOREIGN_VERSION, file_id)
    assert served(kept) == (verified.storage_version_id, False)
    assert kept.attributes(KEY) == verified
    assert kept.finds("monday")


def test_where_versions_are_kept_a_delete_marker_changes_nothing(kept: Archive) -> None:
    file_id = drop(kept).file_id
    verified = kept.attributes(KEY).storage_version_id
    assert kept.delete(KEY) == Result(Outcome.UNCHANGED, file_id)
    assert served(kept) == (verified, False)
    kept.s3.delete_object(Bucket="edit", Key=KEY, VersionId=verified)
    assert kept.removed(KEY) == Result(Outcome.MISSING, file_id)


def test_a_version_named_that_is_not_there_gives_way_to_the_bytes_it_describes(kept: Archive) -> None:
    kept.put(KEY, b"monday", "text/plain")
    kept.write_attributes(KEY, make_attributes(of=b"monday", storage_version_id="no such version"))
    assert kept.created(KEY + ".attr.json").outcome is Outcome.PROJECTED
    current = kept.s3.head_object(Bucket="edit", Key=KEY)["VersionId"]
    assert served(kept) == (current, False)
    kept.put(KEY, b"friday", "text/plain")
    assert kept.created(KEY).outcome is Outcome.FOREIGN_VERSION
    assert served(kept) == (None, True)
