"""What a person sees in a document is what it is found by, whatever format and charset it came in."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from tests.e2e.archive import Archive, eventually
from tests.fakes import packages

WORD = f"word{uuid4().hex[:12]}"
NOTHING = "application/octet-stream"


@pytest.mark.parametrize(
    ("filename", "content_type", "body", "format_name"),
    [
        ("brief.txt", "text/plain", f"Grüße, {WORD}0".encode("cp1252"), "text"),
        ("notes.md", NOTHING, f"notes {WORD}1".encode(), "text"),
        ("kunden.csv", "application/vnd.ms-excel", f"id;{WORD}2\n".encode(), "text"),
        ("a.json", "application/json", json.dumps({"ключ": f"{WORD}3 значение"}).encode(), "json"),
        ("a.html", "text/html", f"<html><body><p>{WORD}4".encode(), "html"),
        ("a.docx", packages.WORD, packages.make_docx(f"<w:p><w:t>{WORD}5</w:t></w:p>"), "docx"),
        ("a.odt", packages.ODT, packages.make_odf(packages.ODT, f"<t>{WORD}6</t>"), "odt"),
        ("a.eml", "message/rfc822", f"Subject: x\r\n\r\n{WORD}7".encode(), "eml"),
        ("a.zip", "application/zip", packages.make_zip({f"{WORD}8.pdf": "x"}), "zip"),
    ],
)
def test_a_document_is_found_by_its_text(
    archive: Archive, filename: str, content_type: str, body: bytes, format_name: str
) -> None:
    """The word is looked for in the text alone: it is in no name and no attribute."""
    file_id = archive.store(body, filename, content_type=content_type)
    extracted = archive.request("GET", f"/api/v1/files/{file_id}").json()["extracted"]
    assert (extracted["status"], extracted["format"]) == ("ok", format_name)
    word = next(each for each in (f"{WORD}{number}" for number in range(9)) if each.encode() in body)
    assert eventually(lambda: archive.search(word) or None) == [file_id]


def test_a_charset_that_was_declared_is_believed(archive: Archive) -> None:
    word = f"договор{uuid4().hex[:8]}"
    file_id = archive.store(f"{word} аренды".encode("koi8-r"), "a.txt", content_type="text/plain; charset=koi8-r")
    assert eventually(lambda: archive.search(word) or None) == [file_id]
