"""Reads every format that is a ZIP: finds out by the entries which one it is, else lists them."""

from __future__ import annotations

from functions.storage_events.extraction.contract import Document, Facts, Report, StopReading
from functions.storage_events.extraction.formats import epub, excel, opendocument, powerpoint, word
from functions.storage_events.extraction.parsing.charsets import decode
from functions.storage_events.extraction.parsing.packages import MAX_LISTED, Package

_MIMETYPE_BYTES = 200
_UTF8_NAME = 0x800
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_OPEN_DOCUMENT_FORMATS = {
    "text": "odt", "text-template": "odt", "text-master": "odt",
    "spreadsheet": "ods", "spreadsheet-template": "ods",
    "presentation": "odp", "presentation-template": "odp", "graphics": "odp", "graphics-template": "odp",
}  # fmt: skip


def read(document: Document, report: Report) -> None:
    """Report what the package is and what it says."""
    package = Package(document)
    names = package.names()
    kind = _mimetype(package)
    if kind.startswith(_OPEN_DOCUMENT):
        report.is_a(_OPEN_DOCUMENT_FORMATS.get(kind.removeprefix(_OPEN_DOCUMENT), "odt"))
        opendocument.read(package, report)
    elif kind == "application/epub+zip" or package.has("META-INF/container.xml"):
        report.is_a("epub")
        epub.read(package, report)
    elif any(name.startswith("word/") for name in names) and word.main_part(package) is not None:
        report.is_a("docx")
        word.read(package, report)
    elif any(name.startswith("xl/") and name.endswith(".xml") for name in names):
        report.is_a("xlsx")
        excel.read(package, report)
    elif any(name.startswith("ppt/") and name.endswith(".xml") for name in names):
        report.is_a("pptx")
        powerpoint.read(package, report)
    else:
        report.is_a("zip")
        _list(package, report)


def _mimetype(package: Package) -> str:
    """Give what the entry ``mimetype`` says (ODF 1.3 part 2 §3.3), "" where there is none."""
    if not package.has("mimetype"):
        return ""
    try:
        return package.content("mimetype", _MIMETYPE_BYTES).decode("ascii", "replace").strip()
    except StopReading:
        return ""


def _list(package: Package, report: Report) -> None:
    report.facts(Facts(entries=len(package.entries)))
    for entry in package.entries[:MAX_LISTED]:
        name = entry.filename
        if not entry.flag_bits & _UTF8_NAME and not name.isascii():
            name = _renamed(name)
        report.text(name + "\n")
    if len(package.entries) > MAX_LISTED:
        report.lacking("too_many_entries")


def _renamed(name: str) -> str:
    """Give a name whose charset is not told: zipfile takes it for that of the first PC (APPNOTE.TXT §D.1)."""
    try:
        return decode(name.encode("cp437")).text
    except UnicodeEncodeError:
        return name
