"""A confined reader can load no module, so all that it needs is loaded before."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

from functions.storage_events.extraction.registry import BY_NAME
from tests.fakes import packages, pdfs
from tests.unit.storage_events import test_extraction_formats as formats
from tests.unit.storage_events import test_extraction_office as office

SAMPLES: dict[str, list[bytes]] = {
    "text": [b"plain", "Größe für Bäcker".encode("cp1252"), "Größe und mehr".encode("utf-16-le"), b'{"a": "b"}'],
    "json": [b'{"a": "\\u00e4"}', b"{broken \\u00e4"],
    "xml": [b"<a>b</a>", b"<a>&uuml;<b>"],
    "html": [b"<p>page &uuml;</p>"],
    "eml": [formats.MAIL, "Subject: Grüße\n\nx".encode("cp1252")],
    "rtf": [rb"{\rtf1{\fonttbl{\f1\fcharset128 x;}}\f1 \'8c\'a9}"],
    "pdf": [
        pdfs.make_pdf("page", title="t", author="a"),
        pdfs.encrypt(pdfs.make_pdf("page"), user_password=""),
        pdfs.encrypt(pdfs.make_pdf("page"), user_password="x"),
        pdfs.make_pdf("page")[:-200],
    ],
    "zip": [
        packages.make_docx("<w:t>x</w:t>"),
        packages.make_xlsx("<row><c t='s'><v>0</v></c></row>", "<si><t>x</t></si>"),
        packages.make_odf(packages.ODT, "<t>x</t>", meta=office.META),
        packages.make_epub({"a": "<p>x</p>"}, ["a"]),
        packages.make_zip({"Übersicht": "x"}),
        packages.make_zip({"a": "x"})[:-30],
    ],
    "tar": [formats.make_tape(mode) for mode in ("w", "w:gz", "w:bz2", "w:xz")],
    "image": [formats.make_png(1, 1), formats.make_jpeg(1, 1, formats.EXIF), b"GIF89a", *formats.OTHER_PICTURES],
    "audio": [formats.make_mp3(), formats.make_wave(), b"OggS" + bytes(60), b"fLaC" + bytes(60)],
    "office_97": [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)],
}


def test_no_reader_loads_a_module_while_it_reads() -> None:
    assert {BY_NAME[name].reader for name in SAMPLES} == {each.reader for each in BY_NAME.values()}
    documents = {
        BY_NAME[name].reader: [base64.b64encode(body).decode() for body in bodies]
        for name, bodies in SAMPLES.items()
    }
    start = (
        f"import sys; sys.path[:] = {sys.path!r}; from tests.support.ingesting.late_imports import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", start],
        input=json.dumps(documents), capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
