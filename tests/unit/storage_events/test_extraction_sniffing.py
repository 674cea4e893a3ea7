"""The bytes, not the declaration, say what a document is; the declaration stays what it was."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.storage_events.extraction.sniffing import choose_type, detect_type, sniff
from tests.fakes.pdfs import make_pdf
from tests.support.runs.examples import examples

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def make_zip(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "<x/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("body", "detected"),
    [
        (make_pdf("x"), "application/pdf"),
        (b"\r\n\r\n" + make_pdf("x"), "application/pdf"),
        (make_zip("a.txt"), "application/zip"),
        (make_zip("[Content_Types].xml", "word/document.xml"), DOCX),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(20), "image/jpeg"),
        (b"MZ\x90\x00" + bytes(100), "application/x-msdownload"),
        (b"\x7fELF\x02\x01\x01" + bytes(100), "application/x-executable"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "application/x-ole-storage"),
        (rb"{\rtf1\ansi text}", "application/rtf"),
        (b"BM is how this note begins", None),
        ("BM für Bäcker".encode("cp1252"), None),
        ("Größe".encode("utf-16"), None),
        ("Größe und mehr".encode("utf-16-le"), None),
        ("Обычный текст".encode(), None),
        ("обрезанный".encode()[:-1], None),
        (b"", None),
        (bytes(100), None),
    ],
)
def test_first_bytes_speak_of_a_type(body: bytes, detected: str | None) -> None:
    assert detect_type(body) == detected


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_looked_at_without_harm(body: bytes) -> None:
    detect_type(body)


@settings(deadline=None)
@given(
    st.sampled_from([b"PK\x03\x04", b"\x00\x00\x00\x18ftyp", b"RIFF", b"\xd0\xcf\x11\xe0", b"ID3"]),
    st.binary(max_size=99),
)
def test_any_bytes_after_a_signature_are_looked_at_without_harm(signature: bytes, body: bytes) -> None:
    detect_type(signature + body)


def test_a_declared_type_stays() -> None:
    assert choose_type("application/pdf", "application/x-msdownload") == "application/pdf"
    assert choose_type("text/plain; charset=utf-8", None) == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "declared", ["", " ", "application/octet-stream", "binary/octet-stream", "Application/Octet-Stream"]
)
def test_a_type_that_says_nothing_gives_way(declared: str) -> None:
    assert choose_type(declared, "image/png") == "image/png"
    assert choose_type(declared, None) == "application/octet-stream"


NOTHING = "application/octet-stream"
PAGE = b"<!DOCTYPE html><p>page</p>"
MAIL = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\n\r\ntext"


@pytest.mark.parametrize(
    ("body", "declared", "name", "format_name"),
    [
        (b"a note", NOTHING, "notes.txt", "text"),
        (b"a note", "binary/octet-stream", "readme.md", "text"),
        (b"a note", "", "", "text"),
        (b"id;name\n1;x\n", "application/vnd.ms-excel", "kunden.csv", "text"),
        (b"id;name\n1;x\n", "application/x-unheard-of", "kunden", "text"),
        (b"print('hello')", "text/x-python", "a.py", "text"),
        ("Größe".encode("cp1252"), NOTHING, "a", "text"),
        ("Größe und mehr".encode("utf-16-le"), NOTHING, "a", "text"),
        (b'{"a": 1}', "application/x-ndjson", "a", "json"),
        (b'{"a": 1}', "application/ld+json", "a", "json"),
        (b'{"a": 1}', "application/vnd.api+json; charset=utf-8", "a", "json"),
        (b'{"a": 1}', NOTHING, "a.geojson", "json"),
        (b"a: 1", "application/vnd.oai.openapi+yaml", "a", "text"),
        (b"<a/>", "application/atom+xml", "a", "xml"),
        (b"<?xml version='1.0'?><a/>", NOTHING, "a", "xml"),
        (b"<svg/>", "image/svg+xml", "a", "xml"),
        (PAGE, NOTHING, "a", "html"),
        (PAGE, "text/plain", "a", "html"),
        (PAGE, "application/pdf", "a.pdf", "html"),
        (b"<p>part of a page</p>", "text/html", "a", "html"),
        (b"<p>part of a page</p>", NOTHING, "a.html", "html"),
        (MAIL, "message/rfc822", "a", "eml"),
        (MAIL, NOTHING, "a.eml", "eml"),
        (MAIL, NOTHING, "a", "eml"),
        (MAIL, "text/plain", "a.txt", "text"),
        (rb"{\rtf1 x}", "application/msword", "a.doc", "rtf"),
        (make_zip("a"), "application/epub+zip", "a", "zip"),
        (b"\x1f\x8b\x08\x00" + bytes(20), "application/gzip", "a.tar.gz", "tar"),
        (b"\x00\x01\x02" * 50, "application/pdf", "a.pdf", "pdf"),
        (b"", "application/pdf", "a.pdf", "pdf"),
        (b"", NOTHING, "a", None),
        (bytes(100), NOTHING, "a", None),
        (b"\x00\x01\x02\x03" * 50, NOTHING, "a", None),
        (b"\x01\x00\x80\x02" * 50, "application/x-unheard-of", "a", None),
        (b"MZ\x90\x00" + bytes(100), "application/pdf", "a.pdf", None),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "text/plain", "a.txt", "image"),
    ],
)
def test_what_a_document_is_read_as(body: bytes, declared: str, name: str, format_name: str | None) -> None:
    found = sniff(body, declared, name).format
    assert (None if found is None else found.name) == format_name


@pytest.mark.parametrize(
    ("declared", "charset"),
    [
        ("text/plain; charset=koi8-r", "koi8-r"),
        ('text/plain; format=flowed; charset="UTF-8"', "UTF-8"),
        ("text/plain", None),
        ("text/plain; charset", None),
        ("; charset=x\ny", "x y"),
    ],
)
def test_the_declared_charset_is_taken_along(declared: str, charset: str | None) -> None:
    assert (sniff(b"text", declared).charset or None) == charset


@settings(deadline=None, max_examples=examples(50))
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_declaration_and_any_name_are_looked_at_without_harm(declared: str, name: str) -> None:
    sniff(b"text", declared, name)
