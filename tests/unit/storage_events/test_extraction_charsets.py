"""Text is read in the charset it is in: marked, declared, or told by the text; what is not understood says so."""

from __future__ import annotations

import pytest

from functions.storage_events.extraction.parsing.charsets import decode
from tests.support.ingesting.reading import outcome, read, text_of

LINES = {
    "cp1252": [
        "Gewürzmühle für größere Mengen", "Hôpital général", "Übersicht", "Straße", "Señor Muñoz, mañana",
        "São Paulo não é a capital", "Preis: 15,50 € für größere Äpfel", "café", "déjà vu", "Größe;Höhe\n12;Öl",
        "Les élèves ont mangé à la cantine l'été dernier.", "Facture n° 12 — réglée",
    ],
    "cp1251": [
        "Договор аренды", "Привет, мир", "накладная", "Счёт-фактура № 15 от 1 мая", "ООО «Ромашка»",
        "ДОГОВОР ПОСТАВКИ",
    ],
    "koi8-r": ["Договор аренды", "накладная", "Журнал регистрации входящих документов"],
    "cp866": ["Договор аренды", "Привет, мир", "Акт выполненных работ по договору"],
    "cp1250": ["Zażółć gęślą jaźń", "Účtenka za služby", "Česká republika", "Árvíztűrő tükörfúrógép", "Łódź"],
    "iso8859-2": ["Wrocław, ulica Świętokrzyska", "Żądanie zapłaty za usługę"],
    "cp1253": ["Συμφωνητικό μίσθωσης"],
    "shift_jis": ["見積書", "こんにちは世界", "カタカナ"],
    "euc-jp": ["株式会社サンプルの請求書です。"],
    "iso2022_jp": ["株式会社サンプルの請求書です。"],
    "gb18030": ["合同", "租赁合同 第15号", "北京市海淀区"],
    "big5": ["合約書", "發票金額為一百元"],
    "euc-kr": ["계약서", "임대차 계약서 제15호"],
    "utf-16-le": ["Lieferschein 4711", "Договор аренды", "Größe über alles\r\nzweite Zeile\r\n"],
    "utf-16-be": ["Lieferschein 4711", "Договор аренды"],
}  # fmt: skip


@pytest.mark.parametrize(("charset", "line"), [(name, line) for name, lines in LINES.items() for line in lines])
def test_one_line_in_a_charset_that_nobody_declared_is_understood(charset: str, line: str) -> None:
    decoded = decode(line.encode(charset))
    assert (decoded.text, decoded.reason) == (line, None)


@pytest.mark.parametrize(
    "charset", ["utf-8-sig", "utf-16", "utf-32", "utf-32-be", "utf-16-be", "utf-16-le", "cp1251", "latin-1"]
)
def test_a_mark_or_a_declaration_is_believed(charset: str) -> None:
    line = "Größe" if charset == "latin-1" else "Приказ № 5" if charset == "cp1251" else "Größe, Приказ, 見積書"
    assert text_of(line.encode(charset), f"text/plain; charset={charset}") == line


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_goes_before_a_declaration(mark: str) -> None:
    assert text_of("Größe".encode(mark), "text/plain; charset=koi8-r") == "Größe"


@pytest.mark.parametrize(
    ("declared", "body"),
    [
        ("text/plain; charset=utf-8", "Größe für Bäcker".encode("cp1252")),
        ("text/plain; charset=utf-16", "Größe für Bäcker".encode()),
        ("text/plain; charset=iso-8859-1", "Größe für Bäcker".encode()),
        ("text/plain; charset=no-such-thing", "Größe für Bäcker".encode()),
        ("text/plain; charset=base64", "Größe für Bäcker".encode()),
        ("text/plain; charset=unicode_escape", "Größe für Bäcker".encode("cp1252")),
        ("text/plain; charset", "Größe für Bäcker".encode()),
        ('text/plain; charset="ISO-8859-15"', "Größe für Bäcker".encode("iso-8859-15")),
        ("TEXT/PLAIN;CHARSET=Windows-1252", "Größe für Bäcker".encode("cp1252")),
        ("text/plain; charset=utf-16", "Größe für Bäcker".encode("utf-16-be")),
    ],
)
def test_a_declaration_that_is_wrong_or_odd_does_no_harm(declared: str, body: bytes) -> None:
    assert text_of(body, declared) == "Größe für Bäcker"


def test_what_the_web_calls_latin_1_has_quotes_and_the_euro() -> None:
    assert text_of("„15 €“".encode("cp1252"), "text/plain; charset=iso-8859-1") == "„15 €“"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ('<?xml version="1.0" encoding="ISO-8859-1"?><r>Prüfstück</r>'.encode("latin-1"), "a.xml"),
        ("<?xml version='1.0' encoding='windows-1251'?><r>Prüfstück</r>".encode(), "a.xml"),
        ('<html><head><meta charset="iso-8859-1"></head>Prüfstück'.encode("latin-1"), "a.html"),
        (
            '<html><meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">Prüfstück'.encode(
                "latin-1"
            ),
            "a.html",
        ),
        ('<html><meta charset="utf-16">Prüfstück'.encode(), "a.html"),
    ],
)
def test_a_declaration_inside_is_read(body: bytes, name: str) -> None:
    assert text_of(body, "application/octet-stream", name) == "Prüfstück"


def test_a_text_with_a_few_damaged_places_is_read_and_partial() -> None:
    body = ("Ein Protokoll über größere Änderungen.\n" * 20).encode() + b"\xff broken\n"
    assert outcome(body, "text/plain") == ("partial", "encoding_errors")
    assert "größere" in read(body, "text/plain").text


@pytest.mark.parametrize("body", ["Größe über".encode("cp437"), bytes(range(0x80, 0x100))])
def test_a_text_that_is_not_understood_is_partial(body: bytes) -> None:
    assert outcome(body, "text/plain") == ("partial", "encoding_unknown")


@pytest.mark.parametrize("body", [bytes(1000), bytes(range(256)) * 4, b"\x01\x02\x03" * 50])
def test_bytes_that_call_themselves_text_are_failed(body: bytes) -> None:
    assert outcome(body, "text/plain") == ("failed", "not_text")


def test_a_foreign_line_late_in_a_long_text_is_understood() -> None:
    body = b"plain line\n" * 30_000 + "Gewürzmühle für größere Mengen\n".encode("cp1252")
    assert decode(body).text.endswith("Gewürzmühle für größere Mengen\n")
