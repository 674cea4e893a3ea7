"""What is read out of text in its kinds, web pages, mail, RTF, pictures, sound and archives."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import wave
import zipfile
import zlib

import pytest

from artstore.attributes import Extracted
from functions.storage_events.extraction import Document, Extraction, sniff
from tests.fakes.packages import make_zip
from tests.support.ingesting.reading import QUICK, outcome, read, text_of


def test_colours_of_a_terminal_are_dropped() -> None:
    log = "\x1b[1;31mError\x1b[0mText \x1b]8;;http://x\x1b\\Link\x1b]8;;\x07 b\x08bold\x08d\n"
    assert text_of(log.encode(), "text/plain") == "ErrorText Link bold"


def test_json_is_read_by_names_and_values() -> None:
    value = {"titel": "Überweisung", "liste": [12.5, -3, True, None, {"ключ": "накладная\n2"}], "emoji": "😀"}
    words = "titel Überweisung liste 12.5 -3 ключ накладная 2 emoji 😀"
    assert text_of(json.dumps(value).encode(), "application/json") == words
    assert text_of(json.dumps(value, ensure_ascii=False).encode(), "application/ld+json") == words
    assert text_of(json.dumps(value).encode()) == words


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\n\x1e", ",\n"])
def test_json_lines_are_read_line_by_line(separator: str) -> None:
    body = separator.join([json.dumps({"m": "первая"}), json.dumps({"m": "zweite"})])
    assert text_of(body.encode(), "application/x-ndjson") == "m первая m zweite"


@pytest.mark.parametrize("body", ['{"a": "\\u00dcber', "{'a': 'Über'}", "{ Über }", "[[[[ Über"])
def test_broken_json_is_plain_text(body: str) -> None:
    assert "Über" in text_of(body.encode(), "application/json")


def test_a_json_escape_of_half_a_character_is_dropped() -> None:
    assert "bc" in text_of(rb'{"a": "b\ud83dc"}', "application/json")


def test_xml_is_read_as_text_and_attribute_values() -> None:
    body = (
        '<?xml version="1.0"?><a xmlns="http://x" n="Wert &#252;ber"><b>Pr&#xFC;f</b><b>stück</b><!-- no --></a>'
    )
    assert text_of(body.encode(), "application/xml") == "Wert über Prüf stück"


@pytest.mark.parametrize(
    "body", ["<a>Prüf&#252;<b>stück</a>", '<!DOCTYPE a [<!ENTITY e "no">]><a>Prüfü <b>stück</b></a>']
)
def test_xml_that_is_not_well_formed_or_has_a_doctype_is_read_without_its_tags(body: str) -> None:
    assert text_of(body.encode(), "application/xml").split() in (["Prüfü", "stück"], ["Prüfü", "Prüfü", "stück"])


def test_a_page_is_read_as_a_browser_shows_it() -> None:
    body = (
        "<!doctype html><html><head><title>Der &Uuml;berblick</title><meta name=Author content='Anna'>"
        "<meta name=description content='Kurz gesagt'><style>p{}</style><script>var nichts=1</script></head><body>"
        "<p>Web<b>sei</b>te<p>zweiter<div>Absatz</div>&lt;b&gt;<br>neu<img alt='Hafenbild'>"
        "<table><tr><td>a<td>b</table>"
        "<template>unsichtbar</template><noscript>ohne</noscript><input value='Eingabe'>"
        "<input type=hidden value='x'>"
        "<!-- Kommentar --></body>"
    )
    reading = read(body.encode(), "text/html")
    assert " ".join(reading.text.split()) == (
        "Kurz gesagt Webseite zweiter Absatz <b> neu Hafenbild a b ohne Eingabe"
    )
    assert (reading.extracted.title, reading.extracted.author) == ("Der Überblick", "Anna")


MAIL = b"""From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r
To: anna@example.org\r
Subject: =?koi8-r?B?5M/Hz9fP0g==?= 15\r
Date: Mon, 2 Mar 2026 10:00:00 +0100\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: multipart/alternative; boundary=c\r
\r
--c\r
Content-Type: text/plain; charset=iso-8859-1\r
Content-Transfer-Encoding: quoted-printable\r
\r
Gr=FC=DFe=\r
n\r
--c\r
Content-Type: text/html; charset=utf-8\r
Content-Transfer-Encoding: base64\r
\r
PHA+c2Now7ZuPC9wPg==\r
--c--\r
--b\r
Content-Type: application/pdf\r
Content-Disposition: attachment; filename*=utf-8''%C3%9Cbersicht.pdf\r
\r
%PDF-nothing\r
--b\r
Content-Type: message/rfc822\r
\r
Subject: weitergeleitet\r
\r
innen\r
--b--\r
"""


def test_a_mail_is_read_with_headers_parts_and_names_of_attachments() -> None:
    reading = read(MAIL, "message/rfc822")
    assert (reading.extracted.title, reading.extracted.author) == ("Договор 15", "Jörg")
    words = " ".join(reading.text.split())
    for each in ("Договор 15", "Grüßen", "schön", "Übersicht.pdf", "weitergeleitet", "innen", "anna@example.org"):
        assert each in words
    assert "nothing" not in words


def test_a_mail_in_eight_bits_without_a_charset_is_understood() -> None:
    body = "Subject: Grüße\r\nFrom: a@example.org\r\n\r\nAlles für größere Mengen\r\n"
    for charset in ("utf-8", "cp1252"):
        assert text_of(body.encode(charset), "message/rfc822") == "Grüße a@example.org Alles für größere Mengen"


def test_rtf_is_read_in_the_charsets_of_its_fonts() -> None:
    body = (
        rb"{\rtf1\ansi\ansicpg1252\uc1{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}}{\stylesheet Stil;}"
        rb"{\info{\title Der Titel}{\author J\'f6rg}{\nofpages3}}{\header Kopf\par}\pard Gr\'fc\'dfe \u8364? "
        rb"{\f1 \'c4\'ee\'e3\'ee\'e2\'ee\'f0}\par\b fett\b0 er{\*\unknown weg}{\v versteckt}\emdash \{x\}"
        rb"{\pict 00ff}"
        rb"{\field{\*\fldinst HYPERLINK x}{\fldrslt Verweis}} \u-10179?\u-8704?}"
    )
    extracted = read(body).extracted
    assert text_of(body) == "Kopf Grüße € Договор fetter—{x}Verweis 😀"
    assert (extracted.format, extracted.title, extracted.author, extracted.pages) == (
        "rtf",
        "Der Titel",
        "Jörg",
        3,
    )


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def make_png(width: int, height: int) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


def make_tiff(
    entries: list[tuple[int, int, int, bytes]], gps: list[tuple[int, int, int, bytes]] | None = None
) -> bytes:
    """Give the EXIF of a picture: directories of (tag, type, count, value), little-endian (TIFF 6.0 §2)."""
    gps = gps or []
    first = 8
    second = first + 2 + 12 * (len(entries) + bool(gps)) + 4
    data_at = second + (2 + 12 * len(gps) + 4 if gps else 0)
    data = bytearray()
    if gps:
        entries = [*entries, (0x8825, 4, 1, struct.pack("<I", second))]

    def directory(fields: list[tuple[int, int, int, bytes]]) -> bytes:
        out = struct.pack("<H", len(fields))
        for tag, kind, count, value in sorted(fields):
            if len(value) > 4:
                place = data_at + len(data)
                data.extend(value)
                value = struct.pack("<I", place)
            out += struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")
        return out + bytes(4)

    directories = directory(entries) + (directory(gps) if gps else b"")
    return b"II*\0" + struct.pack("<I", first) + directories + bytes(data)


def make_jpeg(width: int, height: int, exif: bytes = b"") -> bytes:
    app1 = b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif if exif else b""
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0" + app1 + frame + b"\xff\xd9"


def ascii_tag(tag: int, text: str) -> tuple[int, int, int, bytes]:
    raw = text.encode() + b"\0"
    return tag, 2, len(raw), raw


PLACE = [
    (1, 2, 2, b"N\0"), (2, 5, 3, struct.pack("<6I", 48, 1, 8, 1, 30, 1)),
    (3, 2, 2, b"W\0"), (4, 5, 3, struct.pack("<6I", 11, 1, 30, 1, 0, 1)),
]  # fmt: skip
EXIF = make_tiff(
    [
        ascii_tag(0x010E, "Der Hafen im Frühjahr"), ascii_tag(0x010F, "Canon"), ascii_tag(0x0110, "Canon EOS R5"),
        (0x0112, 3, 1, struct.pack("<H", 6)), ascii_tag(0x0132, "2026:03:01 12:30:00"), ascii_tag(0x013B, "Anna"),
    ],
    PLACE,
)  # fmt: skip


def test_a_picture_tells_its_size_as_it_is_shown_and_its_exif() -> None:
    extracted = read(make_jpeg(600, 400, EXIF)).extracted
    assert extracted == Extracted(
        status="ok", format="image", detected_type="image/jpeg", title="Der Hafen im Frühjahr", author="Anna",
        characters=extracted.characters, width=400, height=600, taken_at="2026-03-01T12:30:00",
        camera="Canon EOS R5", latitude=48.141667, longitude=-11.5,
    )  # fmt: skip
    assert read(make_jpeg(600, 400, EXIF)).text.split("\n")[0] == "Der Hafen im Frühjahr"


def test_where_a_picture_was_taken_is_dropped_unless_it_is_to_be_kept() -> None:
    body = make_jpeg(600, 400, EXIF)
    extracted = Extraction(QUICK).read(Document(body=body), sniff(body, "image/jpeg")).extracted
    assert (extracted.width, extracted.latitude, extracted.longitude) == (400, None, None)


OTHER_PICTURES = [
    b"GIF89a\x50\xc3\x50\xc3\x00\x00\x00" + bytes(20),
    b"BM" + struct.pack("<IHHIIiiHH", 100, 0, 0, 54, 40, 50_000, 50_000, 1, 24) + bytes(60),
    b"RIFF"
    + struct.pack("<I", 100)
    + b"WEBPVP8X"
    + struct.pack("<I", 10)
    + bytes(4)
    + b"\x4f\xc3\0" * 2
    + bytes(60),
    make_tiff([(0x0100, 4, 1, struct.pack("<I", 50_000)), (0x0101, 4, 1, struct.pack("<I", 50_000))]),
]


@pytest.mark.parametrize("body", [make_png(50_000, 50_000), make_jpeg(50_000, 50_000), *OTHER_PICTURES])
def test_a_picture_of_any_size_costs_nothing(body: bytes) -> None:
    extracted = read(body).extracted
    assert (extracted.status, extracted.width, extracted.height) == ("ok", 50_000, 50_000)


def make_mp3() -> bytes:
    def frame(kind: bytes, text: str) -> bytes:
        data = b"\x03" + text.encode()
        return kind + struct.pack(">I", len(data)) + b"\0\0" + data

    frames = frame(b"TIT2", "Das Lied") + frame(b"TPE1", "Анна") + frame(b"TALB", "Album")
    return b"ID3\x03\0\0" + struct.pack(">I", len(frames)) + frames


def make_wave() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(24_000))
    return file.getvalue()


def test_sound_tells_its_tags_and_its_length() -> None:
    reading = read(make_mp3())
    assert (reading.extracted.title, reading.extracted.author, reading.extracted.album) == (
        "Das Lied",
        "Анна",
        "Album",
    )
    assert reading.text.split("\n")[:3] == ["Das Lied", "Анна", "Album"]
    assert read(make_wave()).extracted.duration_seconds == 1.5
    assert read(make_wave(), complete=False).extracted.duration_seconds is None


def test_sound_without_tags_is_unsupported() -> None:
    assert outcome(b"\x00\x01\x02\x03" * 50, "audio/aac", "a.aac") == ("unsupported", None)


def test_an_archive_is_listed() -> None:
    body = make_zip({"Übersicht/Änderung.txt": "x", "b.pdf": "y"})
    assert text_of(body) == "Übersicht/Änderung.txt b.pdf"
    assert read(body).extracted.entries == 2


def test_names_in_an_old_zip_are_read_in_the_charset_they_are_in() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("XXXXXXX XXXXXX.txt", "x")
    assert (
        text_of(file.getvalue().replace(b"XXXXXXX XXXXXX", "Договор аренды".encode("cp866")))
        == "Договор аренды.txt"
    )


def make_tape(mode: str) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name in ("ordner/Übersicht.txt", "b" * 150):
            archive.addfile(tarfile.TarInfo(name))
    body = plain.getvalue()
    return {"w": body, "w:gz": gzip.compress(body), "w:bz2": bz2.compress(body), "w:xz": lzma.compress(body)}[mode]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tape_archive_is_listed_however_it_is_compressed(mode: str) -> None:
    body = make_tape(mode)
    assert text_of(body) == f"ordner/Übersicht.txt {'b' * 150}"
    assert read(body).extracted.entries == 2


def test_something_else_that_is_compressed_is_unsupported() -> None:
    assert outcome(zlib.compress(b"x", wbits=31), "application/gzip") == ("unsupported", None)
