"""An archive of the first ArtStore is readable unchanged: schema 2.0 without our fields, v1, and its dialect."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from artstore.attributes import Retention, dump, parse, to_v1_compatible
from artstore.errors import Conflict, Invalid
from tests.fakes.documents import NOON, make_attributes

V1: dict[str, Any] = {
    "file_id": "550e8400-e29b-41d4-a716-446655440000",
    "original_filename": "Годовой отчёт.pdf",
    "storage_filename": "Годовой отчёт_ivanov_20250102T153045_550e8400-e29b-41d4-a716-446655440000.pdf",
    "file_size": 1048576,
    "content_type": "application/pdf",
    "created_at": "2025-01-02T15:30:45.123456+00:00",
    "updated_at": "2025-01-02T15:30:45.123456",
    "created_by_id": "user123",
    "created_by_username": "ivanov",
    "created_by_fullname": "Иванов Иван",
    "description": None,
    "version": "1.0",
    "storage_path": "2025/01/02/15/",
    "checksum": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "metadata": {"department": "sales"},
}
V2 = V1 | {"schema_version": "2.0", "custom_attributes": {"contract": 17}}
DIALECT: dict[str, Any] = {
    "schema_version": "1.0",
    "file_id": "550e8400-e29b-41d4-a716-446655440000",
    "original_filename": "contract.pdf",
    "size_bytes": 2048,
    "mime_type": "application/pdf",
    "md5_hash": "5d41402abc4b2a76b9719d911017c592",
    "sha256_hash": "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
    "uploaded_by": "ivanov",
    "uploaded_at": "2024-06-01T10:00:00Z",
    "retention_days": 365,
    "expires_at": "2025-06-01T10:00:00Z",
    "version": 2,
    "template": "contract",
    "department": {"name": "legal"},
    "tags": ["договор", "2024"],
}


def as_bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


@pytest.mark.parametrize("document", [V1, V2], ids=["v1", "v2"])
def test_a_file_of_the_first_artstore_is_read_as_it_is(document: dict[str, Any]) -> None:
    attributes = parse(as_bytes(document))
    assert attributes.file_id == UUID(V1["file_id"])
    assert attributes.original_filename == "Годовой отчёт.pdf"
    assert attributes.file_size == 1048576
    assert attributes.created_at == datetime(2025, 1, 2, 15, 30, 45, 123456, tzinfo=UTC)
    assert attributes.updated_at == attributes.created_at
    assert attributes.created_by_fullname == "Иванов Иван"
    assert attributes.metadata == {"department": "sales"}
    assert attributes.revision == 0
    assert attributes.unknown == {}


def test_schema_2_0_is_written_back_with_every_field_it_had() -> None:
    rewritten = json.loads(dump(parse(as_bytes(V2))))
    times = {"created_at", "updated_at"}
    assert {name: rewritten[name] for name in V2 if name not in times} == {
        name: value for name, value in V2.items() if name not in times
    }


def test_v1_becomes_schema_2_0_when_it_is_written_again() -> None:
    rewritten = json.loads(dump(parse(as_bytes(V1))))
    assert rewritten["schema_version"] == "2.0"
    assert rewritten["custom_attributes"] == {}


def test_the_older_dialect_is_mapped_and_nothing_of_it_is_lost() -> None:
    attributes = parse(as_bytes(DIALECT))
    assert attributes.schema_version == "2.0"
    assert attributes.file_size == 2048
    assert attributes.content_type == "application/pdf"
    assert attributes.checksum == V1["checksum"]
    assert attributes.created_at == attributes.updated_at == datetime(2024, 6, 1, 10, tzinfo=UTC)
    assert (attributes.created_by_username, attributes.created_by_id) == ("ivanov", "ivanov")
    assert attributes.version == "2"
    assert attributes.tags == ("договор", "2024")
    assert attributes.retention == Retention(policy="temporary", expires_at=datetime(2025, 6, 1, 10, tzinfo=UTC))
    assert attributes.metadata == {"md5_hash": DIALECT["md5_hash"]}
    assert attributes.custom_attributes == {
        "template": "contract",
        "department": {"name": "legal"},
        "retention_days": 365,
    }
    assert parse(dump(attributes)) == attributes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retention", "7 years"),
        ("folder", "Contracts"),
        ("space", "press"),
        ("scan", "scan_0042.tif"),
        ("quarantine", True),
        ("revision", "B"),
        ("deleted_at", "never"),
        ("expires_at", "never"),
        ("metadata", "see the cover"),
    ],
)
def test_a_free_field_means_nothing_to_a_newer_schema_that_has_one_of_its_name(name: str, value: object) -> None:
    attributes = parse(as_bytes(DIALECT | {name: value}))
    assert attributes.custom_attributes[name] == value
    untouched = parse(as_bytes({key: each for key, each in DIALECT.items() if key != name}))
    assert attributes.unknown == {}
    assert [getattr(attributes, each) for each in ("folder", "space", "scan", "quarantine", "deleted_at")] == [
        getattr(untouched, each) for each in ("folder", "space", "scan", "quarantine", "deleted_at")
    ]


def test_names_that_are_taken_are_kept_beside_one_another() -> None:
    twice = {"custom_attributes": {"department": "new"}, "metadata": {"md5_hash": "old"}}
    attributes = parse(as_bytes(DIALECT | twice))
    assert attributes.custom_attributes["department"] == "new"
    assert attributes.custom_attributes["department_"] == DIALECT["department"]
    assert attributes.metadata == {"md5_hash": "old", "md5_hash_": DIALECT["md5_hash"]}


@pytest.mark.parametrize("value", [None, ...], ids=["null", "absent"])
def test_what_the_dialect_leaves_out_is_said_for_it(value: object) -> None:
    optional = ("mime_type", "uploaded_by", "md5_hash", "expires_at", "version", "tags")
    document: dict[str, Any] = {name: each for name, each in DIALECT.items() if name not in optional}
    if value is None:
        document |= dict.fromkeys(optional)
    attributes = parse(as_bytes(document))
    assert attributes.content_type == "application/octet-stream"
    assert (attributes.created_by_id, attributes.created_by_username) == ("", "")
    assert (attributes.retention, attributes.version, attributes.tags) == (None, None, ())


def test_null_objects_of_v1_are_empty_ones() -> None:
    attributes = parse(as_bytes(V1 | {"metadata": None}))
    assert attributes.metadata == {}
    assert parse(as_bytes(V2 | {"metadata": None, "custom_attributes": None})).custom_attributes == {}


def test_tags_of_another_shape_are_kept_as_a_free_field() -> None:
    attributes = parse(as_bytes(DIALECT | {"tags": "a,b"}))
    assert attributes.tags == ()
    assert attributes.custom_attributes["tags"] == "a,b"


def test_a_name_of_both_dialects_counts_in_the_newer_one() -> None:
    attributes = parse(as_bytes(V1 | {"size_bytes": 1}))
    assert attributes.file_size == 1048576
    assert attributes.custom_attributes == {"size_bytes": 1}


@pytest.mark.parametrize("missing", ["file_id", "size_bytes", "sha256_hash", "uploaded_at", "original_filename"])
def test_a_dialect_file_without_what_a_document_needs_is_invalid(missing: str) -> None:
    document = {name: value for name, value in DIALECT.items() if name != missing}
    with pytest.raises(Invalid) as error:
        parse(as_bytes(document))
    assert error.value.code == "attributes_invalid"


def read_by_v1(document: dict[str, Any]) -> None:
    """Read an attr.json by the rules of the first ArtStore before schema 2.0; unknown fields are ignored."""
    assert document.get("schema_version") is None
    UUID(document["file_id"])
    assert type(document["file_size"]) is int
    assert document["file_size"] > 0
    assert re.fullmatch(r"[0-9a-f]{64}", document["checksum"])
    for name in ("created_at", "updated_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", document[name]), document[name]
    for name in ("original_filename", "storage_filename", "content_type", "storage_path"):
        assert isinstance(document[name], str)
    for name in ("created_by_id", "created_by_username"):
        assert isinstance(document[name], str)
    for name in ("created_by_fullname", "description", "version"):
        assert document[name] is None or isinstance(document[name], str)
    assert isinstance(document["metadata"], dict)


def test_a_document_is_given_to_a_reader_of_v1_and_what_it_loses_is_named() -> None:
    attributes = make_attributes(
        custom_attributes={"contract": 17},
        tags=("a",),
        retention=Retention(policy="permanent"),
        checksum_verified=False,
        folder="/x",
        unknown={"colour": None},
    )
    document, dropped = to_v1_compatible(attributes)
    read_by_v1(document)
    assert set(document) == set(V1)
    assert document["created_at"] == "2026-03-01T12:00:00+00:00"
    assert set(dropped) == {
        "custom_attributes", "revision", "tags", "retention", "checksum_verified", "folder", "colour"
    }  # fmt: skip


@pytest.mark.parametrize("document", [V1, V2, DIALECT], ids=["v1", "v2", "dialect"])
def test_what_it_keeps_is_read_as_it_was(document: dict[str, Any]) -> None:
    before = parse(as_bytes(document))
    written, dropped = to_v1_compatible(before)
    read_by_v1(json.loads(as_bytes(written)))
    after = parse(as_bytes(written))
    for name in written:
        assert getattr(after, name) == getattr(before, name)
    assert dropped == {id(V1): (), id(V2): ("custom_attributes",)}.get(
        id(document), ("custom_attributes", "tags", "retention")
    )


def test_v1_is_given_back_as_it_was_written() -> None:
    written, dropped = to_v1_compatible(parse(as_bytes(V1)))
    assert written == V1 | {"updated_at": V1["created_at"]}
    assert list(written) == list(V1)
    assert dropped == ()


@pytest.mark.parametrize(
    ("changes", "why"), [({"file_size": 0}, "empty"), ({"checksum": None, "checksum_verified": False}, "checksum")]
)
def test_what_no_reader_of_v1_takes_is_refused_and_not_made_up(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Conflict, match=why) as error:
        to_v1_compatible(make_attributes(**changes))
    assert error.value.code == "not_v1_compatible"


def test_times_of_any_offset_are_told_in_utc() -> None:
    at = NOON.astimezone(timezone(timedelta(hours=3))).replace(microsecond=120)
    written, _ = to_v1_compatible(make_attributes(created_at=at, updated_at=at))
    assert written["created_at"] == "2026-03-01T12:00:00.000120+00:00"
