"""What is read out of PDF: text, form fields, notes, words broken at a line's end; and of a bad one."""

from __future__ import annotations

import io
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artstore.attributes import Extracted
from functions.storage_events.extraction import Document, Kind, Reading
from functions.storage_events.extraction.formats.pdf import join_words
from functions.storage_events.extraction.process import messages
from functions.storage_events.extraction.registry import BY_NAME
from tests.fakes import pdfs
from tests.support.ingesting.reading import EXTRACTION, QUICK
from tests.support.runs.examples import examples

PDF = "application/pdf"


def read(body: bytes, *, complete: bool = True) -> Reading:
    """Read what may be no PDF as one."""
    return EXTRACTION.read(Document(body=body, complete=complete), Kind(format=BY_NAME["pdf"]))


def outcome(body: bytes, *, complete: bool = True) -> tuple[str, str | None]:
    extracted = read(body, complete=complete).extracted
    return extracted.status, extracted.reason


def test_a_pdf_gives_title_author_pages_and_text() -> None:
    reading = read(pdfs.make_pdf("first page", "second page", title="Годовой отчёт", author="Анна"))
    assert reading.text.split() == ["first", "page", "second", "page"]
    assert reading.extracted == Extracted(
        status="ok",
        format="pdf",
        title="Годовой отчёт",
        author="Анна",
        pages=2,
        characters=len(reading.text),
    )


def test_a_pdf_without_information_has_none() -> None:
    extracted = read(pdfs.make_pdf("page")).extracted
    assert (extracted.status, extracted.title, extracted.author, extracted.pages) == ("ok", None, None, 1)


def test_title_and_author_are_read_from_xmp_where_the_information_lacks_them() -> None:
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        b'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">From XMP</rdf:li></rdf:Alt></dc:title>'
        b"<dc:creator><rdf:Seq><rdf:li>Anna</rdf:li><rdf:li>Ben</rdf:li></rdf:Seq></dc:creator>"
        b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    for stream, expected in ((xmp, ("From XMP", "Anna, Ben")), (b"<not XML", (None, None))):
        body = pdfs.assemble(
            [
                b"<< /Type /Catalog /Pages 2 0 R /Metadata 4 0 R >>",
                b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 100] >>",
                b"<< /Type /Metadata /Subtype /XML /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
            ]
        )
        extracted = read(body).extracted
        assert (extracted.status, extracted.title, extracted.author) == ("ok", *expected)


def test_a_title_is_one_clean_line_of_bounded_length() -> None:
    title = read(pdfs.make_pdf("page", title=" a\0b\r\n c " + "x" * 1000)).extracted.title
    assert title is not None
    assert title.startswith("ab c x")
    assert len(title) == messages.MAX_FIELD


def test_a_pdf_that_opens_without_a_password_is_read() -> None:
    assert read(pdfs.encrypt(pdfs.make_pdf("open"), user_password="")).text.strip() == "open"


def test_a_pdf_with_a_password_is_failed_encrypted() -> None:
    assert outcome(pdfs.encrypt(pdfs.make_pdf("secret"), user_password="x")) == ("failed", "encrypted")


@pytest.mark.parametrize("body", [b"", b"%PDF-1.7", b"%PDF-1.7\n%%EOF", b"no PDF at all", b"%PDF-" + b"\0" * 5000])
def test_what_is_no_pdf_inside_is_failed_damaged(body: bytes) -> None:
    assert outcome(body) == ("failed", "damaged")


def test_a_truncated_pdf_is_failed_damaged_wherever_it_was_cut() -> None:
    whole = pdfs.make_pdf("a", "b", "c")
    ends = range(9, whole.index(b"trailer"), 97)
    assert {outcome(whole[:end]) for end in ends} == {("failed", "damaged")}


def test_only_the_beginning_of_a_pdf_is_not_enough() -> None:
    assert outcome(pdfs.make_pdf("page"), complete=False) == ("failed", "too_large")


def test_one_bad_page_costs_only_itself() -> None:
    good = pdfs.make_pdf("first", "second")
    bad = good.replace(b"/Contents 5 0 R", b"/Contents (foo)")
    reading = read(bad)
    assert "second" in reading.text
    assert reading.extracted.pages == 2


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(pdfs.pages_in_a_circle(), ("failed", "damaged"), id="pages in a circle"),
        pytest.param(pdfs.form_in_a_circle(), ("ok", None), id="form in a circle"),
        pytest.param(pdfs.nested(100_000), ("failed", "unreadable_pages"), id="deep nesting"),
        pytest.param(pdfs.bomb(64), ("ok", None), id="64 MB in a page"),
        pytest.param(pdfs.bomb(300), ("failed", "unreadable_pages"), id="300 MB in a page"),
        pytest.param(
            pdfs.make_raw_pdf([b"BT (x) Tj ET " * 1_000_000]), ("partial", "cpu_limit"), id="a million operators"
        ),
    ],
)
def test_a_hostile_pdf_ends_within_the_limits(body: bytes, expected: tuple[str, str | None]) -> None:
    started = time.monotonic()
    assert outcome(body) == expected
    assert time.monotonic() - started < QUICK.wall_seconds + 1


def test_a_zip_bomb_that_calls_itself_pdf_is_never_unpacked() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * 50_000_000)
    assert outcome(file.getvalue()) == ("failed", "damaged")


@settings(max_examples=examples(20), deadline=None)
@given(st.integers(min_value=0), st.binary(min_size=1, max_size=30))
def test_a_pdf_with_bytes_overwritten_ends_with_an_outcome(at: int, noise: bytes) -> None:
    whole = bytearray(pdfs.make_pdf("some", "pages", title="t"))
    at %= len(whole)
    whole[at : at + len(noise)] = noise
    assert outcome(bytes(whole))[0] in ("ok", "partial", "failed")


def test_a_word_broken_at_a_lines_end_is_found_whole_and_as_it_stands() -> None:
    body = pdfs.make_raw_pdf([b"BT /F1 12 Tf 9 90 Td (alle Vertrags-) Tj 0 -14 Td (unterlagen sind) Tj ET"])
    words = read(body).text.split()
    assert words[:3] == ["alle", "Vertragsunterlagen", "sind"]
    assert "Vertrags-unterlagen" in words


@pytest.mark.parametrize(
    ("text", "kept", "other"),
    [
        ("Vertrags-\nunterlagen", "Vertragsunterlagen", "Vertrags-unterlagen"),
        ("Baden-\nWürttemberg", "Baden-Württemberg", "BadenWürttemberg"),
        ("VERTRAGS-\nUNTERLAGEN", "VERTRAGSUNTERLAGEN", "VERTRAGS-UNTERLAGEN"),
        ("до-\r\nговор", "договор", "до-говор"),
        ("Doku\u00ad\nmentation", "Dokumentation", "Doku-mentation"),
        ("con\u2010 \n tract", "contract", "con-tract"),
    ],
)
def test_both_readings_of_a_broken_word_are_kept(text: str, kept: str, other: str) -> None:
    assert join_words(f"a {text} b").split() == ["a", kept, "b", other]


@pytest.mark.parametrize("text", ["12-\n13", "a-\nb", "- item\n- item", "word -\n"])
def test_what_is_no_broken_word_stays(text: str) -> None:
    assert join_words(text) == text


def with_form(fields: bytes, *others: bytes) -> bytes:
    return pdfs.assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [" + fields + b"] >> >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 100] /Annots [4 0 R] >>",
            *others,
        ]
    )


def test_the_values_of_form_fields_are_read() -> None:
    body = with_form(
        b"4 0 R 5 0 R 7 0 R",
        b"<< /FT /Tx /T (name) /V (Feldwert) >>",
        b"<< /T (group) /Kids [6 0 R] >>",
        b"<< /FT /Tx /T (inner) /V <FEFF041404300020> >>",
        b"<< /FT /Ch /T (choice) /V [(eins) (zwei)] >>",
    )
    assert read(body).text.split() == ["Feldwert", "Да", "eins", "zwei"]


def test_fields_in_a_circle_and_ticks_are_passed_over() -> None:
    body = with_form(b"4 0 R 4 0 R", b"<< /FT /Btn /T (tick) /V /Yes /Kids [4 0 R 4 0 R] >>")
    extracted = read(body).extracted
    assert (extracted.status, extracted.characters) == ("ok", 1)


def test_the_words_of_notes_are_read() -> None:
    body = with_form(b"", b"<< /Type /Annot /Subtype /Text /Contents (bitte pruefen) >>")
    assert read(body).text.split() == ["bitte", "pruefen"]
