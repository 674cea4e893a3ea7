"""Names of files that every file system takes, and that stay apart on each."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.maintenance.exporting.bag import encode_path, info, manifest_line
from functions.maintenance.exporting.names import MAX_NAME_BYTES, folded, numbered, portable_name


@pytest.mark.parametrize(
    ("name", "portable"),
    [
        ("report.pdf", "report.pdf"),
        ("Отчёт за квартал.pdf", "Отчёт за квартал.pdf"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("..", "_"),
        (".", "_"),
        ("", "document"),
        ("   ", "document"),
        (" a.txt ", "a.txt"),
        ("end.", "end_"),
        ("a\r\nb\0c.txt", "a__b_c.txt"),
        ('<>:"/\\|?*', "_________"),
        ("CON", "_CON"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("COM1.txt", "_COM1.txt"),
        ("nul .txt", "_nul .txt"),
        ("console.txt", "console.txt"),
        ("100 %.pdf", "100 _.pdf"),
        ("photo\u202egpj.exe", "photo_gpj.exe"),
        ("е\u0308.txt", "ё.txt"),
    ],
)
def test_a_name_keeps_what_people_read(name: str, portable: str) -> None:
    assert portable_name(name) == portable


@given(st.text(max_size=400))
def test_any_name_becomes_one_that_every_file_system_takes(name: str) -> None:
    safe = portable_name(name)
    assert 1 <= len(safe.encode()) <= MAX_NAME_BYTES + 1
    assert not set(safe) & set('<>:"/\\|?*%\r\n\0')
    assert safe == safe.strip(" ")
    assert not safe.endswith(".")
    assert safe not in (".", "..")
    assert unicodedata.is_normalized("NFC", safe)


@given(st.text(max_size=400), st.integers(2, 10**6))
def test_a_numbered_name_keeps_its_extension_and_fits(name: str, number: int) -> None:
    safe = portable_name(name)
    assert len(numbered(safe, number).encode()) <= MAX_NAME_BYTES + 1
    assert f" ({number})" in numbered(safe, number)


def test_a_long_name_keeps_its_extension_and_whole_characters() -> None:
    assert portable_name("ю" * 300 + ".pdf") == "ю" * 98 + ".pdf"
    assert numbered("report.pdf", 2) == "report (2).pdf"
    assert numbered("report", 3) == "report (3)"


def test_names_that_some_file_system_takes_for_one_fold_to_one() -> None:
    assert folded("Отчёт.PDF") == folded(unicodedata.normalize("NFD", "отчёт.pdf"))
    assert folded("straße") == folded("STRASSE")
    assert folded("a") != folded("b")


def test_a_manifest_writes_line_breaks_and_percent_signs_encoded_and_nothing_else() -> None:
    assert encode_path("data/100 % ё\r\n.pdf") == "data/100 %25 ё%0D%0A.pdf"
    assert manifest_line("ab" * 32, "data/a b.pdf") == f"{'ab' * 32}  data/a b.pdf\n"


def test_what_is_said_of_a_bag_goes_on_one_line_each() -> None:
    from datetime import date

    text = info(
        {"External-Description": "two\nlines"}, on=date(2026, 11, 25), octets=1_500_000, streams=3
    ).decode()
    assert text == (
        "External-Description: two lines\nBagging-Date: 2026-11-25\nBag-Size: 1.5 MB\nPayload-Oxum: 1500000.3\n"
    )
