"""docs/attr.schema.json says of attr.json what the code does: generated from it, and judged by another tool."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from artstore.attributes import Attributes, Extracted, Quarantine, Retention, Scan, dump
from infra import attr_schema
from tests.fakes.documents import NOON, make_attributes
from tests.support.attr_schema import check, faults
from tests.support.ingesting.first_archive import DIALECT, V1, V2

FULL = make_attributes(
    revision=7,
    created_by_fullname="Анна",
    description="",
    version="2",
    metadata={"a": [None]},
    custom_attributes={"b": {"c": 1.5}},
    tags=("x", "ё"),
    retention=Retention(policy="temporary", expires_at=NOON, legal_hold=True, hold_reason="suit", schedule="s"),
    content_encoding="gzip",
    original_size=10,
    original_checksum="cd" * 32,
    extracted=Extracted(status="ok", pages=3, latitude=1.5, duration_seconds=0.0, unknown={"mood": "blue"}),
    storage_element_id="edit-01",
    storage_version_id="v1",
    space="press",
    folder="/a",
    supersedes=uuid4(),
    checksum_verified=False,
    storage_etag='"e"',
    quarantine=Quarantine(reason="infected", at=NOON),
    scan=Scan(status="infected", at=NOON, signature="Eicar", released_at=NOON, released_by_id="sa_1"),
    finalization=uuid4(),
    finalized_at=NOON,
    deleted_at=NOON,
    deleted_by_id="sa_1",
    purged_at=NOON,
    unknown={"colour": {"name": "green"}, "number": 1},
)


def written(attributes: Attributes = FULL) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(dump(attributes))
    return document


def test_the_file_is_generated_from_the_code_as_it_is() -> None:
    assert attr_schema.DOCUMENT.read_text("utf-8") == attr_schema.text(), "run python -m infra.attr_schema --write"


def test_the_command_tells_whether_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert attr_schema.main(["--check"]) == 0
    monkeypatch.setattr(attr_schema, "text", lambda: "{}")
    assert attr_schema.main(["--check"]) == 1
    assert "differs from the code: docs/attr.schema.json" in capsys.readouterr().out


def test_every_field_of_the_model_is_described_and_nothing_else() -> None:
    described = json.loads(attr_schema.DOCUMENT.read_text("utf-8"))
    assert set(described["properties"]) == set(Attributes.__struct_fields__) - {"unknown"}
    assert set(written()) - {"colour", "number"} == set(described["properties"]), "and all of it is tried here"
    for model in (Retention, Extracted, Quarantine, Scan):
        members = set(described["$defs"][model.__name__]["properties"])
        assert members == set(model.__struct_fields__) - {"unknown"}


@pytest.mark.parametrize(
    "attributes",
    [
        FULL,
        make_attributes(),
        make_attributes(file_size=0),
        make_attributes(checksum=None, checksum_verified=False),
    ],
    ids=["everything", "the least", "empty", "not yet hashed"],
)
def test_what_is_written_is_valid(attributes: Attributes) -> None:
    assert faults(written(attributes)) == []


@pytest.mark.parametrize("left", V2, ids=lambda left: str(left.attributes["original_filename"]))
def test_what_the_first_artstore_wrote_as_2_0_is_valid(left: Any) -> None:
    assert faults(left.attributes) == []
    assert faults(left.attributes | {"metadata": None, "custom_attributes": None}) == []


@pytest.mark.parametrize("left", V1 + DIALECT, ids=lambda left: str(left.attributes["original_filename"])[:20])
def test_an_older_format_is_not_taken_for_it(left: Any) -> None:
    assert faults(left.attributes) != []


def test_fields_of_a_newer_version_are_allowed_at_every_level() -> None:
    newer = written() | {"schema_version": "2.7", "pages_seen": 3}
    for name in ("retention", "extracted", "quarantine", "scan"):
        newer[name] = newer[name] | {"added": [1]}
    assert faults(newer) == []


WRONG: list[tuple[str, Any]] = [
    ("schema_version", None),
    ("schema_version", "3.0"),
    ("schema_version", 2.0),
    ("file_id", "17"),
    ("original_filename", ""),
    ("file_size", -1),
    ("file_size", 2**63),
    ("file_size", "8"),
    ("content_type", ""),
    ("created_at", 1700000000),
    ("created_at", "yesterday"),
    ("updated_at", "01.03.2026"),
    ("created_by_id", None),
    ("description", ["x"]),
    ("checksum", "ab"),
    ("checksum", "ab" * 32 + "\n"),
    ("metadata", []),
    ("custom_attributes", "x"),
    ("revision", -1),
    ("tags", {"a": 1}),
    ("tags", [1]),
    ("retention", {}),
    ("retention", {"policy": "temporary", "expires_at": "soon"}),
    ("extracted", {"status": "ok", "pages": -1}),
    ("supersedes", "x"),
    ("checksum_verified", "no"),
    ("quarantine", {"reason": "", "at": "2026-03-01T12:00:00Z"}),
    ("scan", {"status": "clean"}),
    ("deleted_at", "x"),
]


@pytest.mark.parametrize(("field", "value"), WRONG, ids=[f"{name}={str(value)[:12]!r}" for name, value in WRONG])
def test_what_the_code_does_not_read_is_invalid(field: str, value: Any) -> None:
    wrong = written() | {field: value}
    assert faults(wrong) != []
    if field != "schema_version":
        check(json.dumps(wrong).encode())


@pytest.mark.parametrize("field", ["file_id", "original_filename", "file_size", "content_type", "storage_path"])
def test_what_every_document_has_may_not_be_missing(field: str) -> None:
    document = written()
    del document[field]
    assert faults(document) != []


@pytest.mark.parametrize("verified", [None, True, ...])
def test_a_checksum_may_be_missing_only_as_long_as_it_is_sought(verified: object) -> None:
    document = written(make_attributes()) | {"checksum": None}
    if verified is not ...:
        document["checksum_verified"] = verified
    assert faults(document) != []
