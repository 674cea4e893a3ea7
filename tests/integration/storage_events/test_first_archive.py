"""A bucket that the first ArtStore filled is shown as it is, whatever is told first, and nothing in it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import pytest

from artstore.documents import show
from artstore.index import IndexedDocument
from artstore.spaces import EVERYWHERE
from functions.storage_events.outcomes import Outcome
from tests.support.ingesting.archive import PREFIX, Archive
from tests.support.ingesting.first_archive import DIALECT, EVERYTHING, V1, V2, Left

Order = Callable[[Iterable[str]], list[str]]


def fill(archive: Archive) -> list[str]:
    """Put everything into the bucket, as some tool copies it; give the keys."""
    keys = []
    for left in EVERYTHING:
        archive.put(PREFIX + left.key, left.body, "text/plain")
        archive.put(PREFIX + left.key + ".attr.json", left.raw, "application/json")
        keys += [PREFIX + left.key, PREFIX + left.key + ".attr.json"]
    return keys


def found(archive: Archive, left: Left) -> IndexedDocument:
    document = archive.index.find(left.file_id, EVERYWHERE)
    assert document is not None, left.key
    return document


def contents(archive: Archive) -> list[tuple[str, str, Any]]:
    listed = archive.s3.list_objects_v2(Bucket="edit")["Contents"]
    return [(each["Key"], each["ETag"], each["LastModified"]) for each in listed]


@pytest.mark.parametrize(
    "order",
    [sorted, lambda keys: sorted(keys, reverse=True), lambda keys: sorted(keys, key=lambda key: key[::-1])],
    ids=["objects first", "attributes first", "by kind"],
)
def test_it_is_indexed_unchanged(archive: Archive, order: Order) -> None:
    keys = fill(archive)
    before = contents(archive)
    outcomes = {archive.created(key).outcome for key in order(keys)}
    assert outcomes <= {Outcome.PROJECTED, Outcome.ALREADY_STORED, Outcome.UNCHANGED}
    assert contents(archive) == before, "indexing writes nothing"
    assert all(len(left.key.rpartition("/")[2]) <= 200 for left in EVERYTHING)
    for left in EVERYTHING:
        document = found(archive, left)
        assert (document.bucket, document.key, document.missing) == ("edit", PREFIX + left.key, False)
        assert show(document.attributes).status == "STORED"
        assert document.attributes.original_filename == left.attributes["original_filename"]
        assert document.attributes.file_size == len(left.body)
        assert document.attributes.revision == 0
    assert archive.index.search(None, 100, None, EVERYWHERE).total == len(EVERYTHING)
    assert archive.prover.asked == [], "what is described needs no proof"


def test_its_words_are_found_in_names_texts_and_attributes(archive: Archive) -> None:
    for key in fill(archive):
        archive.created(key)
    for words in ("годовой отчёт", "выручка", "предмет договора", "K-17", "фактура", "длинный", "legal"):
        hits = archive.index.search(words, 10, None, EVERYWHERE)
        assert hits.total >= 1, words


def test_each_of_its_formats_is_read_for_what_it_says(archive: Archive) -> None:
    for key in fill(archive):
        archive.created(key)
    v1 = found(archive, V1[0]).attributes
    assert (v1.created_by_fullname, v1.version, v1.custom_attributes) == ("Иванов Иван Иванович", "1.0", {})
    sparse = found(archive, V1[1]).attributes
    assert (sparse.created_by_fullname, sparse.description, sparse.version) == (None, None, None)
    dialect = found(archive, DIALECT[0]).attributes
    assert (dialect.created_by_username, dialect.version, dialect.tags) == ("petrova", "2", ("договор", "2024"))
    assert dialect.custom_attributes == {"template": "contract", "department": "legal", "retention_days": 3650}
    assert dialect.metadata == {"md5_hash": DIALECT[0].attributes["md5_hash"]}
    clashing = found(archive, DIALECT[1]).attributes
    assert (clashing.retention, clashing.folder) == (None, None)
    assert clashing.custom_attributes | {"retention": "7 years", "folder": "A/B"} == clashing.custom_attributes
    kept = found(archive, DIALECT[2]).attributes.retention
    assert kept is not None
    assert (kept.policy, str(kept.expires_at)) == ("temporary", "2099-01-01 00:00:00+00:00")
    v2 = found(archive, V2[1]).attributes
    assert v2.custom_attributes == {"contract": "K-17/2024"}
    assert v2.unknown == {"colour": {"name": "green"}}


def test_the_ids_in_its_keys_are_the_ids_of_its_documents(archive: Archive) -> None:
    """Without attr.json files, too: then its objects are strangers', with the ids that they had."""
    left = V1[0]
    archive.put(PREFIX + left.key, left.body, "text/plain")
    assert archive.created(PREFIX + left.key).file_id == UUID(left.attributes["file_id"])
