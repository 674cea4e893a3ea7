"""What a client has compressed is read as what it was, and checked against what the client said of that."""

from __future__ import annotations

import gzip
import hashlib
from typing import Any
from uuid import UUID

import brotli
import pytest

from artstore.attributes import Extracted
from artstore.tables import UploadRecord
from functions.storage_events import reading
from functions.storage_events.outcomes import Outcome
from tests.support.ingesting.archive import PREFIX, Archive

TEXT = b"Der Quokka wohnt auf Rottnest. " * 40
CODERS = {"gzip": gzip.compress, "br": brotli.compress}


def announced(
    archive: Archive, encoding: str, sent: bytes, original: bytes = TEXT, **changes: Any
) -> UploadRecord:
    """Announce and send what was compressed."""
    told = {
        "content_encoding": encoding,
        "original_size": len(original),
        "original_sha256": hashlib.sha256(original).hexdigest(),
        "original_filename": "note.txt",
        "content_type": "text/plain",
    }
    record = archive.permit(sent, **told | changes)
    archive.put(record.key, sent, "text/plain", ChecksumAlgorithm="SHA256", ContentEncoding=encoding)
    return record


def notice(archive: Archive, record: UploadRecord) -> str | None:
    found = archive.records.find(UUID(record.file_id))
    assert found is not None
    return None if found.notice is None else str(found.notice)


@pytest.mark.parametrize("encoding", CODERS)
def test_it_is_described_by_what_was_sent_and_by_what_was_before_it(archive: Archive, encoding: str) -> None:
    sent = CODERS[encoding](TEXT)
    record = announced(archive, encoding, sent)
    assert archive.created(record.key).outcome is Outcome.STORED
    attributes = archive.attributes(record.key)
    assert attributes.content_encoding == encoding
    assert (attributes.file_size, attributes.checksum) == (len(sent), hashlib.sha256(sent).hexdigest())
    assert (attributes.original_size, attributes.original_checksum) == (len(TEXT), record.original_sha256)
    assert attributes.extracted is not None
    assert (attributes.extracted.status, attributes.extracted.format) == ("ok", "text")
    assert archive.finds("quokka")
    assert archive.state(record) == ("STORED", None)
    assert notice(archive, record) is None


@pytest.mark.parametrize(("announced_as", "sent_as"), [("gzip", "br"), ("gzip", None), (None, "gzip")])
def test_another_encoding_than_was_announced_is_rejected(
    archive: Archive, announced_as: str | None, sent_as: str | None
) -> None:
    record = archive.permit(TEXT, content_encoding=announced_as, content_type="text/plain")
    encoding = {} if sent_as is None else {"ContentEncoding": sent_as}
    archive.put(record.key, TEXT, "text/plain", ChecksumAlgorithm="SHA256", **encoding)
    assert archive.created(record.key).outcome is Outcome.REJECTED
    assert archive.state(record) == ("REJECTED", "content_encoding_mismatch")


@pytest.mark.parametrize("wrong", [{"original_size": 3}, {"original_sha256": "ab" * 32}], ids=str)
def test_a_wrong_word_about_what_was_before_is_put_right_and_told(archive: Archive, wrong: dict[str, Any]) -> None:
    record = announced(archive, "gzip", gzip.compress(TEXT), **wrong)
    assert archive.created(record.key).outcome is Outcome.STORED
    attributes = archive.attributes(record.key)
    assert (attributes.original_size, attributes.original_checksum) == (
        len(TEXT),
        hashlib.sha256(TEXT).hexdigest(),
    )
    assert notice(archive, record) == "original_mismatch"


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("gzip", b"not compressed at all"),
        ("br", b"not compressed at all"),
        ("gzip", gzip.compress(TEXT)[:-9]),
        ("gzip", gzip.compress(TEXT) + b"more"),
        ("br", brotli.compress(TEXT)[:-3]),
    ],
    ids=range(5),
)
def test_what_does_not_follow_its_encoding_is_kept_and_told(archive: Archive, encoding: str, sent: bytes) -> None:
    record = announced(archive, encoding, sent)
    assert archive.created(record.key).outcome is Outcome.STORED
    attributes = archive.attributes(record.key)
    assert attributes.content_encoding == encoding
    assert (attributes.original_size, attributes.original_checksum) == (None, None)
    assert attributes.extracted is not None
    assert attributes.extracted.status in ("failed", "partial")
    assert notice(archive, record) == "content_encoding_damaged"


def test_members_of_gzip_one_after_another_are_one_text(archive: Archive) -> None:
    record = announced(archive, "gzip", gzip.compress(TEXT[:500]) + gzip.compress(TEXT[500:]))
    archive.created(record.key)
    assert archive.attributes(record.key).original_checksum == record.original_sha256
    assert notice(archive, record) is None


@pytest.mark.parametrize("encoding", CODERS)
def test_an_empty_file_may_be_compressed_too(archive: Archive, encoding: str) -> None:
    record = announced(archive, encoding, CODERS[encoding](b""), b"")
    archive.created(record.key)
    assert archive.attributes(record.key).original_size == 0
    assert notice(archive, record) is None


@pytest.mark.parametrize("encoding", CODERS)
def test_a_bomb_is_read_no_further_than_it_is_worth(archive: Archive, encoding: str) -> None:
    bomb = b"quokka " + b"a " * 5_000_000
    record = announced(archive, encoding, CODERS[encoding](bomb), bomb)
    assert archive.created(record.key).outcome is Outcome.STORED
    attributes = archive.attributes(record.key)
    assert attributes.extracted is not None
    assert (attributes.extracted.status, attributes.extracted.reason) == ("partial", "zip_bomb")
    assert (attributes.original_size, attributes.original_checksum) == (len(bomb), record.original_sha256)
    assert notice(archive, record) is None
    assert archive.finds("quokka")


def test_more_than_can_be_read_is_told_as_it_was_announced(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_FETCH", 500)
    record = announced(archive, "gzip", gzip.compress(TEXT), original_size=7)
    archive.created(record.key)
    attributes = archive.attributes(record.key)
    assert attributes.original_size == 7
    assert attributes.extracted is not None
    assert attributes.extracted.status in ("ok", "partial")
    assert notice(archive, record) is None


def test_of_what_another_tool_compressed_the_original_is_told_as_well(archive: Archive) -> None:
    key = PREFIX + "note.txt"
    archive.put(key, gzip.compress(TEXT), "text/plain", ContentEncoding="gzip")
    archive.created(key)
    attributes = archive.attributes(key)
    assert (attributes.content_encoding, attributes.original_size) == ("gzip", len(TEXT))
    assert attributes.original_checksum == hashlib.sha256(TEXT).hexdigest()
    assert archive.finds("quokka")


def test_a_coding_that_nobody_knows_is_left_alone(archive: Archive) -> None:
    key = PREFIX + "note.txt"
    archive.put(key, b"plain", "text/plain", ContentEncoding="gzip, br")
    archive.created(key)
    assert archive.attributes(key).extracted == Extracted(status="unsupported", reason="content_encoding")


def test_how_a_client_sent_it_is_no_encoding(archive: Archive) -> None:
    record = archive.permit(TEXT, content_type="text/plain", original_filename="note.txt")
    archive.put(record.key, TEXT, "text/plain", ChecksumAlgorithm="SHA256", ContentEncoding="aws-chunked")
    archive.created(record.key)
    assert archive.state(record) == ("STORED", None)
    assert archive.finds("quokka")


def test_the_folder_comes_with_the_document(archive: Archive) -> None:
    record = archive.uploaded(folder="/contracts/2026")
    archive.created(record.key)
    assert archive.attributes(record.key).folder == "/contracts/2026"
