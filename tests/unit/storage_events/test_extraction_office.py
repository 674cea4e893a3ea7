"""What is read out of office documents and books: all that a person sees, title, author and pages."""

from __future__ import annotations

import pytest

from tests.fakes import packages
from tests.fakes.packages import make_docx, make_epub, make_odf, make_xlsx, make_zip
from tests.support.ingesting.reading import outcome, read, text_of

CORE = (
    '<cp:coreProperties xmlns:cp="c" xmlns:dc="d"><dc:title>Отчёт</dc:title><dc:creator>Анна</dc:creator>'
    "</cp:coreProperties>"
)


def test_a_word_document_is_read_with_all_that_stands_around_its_body() -> None:
    body = (
        "<w:p><w:r><w:t>Wort</w:t></w:r><w:r><w:t>teile</w:t></w:r><w:tab/><w:r><w:t>danach</w:t></w:r></w:p>"
        "<w:tbl><w:tr><w:tc><w:p><w:t>Zelle</w:t></w:p></w:tc><w:tc><w:p><w:t>daneben</w:t></w:p></w:tc></w:tr></w:tbl>"
    )
    document = make_docx(
        body, header1="<w:t>Kopf</w:t>", footnotes="<w:t>Fußnote</w:t>", comments="<w:t>Randnotiz</w:t>"
    )
    assert text_of(document) == "Wortteile danach Zelle daneben Randnotiz Fußnote Kopf"


def test_what_is_not_shown_in_a_word_document_is_not_read() -> None:
    body = (
        "<w:p><w:t>da</w:t><w:del><w:r><w:delText>geloescht</w:delText></w:r></w:del><w:instrText>PAGE</w:instrText>"
        "<mc:AlternateContent xmlns:mc='m'><mc:Choice><w:t> Kasten</w:t></mc:Choice>"
        "<mc:Fallback><w:t>Kasten</w:t></mc:Fallback></mc:AlternateContent></w:p>"
    )
    assert text_of(make_docx(body)) == "da Kasten"


def test_properties_of_office_documents_are_facts() -> None:
    extracted = read(
        make_zip(
            {
                "docProps/core.xml": CORE,
                "docProps/app.xml": "<Properties><Pages>12</Pages></Properties>",
                "word/document.xml": "<d><t>x</t></d>",
            }
        )
    ).extracted
    assert (extracted.title, extracted.author, extracted.pages) == ("Отчёт", "Анна", 12)


@pytest.mark.parametrize("pages", ["0", "-1", "many", "99999999999999999999", ""])
def test_a_count_that_makes_no_sense_is_none(pages: str) -> None:
    entries = {"docProps/app.xml": f"<P><Pages>{pages}</Pages></P>", "word/document.xml": "<d><t>x</t></d>"}
    extracted = read(make_zip(entries)).extracted
    assert (extracted.status, extracted.pages) == ("ok", None)


def test_a_workbook_is_read_row_by_row() -> None:
    document = make_xlsx(
        '<row><c t="s"><v>1</v></c><c t="s"><v>0</v></c></row><row><c><v>12.5</v></c><c t="inlineStr"><is><t>Text'
        '</t></is></c><c t="str"><f>A1</f><v>Formel</v></c><c t="b"><v>1</v></c></row>'
        '<row><c t="s"><v>9</v></c></row>',
        "<si><t>Müller</t></si><si><r><t>Kun</t></r><r><t>de</t></r><rPh><t>クンデ</t></rPh></si>",
    )
    reading = read(document)
    assert reading.text.splitlines()[:3] == ["Kunden 2026", "Kunde\tMüller\t", "12.5\tText\tFormel\t1\t"]
    assert reading.extracted.status == "ok"


@pytest.mark.parametrize(
    ("value", "style", "shown"),
    [
        ("45000", 1, "2023-03-15"),
        ("45000.75", 1, "2023-03-15 18:00"),
        ("0.5", 1, "12:00"),
        ("45000", 2, "2023-03-15"),
        ("45000", 3, "45000"),
        ("45000", 0, "45000"),
        ("-1", 1, "-1"),
        ("1e300", 1, "1e300"),
        ("nan", 1, "nan"),
        ("0.30000000000000004", 0, "0.3"),
        ("x", 1, "x"),
    ],
)
def test_numbers_and_dates_are_read_as_they_are_shown(value: str, style: int, shown: str) -> None:
    styles = (
        '<numFmts><numFmt numFmtId="164" formatCode="dd\\.mm\\.yyyy"/>'
        '<numFmt numFmtId="165" formatCode="0 &quot;days&quot;"/>'
        '</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
        '<xf numFmtId="164"/><xf numFmtId="165"/></cellXfs>'
    )
    document = make_xlsx(f'<row><c s="{style}"><v>{value}</v></c></row>', styles=styles)
    assert text_of(document) == f"Kunden 2026 {shown}"


def test_a_presentation_is_read_slide_after_slide() -> None:
    slides = {f"ppt/slides/slide{n}.xml": f"<s><p><t>Folie {n}</t></p></s>" for n in (10, 2, 1)}
    reading = read(make_zip({**slides, "ppt/notesSlides/notesSlide1.xml": "<n><p><t>Notiz</t></p></n>"}))
    assert reading.text.split("\n")[0:5:2] == ["Folie 1", "Folie 2", "Folie 10"]
    assert "Notiz" in reading.text
    assert (reading.extracted.format, reading.extracted.pages) == ("pptx", 3)


META = (
    "<m><meta><title>Das Protokoll</title><initial-creator>Anna</initial-creator><creator>Ben</creator>"
    '<document-statistic page-count="7"/></meta></m>'
)


def test_an_opendocument_text_is_read() -> None:
    content = (
        "<c><p>Wort<span>teil</span><s c='2'/>x<tab/>y</p><h>Titel</h><annotation><p>Randnotiz</p></annotation>"
        "<tracked-changes><p>geloescht</p></tracked-changes></c>"
    )
    styles = "<s><style><p>Vorlage</p></style><master><header><p>Kopf</p></header></master></s>"
    document = make_odf(packages.ODT, content, meta=META, styles=styles)
    extracted = read(document).extracted
    assert text_of(document) == "Wortteil x y Titel Randnotiz Kopf"
    assert (extracted.format, extracted.title, extracted.author, extracted.pages) == (
        "odt",
        "Das Protokoll",
        "Anna",
        7,
    )


def test_an_opendocument_spreadsheet_and_presentation_are_read() -> None:
    table = (
        "<c><table name='Blatt'><table-row><table-cell><p>a</p></table-cell>"
        "<table-cell><p>b</p></table-cell></table-row></table></c>"
    )
    assert text_of(make_odf(packages.ODS, table)) == "Blatt a b"
    slides = "<c><page master-page-name='m'><p>eins</p></page><page master-page-name='m'><p>zwei</p></page></c>"
    extracted = read(make_odf(packages.ODP, slides)).extracted
    assert (extracted.format, extracted.pages, extracted.characters) == ("odp", 2, 12)


def test_a_book_is_read_in_the_order_of_its_spine() -> None:
    document = make_epub({"a": "<p>erstes</p>", "b": "<p>zweites &amp; &uuml;ber</p>"}, ["b", "a"])
    extracted = read(document).extracted
    assert text_of(document) == "zweites & über erstes"
    assert (extracted.format, extracted.title, extracted.author) == ("epub", "Das Buch", "Anna")


@pytest.mark.parametrize(
    ("document", "format_name", "detected"),
    [
        (make_docx("<w:t>x</w:t>"), "docx", packages.WORD),
        (make_zip({"docProps/a.xml": "<a/>", "word/document2.xml": "<t>x</t>"}), "docx", packages.WORD),
        (make_zip({"xl/workbook.xml": "<w/>"}), "xlsx", packages.EXCEL),
        (make_odf(packages.ODT, "<t>x</t>"), "odt", packages.ODT),
        (make_epub({"a": "x"}, ["a"]), "epub", packages.EPUB),
        (make_zip({"word/readme.txt": "x"}), "zip", "application/zip"),
    ],
)
def test_what_a_package_is_its_entries_tell(document: bytes, format_name: str, detected: str) -> None:
    extracted = read(document, "application/octet-stream", "x.bin").extracted
    assert (extracted.format, extracted.detected_type) == (format_name, detected)


@pytest.mark.parametrize("kind", [packages.ODT, packages.ODS])
def test_an_encrypted_opendocument_is_failed_encrypted(kind: str) -> None:
    manifest = "<m><file-entry><encryption-data/></file-entry></m>"
    entries: dict[str, str | bytes] = {
        "mimetype": kind,
        "content.xml": b"\x00\x01",
        "META-INF/manifest.xml": manifest,
    }
    assert outcome(make_zip(entries)) == ("failed", "encrypted")


def test_an_encrypted_office_document_is_failed_encrypted() -> None:
    names = "EncryptionInfo EncryptedPackage".encode("utf-16-le")
    body = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + names
    assert outcome(body, packages.WORD, "a.docx") == ("failed", "encrypted")
    assert outcome(body.replace(names, b""), "application/msword", "a.doc") == ("unsupported", None)
