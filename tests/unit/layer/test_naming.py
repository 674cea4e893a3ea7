"""Object keys keep the form of the first ArtStore, whatever a file is called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artstore import naming

AT = datetime(2026, 11, 21, 7, 5, 9, tzinfo=UTC)
FILE_ID = UUID("7f1d7b5e-1c1f-4b62-9d8c-3f1f0e7f9a11")


def test_a_key_has_the_hour_the_name_the_user_the_time_and_the_id() -> None:
    assert naming.object_key("a/", "report.pdf", "robot", AT, FILE_ID) == (
        f"a/2026/11/21/07/report_robot_20261121T070509_{FILE_ID}.pdf"
    )


def test_the_hour_is_utc_whatever_the_zone() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=9)))
    assert naming.object_key("", "a", "u", elsewhere, FILE_ID).startswith("2026/11/21/07/a_u_20261121T070509_")


@pytest.mark.parametrize(
    ("filename", "stem", "extension"),
    [
        ("Отчёт за 2026.docx", "Отчёт за 2026", ".docx"),
        ("archive.tar.gz", "archive.tar", ".gz"),
        ('a<b>:"/\\|?*.pdf', "a_b________", ".pdf"),
        ("a\u202egpj.exe", "a_gpj", ".exe"),
        (".hidden", ".hidden", ""),
        ("no extension", "no extension", ""),
        ("x.attr.json", "x.attr", ".json"),
        ("a." + "x" * 30, "a." + "x" * 30, ""),
    ],
)
def test_reserved_and_invisible_characters_become_underscores(filename: str, stem: str, extension: str) -> None:
    name = naming.object_key("", filename, "u", AT, FILE_ID).rsplit("/", 1)[1]
    assert name == f"{stem}_u_20261121T070509_{FILE_ID}{extension}"


@given(st.text(max_size=300), st.text(max_size=80), st.uuids())
def test_any_name_gives_a_key_that_s3_takes_and_that_leads_back_to_its_id(
    filename: str, username: str, file_id: UUID
) -> None:
    key = naming.object_key("prefix/", filename, username, AT, file_id)
    name = key.removeprefix("prefix/2026/11/21/07/")
    assert "/" not in name
    assert len(name) <= naming.MAX_NAME_LENGTH
    assert len(naming.attributes_key(key).encode()) <= 1024
    assert naming.file_id_of(key) == file_id
    assert not naming.is_attributes_key(key)


@given(st.text(max_size=60))
def test_a_strangers_key_has_no_id(key: str) -> None:
    assert naming.file_id_of(key) is None


@given(st.sampled_from(["", "archive/", ".art", ".artstore"]), st.text(max_size=60), st.text(max_size=30))
def test_no_document_gets_a_reserved_key(prefix: str, filename: str, username: str) -> None:
    assert not naming.is_reserved(naming.object_key(prefix, filename, username, AT, FILE_ID))


@pytest.mark.parametrize("prefix", [naming.RESERVED_PREFIX, naming.RESERVED_PREFIX + "audit/"])
def test_no_document_is_placed_among_our_own_records(prefix: str) -> None:
    assert naming.is_reserved(prefix + "2026/11/21/1-2.jsonl")
    with pytest.raises(ValueError, match="reserved"):
        naming.object_key(prefix, "a", "u", AT, FILE_ID)


def test_attributes_lie_beside_their_document() -> None:
    key = naming.object_key("", "a.pdf", "u", AT, uuid4())
    beside = naming.attributes_key(key)
    assert beside == key + ".attr.json"
    assert naming.is_attributes_key(beside)
    assert naming.document_key(beside) == key
