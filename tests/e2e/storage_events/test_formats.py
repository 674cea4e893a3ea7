"""What a person sees in a document is what it is found by, whatever format and charset it came in."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.e2e.archive import Archive, eventually
from tests.fakes import packages

NOTHING = "application/octet-stream"


def docx(word: str) -> bytes:
    return packages.make_docx(f"<w:p><w:t>{word}</w:t></w:p>")


def odt(word: str) -> bytes:
    return packages.make_odf(packages.ODT, f"<t>{word}</t>")


def json_of(word: str) -> bytes:
    return json.dumps({"ключ": f"{word} значение"}).encode()


@pytest.mark.parametrize(
    ("filename", "content_type", "make", "format_name"),
    [
        ("brief.txt", "text/plain", lambda word: f"Grüße, {word}ß".encode("cp1252"), "text"),
        ("notes.md", NOTHING, lambda word: f"notes {word}ß".encode(), "text"),
        ("kunden.csv", "application/vnd.ms-excel", lambda word: f"id;{word}ß\n".encode(), "text"),
        ("a.json", "application/json", lambda word: json_of(f"{word}ß"), "json"),
        ("a.html", "text/html", lambda word: f"<html><body><p>{word}&szlig;".encode(), "html"),
        ("a.docx", packages.WORD, lambda word: docx(f"{word}ß"), "docx"),
        ("a.odt", packages.ODT, lambda word: odt(f"{word}ß"), "odt"),
        ("a.eml", "message/rfc822", lambda word: f"Subject: x\r\n\r\n{word}ß".encode(), "eml"),
        ("a.zip", "application/zip", lambda word: packages.make_zip({f"{word}ß.pdf": "x"}), "zip"),
    ],
)
def test_a_document_is_found_by_its_text(
    archive: Archive, filename: str, content_type: str, make: Callable[[str], bytes], format_name: str
) -> None:
    word = f"wort{uuid4().hex[:12]}"
    file_id = archive.store(make(word), filename, content_type=content_type)
    extracted = archive.request("GET", f"/api/v1/files/{file_id}").json()["extracted"]
    assert (extracted["status"], extracted["format"]) == ("ok", format_name)
    assert eventually(lambda: archive.search(f"{word}ß") or None) == [file_id]


def test_a_charset_that_was_declared_is_believed(archive: Archive) -> None:
    word = f"договор{uuid4().hex[:8]}"
    file_id = archive.store(f"{word} аренды".encode("koi8-r"), "a.txt", content_type="text/plain; charset=koi8-r")
    assert eventually(lambda: archive.search(word) or None) == [file_id]
