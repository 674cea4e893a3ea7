"""attr.json is the truth about a document: what is written, what is read, what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artstore.attributes import MAX_BYTES, Attributes, Extracted, Quarantine, Retention, dump, parse, to_document
from artstore.errors import ArtStoreError, Invalid, TooLarge
from tests.fakes.documents import make_attributes

FILE_ID = UUID("6f1d7c1e-5a52-4f0e-9f0a-0c5a3f0d9b11")


def written(attributes: Attributes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(dump(attributes))
    return document


def edited(attributes: Attributes, **changes: Any) -> bytes:
    return json.dumps(written(attributes) | changes).encode()


def test_the_fields_of_the_first_artstore_are_always_written_under_their_names() -> None:
    assert set(written(make_attributes(revision=0))) == {
        "schema_version",
        "file_id",
        "original_filename",
        "storage_filename",
        "file_size",
        "content_type",
        "created_at",
        "updated_at",
        "created_by_id",
        "created_by_username",
        "created_by_fullname",
        "description",
        "version",
        "storage_path",
        "checksum",
        "metadata",
        "custom_attributes",
        "revision",
    }


def test_a_file_reads_well_for_a_person() -> None:
    raw = dump(make_attributes(file_id=FILE_ID, original_filename="Отчёт.pdf", tags=("a", "б")))
    lines = raw.decode().split("\n")
    assert lines[:4] == [
        "{",
        '  "schema_version": "2.0",',
        f'  "file_id": "{FILE_ID}",',
        '  "original_filename": "Отчёт.pdf",',
    ]
    assert lines[-2:] == ["}", ""]


def test_what_is_written_is_read_back_the_same() -> None:
    attributes = make_attributes(
        description="о договоре",
        version="1.2",
        created_by_fullname="Анна",
        metadata={"legacy": [1, 2.5, None]},
        custom_attributes={"department": {"name": "sales"}},
        tags=("one", "two"),
        retention=Retention(policy="temporary", expires_at=datetime(2027, 1, 1, tzinfo=UTC), legal_hold=True),
        content_encoding="gzip",
        original_size=4096,
        original_checksum="cd" * 32,
        extracted=Extracted(status="partial", reason="text_limit", format="pdf", title="T", pages=3, characters=9),
        storage_element_id="edit-01",
        checksum_verified=False,
        quarantine=Quarantine(reason="checksum_mismatch", at=datetime(2026, 4, 1, tzinfo=UTC)),
        deleted_at=datetime(2026, 5, 1, 10, 0, 0, 5, tzinfo=UTC),
        deleted_by_id="sa_anna",
    )
    assert parse(dump(attributes)) == attributes


def test_the_same_attributes_give_the_same_bytes_whatever_the_order_they_came_in() -> None:
    one = make_attributes(file_id=FILE_ID, custom_attributes={"a": 1, "b": {"c": 2, "d": 3}})
    two = make_attributes(file_id=FILE_ID, custom_attributes={"b": {"d": 3, "c": 2}, "a": 1})
    assert dump(one) == dump(two)


def test_times_are_written_in_utc() -> None:
    moscow = timezone(timedelta(hours=3))
    document = written(make_attributes(created_at=datetime(2026, 1, 1, 2, 30, tzinfo=moscow)))
    assert document["created_at"] == "2025-12-31T23:30:00Z"


def test_a_time_without_an_offset_is_utc() -> None:
    attributes = parse(edited(make_attributes(), created_at="2025-01-02T03:04:05.678901"))
    assert attributes.created_at == datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_what_a_newer_version_wrote_survives_an_older_one_at_every_level() -> None:
    raw = edited(
        make_attributes(),
        schema_version="2.7",
        signatures=[{"by": "x"}],
        retention={"policy": "permanent", "worm_until": "2030-01-01"},
        extracted={"status": "ok", "language": "ru"},
        quarantine={"reason": "virus", "at": "2026-01-01T00:00:00Z", "engine": "x"},
    )
    document = written(msgspec.structs.replace(parse(raw), description="changed", revision=2))
    assert document["schema_version"] == "2.7"
    assert document["signatures"] == [{"by": "x"}]
    assert document["retention"] == {"policy": "permanent", "worm_until": "2030-01-01"}
    assert document["extracted"] == {"status": "ok", "language": "ru"}
    assert document["quarantine"] == {"reason": "virus", "at": "2026-01-01T00:00:00Z", "engine": "x"}
    assert document["description"] == "changed"


def test_a_field_called_unknown_is_a_field_like_any_other() -> None:
    assert written(parse(edited(make_attributes(), unknown={"file_size": 7})))["unknown"] == {"file_size": 7}
    assert parse(edited(make_attributes(), unknown={"file_size": 7})).file_size == 1024


def test_an_unknown_field_can_not_overwrite_a_known_one() -> None:
    attributes = make_attributes(unknown={"file_size": 7})
    assert written(attributes)["file_size"] == 1024


def test_an_empty_file_is_a_document() -> None:
    assert parse(dump(make_attributes(file_size=0))).file_size == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("file_id", "not-a-uuid"),
        ("file_id", None),
        ("file_size", -1),
        ("file_size", "12"),
        ("file_size", 1.5),
        ("checksum", "ab" * 31),
        ("checksum", "xy" * 32),
        ("checksum", "ab" * 32 + "\n"),
        ("checksum", None),
        ("created_at", "yesterday"),
        ("created_at", None),
        ("created_at", 12),
        ("created_at", "0001-01-01T00:00:00+14:00"),
        ("deleted_at", {}),
        ("original_filename", ""),
        ("content_type", ""),
        ("custom_attributes", []),
        ("tags", "one"),
        ("tags", [1]),
        ("revision", -1),
        ("retention", {"expires_at": None}),
        ("retention", {"policy": "temporary", "expires_at": "soon"}),
        ("retention", "permanent"),
        ("extracted", {"status": "ok", "pages": -3}),
        ("schema_version", "two"),
        ("schema_version", None),
        ("schema_version", {}),
    ],
)
def test_a_value_that_breaks_the_schema_is_invalid(field: str, value: object) -> None:
    with pytest.raises(Invalid) as error:
        parse(edited(make_attributes(), **{field: value}))
    assert error.value.code == "attributes_invalid"


@pytest.mark.parametrize("field", ["file_id", "original_filename", "file_size", "created_at", "checksum"])
def test_a_missing_field_is_invalid(field: str) -> None:
    document = written(make_attributes())
    del document[field]
    with pytest.raises(Invalid):
        parse(json.dumps(document).encode())


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 60_000, b'{"a": "\\ud800"}', b"NaN", b"\0"])
def test_what_is_not_json_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(Invalid) as error:
        parse(raw)
    assert error.value.code == "attributes_not_json"


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"text"', b"{}"])
def test_json_that_describes_no_document_is_invalid(raw: bytes) -> None:
    with pytest.raises(Invalid) as error:
        parse(raw)
    assert error.value.code == "attributes_invalid"


def test_a_higher_major_version_is_refused_rather_than_misread() -> None:
    with pytest.raises(Invalid) as error:
        parse(edited(make_attributes(), schema_version="3.0"))
    assert error.value.code == "attributes_version_unsupported"


def test_only_a_document_that_is_yet_to_be_read_is_without_a_checksum() -> None:
    unread = make_attributes(checksum=None, checksum_verified=False)
    assert parse(dump(unread)) == unread
    assert to_document(unread)["checksum"] is None
    for verified in (None, True):
        with pytest.raises(Invalid, match="checksum"):
            dump(make_attributes(checksum=None, checksum_verified=verified))


def test_a_checksum_in_capitals_is_the_same_checksum() -> None:
    assert parse(edited(make_attributes(), checksum="AB" * 32)).checksum == "ab" * 32


def test_more_than_64_kib_is_neither_written_nor_read() -> None:
    attributes = make_attributes(custom_attributes={"x": "я" * 40_000})
    with pytest.raises(TooLarge) as error:
        dump(attributes)
    assert error.value.code == "attributes_too_large"
    with pytest.raises(TooLarge):
        parse(b" " * (MAX_BYTES + 1))


def test_attributes_made_wrongly_are_not_written() -> None:
    with pytest.raises(Invalid):
        dump(make_attributes(checksum="short"))


json_values: st.SearchStrategy[object] = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        2**70,
        1.5,
        1e300,
        "",
        "x",
        "\0",
        "2025-01-02",
        "ab" * 32,
        [],
        ["x"],
        [[]],
        [None],
        {},
        {"a": [1]},
        {"policy": 1},
        {"policy": "permanent"},
        {"status": "ok", "pages": "1"},
        {"status": "ok", "unknown": {"a": 1}},
    ]
) | st.text(max_size=8)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*Attributes.__struct_fields__, "size_bytes", "uploaded_at"]), json_values, max_size=4
    ),
    st.booleans(),
)
def test_nothing_in_a_strangers_file_is_more_than_invalid(changes: dict[str, Any], v1: bool) -> None:
    document = written(make_attributes()) | changes
    if v1:
        document.pop("schema_version", None)
    try:
        attributes = parse(json.dumps(document).encode())
    except ArtStoreError:
        return
    assert parse(dump(attributes)) == attributes


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_are_more_than_invalid(raw: bytes) -> None:
    with pytest.raises(ArtStoreError):
        parse(raw)
