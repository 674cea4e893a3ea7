"""The demonstration's document is a PDF that a strict reader takes."""

from __future__ import annotations

import io

from pypdf import PdfReader

from infra.local.commands.demo import TEXT, WORD_IN_TEXT
from infra.local.sample_pdf import make_pdf


def test_a_strict_reader_finds_properties_and_text() -> None:
    reader = PdfReader(io.BytesIO(make_pdf("An inventory", "The harbour master", TEXT)), strict=True)
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == ("An inventory", "The harbour master")
    assert reader.pages[0].extract_text().splitlines() == list(TEXT)
    assert WORD_IN_TEXT in reader.pages[0].extract_text()


def test_parentheses_and_backslashes_survive() -> None:
    reader = PdfReader(io.BytesIO(make_pdf("a (b) \\ c)", "d", ["(one\\two) three)"])), strict=True)
    assert reader.metadata is not None
    assert reader.metadata.title == "a (b) \\ c)"
    assert reader.pages[0].extract_text().strip() == "(one\\two) three)"


def test_the_same_words_give_the_same_bytes() -> None:
    assert make_pdf("t", "a", TEXT) == make_pdf("t", "a", TEXT)
