"""The bytes, not the declaration, say what a document is; the declaration stays what it was."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.storage_events.sniffing import choose_type, detect_type
from tests.fakes.pdfs import make_pdf

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
        (b"BM is how this note begins", None),
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
