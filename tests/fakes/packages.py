"""ZIP files and the formats made of them, with just what a test is about."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
POWERPOINT = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
EPUB = "application/epub+zip"

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def make_zip(entries: Mapping[str, str | bytes], packed: bool = True) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def make_docx(body: str, **parts: str) -> bytes:
    """Give a Word document; ``body`` is WordprocessingML with the prefix w; parts are named word/NAME.xml."""
    others = {f"word/{name}.xml": f"<w:part {_W}>{content}</w:part>" for name, content in parts.items()}
    document = f"<w:document {_W}><w:body>{body}</w:body></w:document>"
    return make_zip({"[Content_Types].xml": "<Types/>", "word/document.xml": document, **others})


def make_xlsx(sheet: str, strings: str = "", styles: str = "") -> bytes:
    """Give a workbook of one sheet named "Kunden 2026"; ``sheet`` is the rows."""
    return make_zip(
        {
            "[Content_Types].xml": "<Types/>",
            "xl/workbook.xml": '<workbook><sheets><sheet name="Kunden 2026" sheetId="1"/></sheets></workbook>',
            "xl/sharedStrings.xml": f"<sst>{strings}</sst>",
            "xl/styles.xml": f"<styleSheet>{styles}</styleSheet>",
            "xl/worksheets/sheet1.xml": f"<worksheet><sheetData>{sheet}</sheetData></worksheet>",
        }
    )


def make_odf(kind: str, content: str, **others: str) -> bytes:
    """Give an OpenDocument file of the media type ``kind``; ``others`` are named NAME.xml."""
    return make_zip(
        {"mimetype": kind, "content.xml": content, **{f"{name}.xml": text for name, text in others.items()}}
    )


def make_epub(chapters: Mapping[str, str], spine: list[str]) -> bytes:
    items = "".join(f'<item id="{name}" href="text/{name}.xhtml"/>' for name in chapters)
    order = "".join(f'<itemref idref="{name}"/>' for name in spine)
    package = (
        '<package xmlns:dc="d"><metadata><dc:title>Das Buch</dc:title><dc:creator>Anna</dc:creator></metadata>'
        f"<manifest>{items}</manifest><spine>{order}</spine></package>"
    )
    return make_zip(
        {
            "mimetype": EPUB,
            "META-INF/container.xml": '<container><rootfile full-path="OEBPS/book.opf"/></container>',
            "OEBPS/book.opf": package,
            **{f"OEBPS/text/{name}.xhtml": text for name, text in chapters.items()},
        }
    )
