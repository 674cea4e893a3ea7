"""What is read out of documents, and that a bad one is an outcome: never an exception, never without an end."""

from __future__ import annotations

import io
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artstore.attributes import Extracted
from functions.storage_events import extraction
from functions.storage_events.confinement import Limits
from functions.storage_events.extraction import Document, Extraction, Processor, Reading, Report, StopReading
from functions.storage_events.pdf import PdfProcessor
from functions.storage_events.plain_text import PlainTextProcessor
from tests.fakes import pdfs

PDF = "application/pdf"
QUICK = Limits(memory_bytes=256 * 1024 * 1024, cpu_seconds=1, wall_seconds=4.0)
PROCESSORS: list[Processor] = [PdfProcessor(), PlainTextProcessor()]


def read(body: bytes, content_type: str = PDF, *, complete: bool = True) -> Reading:
    return Extraction(PROCESSORS, QUICK).read(Document(body=body, complete=complete), content_type)


def outcome(body: bytes, content_type: str = PDF, *, complete: bool = True) -> tuple[str, str | None]:
    extracted = read(body, content_type, complete=complete).extracted
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


def test_a_title_is_one_clean_line_of_bounded_length() -> None:
    title = read(pdfs.make_pdf("page", title=" a\0b\r\n c " + "x" * 1000)).extracted.title
    assert title is not None
    assert title.startswith("ab c x")
    assert len(title) == extraction.MAX_FIELD


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
    assert outcome(file.getvalue(), "application/zip") == ("unsupported", None)


@settings(max_examples=30, deadline=None)
@given(st.integers(min_value=0), st.binary(min_size=1, max_size=30))
def test_a_pdf_with_bytes_overwritten_ends_with_an_outcome(at: int, noise: bytes) -> None:
    whole = bytearray(pdfs.make_pdf("some", "pages", title="t"))
    at %= len(whole)
    whole[at : at + len(noise)] = noise
    assert outcome(bytes(whole))[0] in ("ok", "partial", "failed")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Привет, world".encode(), "Привет, world"),
        ("Привет".encode("utf-8-sig"), "Привет"),
        ("Привет".encode("utf-16"), "Привет"),
        ("Привет".encode("cp1251"), "Привет"),
        (b"", ""),
        (b"a\0b", "ab"),
    ],
)
def test_text_is_read_in_the_encodings_it_comes_in(body: bytes, expected: str) -> None:
    if b"\0" in body and not body.startswith(b"\xff\xfe"):
        body += b" " * 200
    reading = read(body, "text/plain; charset=whatever")
    assert reading.text.strip() == expected
    assert (reading.extracted.status, reading.extracted.format) == ("ok", "text")


def test_the_beginning_of_a_text_is_partial_and_may_end_inside_a_character() -> None:
    reading = read("отчёт".encode()[:-1], "text/csv", complete=False)
    assert reading.text == "отчё"
    assert (reading.extracted.status, reading.extracted.reason) == ("partial", "too_large")


def test_bytes_that_call_themselves_text_are_failed() -> None:
    assert outcome(bytes(1000), "text/plain") == ("failed", "not_text")


def test_more_text_than_is_kept_is_partial() -> None:
    reading = read(b"word " * 100_000, "text/plain")
    assert (reading.extracted.status, reading.extracted.reason) == ("partial", "text_limit")
    assert len(reading.text) == reading.extracted.characters == extraction.MAX_TEXT


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", "", "text/html", "x"])
def test_types_without_a_processor_are_unsupported(content_type: str) -> None:
    assert outcome(b"anything", content_type) == ("unsupported", None)


class Slow:
    """Reports facts and a page every tenth of a second, and never ends by itself."""

    format = "slow"

    def can_process(self, content_type: str) -> bool:
        return True

    def process(self, document: Document, report: Report) -> None:
        report.facts(title="known early", pages=9)
        while True:
            report.text("page ")
            time.sleep(0.1)


class Stuck(Slow):
    """Reports facts and a page, and is never heard of again."""

    def process(self, document: Document, report: Report) -> None:
        report.facts(title="known early", pages=9)
        report.text("page ")
        time.sleep(60)


class Refusing(Slow):
    """Stops with a reason of its own."""

    def process(self, document: Document, report: Report) -> None:
        raise StopReading("failed", "because")


@pytest.mark.parametrize("processor", [Slow(), Stuck()])
def test_what_was_read_before_the_time_was_up_is_kept(processor: Processor) -> None:
    reading = Extraction([processor], Limits(wall_seconds=0.6)).read(Document(body=b""), "any")
    assert (reading.extracted.status, reading.extracted.reason) == ("partial", "time_limit")
    assert (reading.extracted.title, reading.extracted.pages) == ("known early", 9)
    assert reading.text.startswith("page ")


def test_the_first_processor_that_can_is_asked() -> None:
    registry = Extraction([PlainTextProcessor(), Refusing(), Slow()])
    assert registry.read(Document(body=b"x"), "text/plain").extracted.status == "ok"
    extracted = registry.read(Document(body=b"x"), "image/png").extracted
    assert (extracted.status, extracted.reason) == ("failed", "because")
