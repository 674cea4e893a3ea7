"""Files made to harm: each has an outcome, within the limits of time and memory."""

from __future__ import annotations

import base64
import gzip
import io
import json
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.storage_events.extraction import Document, Kind
from functions.storage_events.extraction.registry import BY_NAME, FORMATS
from tests.fakes import packages, pdfs
from tests.fakes.packages import make_docx, make_odf, make_xlsx, make_zip
from tests.support.ingesting.reading import EXTRACTION, outcome, read
from tests.support.runs.examples import examples
from tests.unit.storage_events import test_extraction_formats as formats
from tests.unit.storage_events import test_extraction_office as office

WORD = "word/document.xml"
LAUGHS = "<!DOCTYPE d [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
)
OUTSIDE = "<!DOCTYPE d SYSTEM 'file:///etc/passwd'><d>&x;</d>"
BOUNDED = {
    ("partial", "cpu_limit"),
    ("failed", "cpu_limit"),
    ("failed", "memory_limit"),
    ("partial", "time_limit"),
}


def lie_about_size(package: bytes, name: bytes, size: int) -> bytes:
    """Change the size that the central directory declares for an entry (APPNOTE.TXT §4.3.12)."""
    at = package.index(b"PK\x01\x02")
    while package[at + 46 : at + 46 + len(name)] != name:
        at = package.index(b"PK\x01\x02", at + 4)
    return package[: at + 24] + struct.pack("<I", size) + package[at + 28 :]


def nested_zip(depth: int) -> bytes:
    body = make_zip({"zeros": bytes(10_000_000)})
    for _ in range(depth):
        body = make_zip({f"{n}.zip": body for n in range(5)})
    return body


def many_entries(count: int, name: str = "{}") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(WORD, "<d/>")
        for number in range(count):
            archive.writestr(name.format(number), b"")
    return file.getvalue()


def encrypted(package: bytes) -> bytes:
    """Set the flag that says so on every entry."""
    out = bytearray(package)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = out.find(signature)
        while at >= 0:
            out[at + flags] |= 1
            at = out.find(signature, at + 4)
    return bytes(out)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(make_zip({WORD: "<d><t>" + "a" * 30_000_000}), ("partial", "text_limit"), id="ratio"),
        pytest.param(make_zip({WORD: "<d>" + "<e></e>" * 5_000_000}), ("partial", "zip_bomb"), id="ratio of tags"),
        pytest.param(
            lie_about_size(make_zip({WORD: "<d>" + " " * 30_000_000 + "</d>"}), WORD.encode(), 10),
            ("partial", "damaged"),
            id="declared size lies",
        ),
        pytest.param(nested_zip(3), ("ok", None), id="nested"),
        pytest.param(many_entries(3_000), ("failed", "too_many_entries"), id="many entries"),
        pytest.param(encrypted(make_zip({WORD: "<d/>"})), ("failed", "encrypted"), id="encrypted"),
        pytest.param(make_zip({WORD: LAUGHS + "]><d>&j;</d>"}), ("partial", "doctype"), id="entities"),
        pytest.param(make_zip({WORD: OUTSIDE}), ("partial", "doctype"), id="external entity"),
        pytest.param(make_zip({WORD: "<a>" * 100_000}), ("partial", "too_deep"), id="deep"),
        pytest.param(make_zip({WORD: "<a><b>text</a>"}), ("partial", "damaged"), id="not well-formed"),
        pytest.param(make_zip({WORD: b"\0" * 1000}), ("partial", "damaged"), id="not XML"),
        pytest.param(
            make_zip({"docProps/core.xml": OUTSIDE, WORD: "<d><t>x</t></d>"}), ("ok", None), id="bad core"
        ),
        pytest.param(make_docx("<w:p/>")[:-40], ("failed", "damaged"), id="cut"),
        pytest.param(
            make_xlsx("<row><c t='inlineStr'><is><t>" + "x" * 3_000_000 + "</t></is></c></row>"),
            ("partial", "text_limit"),
            id="gigantic cell",
        ),
        pytest.param(
            make_xlsx("<row><c t='s'><v>0</v></c></row>" * 2_000, f"<si><t>{'y' * 90_000}</t></si>"),
            ("partial", "text_limit"),
            id="one string in every cell",
        ),
        pytest.param(make_xlsx("<row><c><v>" + "9" * 90_000 + "</v></c></row>"), ("ok", None), id="long number"),
        pytest.param(make_odf(packages.ODT, "<t><s c='99999999999'/>x</t>"), ("ok", None), id="many spaces"),
        pytest.param(make_odf(packages.ODT, LAUGHS + "]><d>&j;</d>"), ("partial", "doctype"), id="ODF entities"),
        pytest.param(make_zip({"mimetype": packages.ODT}), ("failed", "damaged"), id="ODF without content"),
        pytest.param(
            make_zip({"mimetype": packages.EPUB, "META-INF/container.xml": "<c><rootfile full-path='x'/></c>"}),
            ("ok", None),
            id="EPUB without a book",
        ),
    ],
)
def test_a_hostile_package_has_an_outcome(body: bytes, expected: tuple[str, str | None]) -> None:
    assert outcome(body, packages.WORD, "a.docx") == expected


def test_a_list_of_very_many_entries_is_cut() -> None:
    status, reason = outcome(many_entries(20_500, "x/{}").replace(b"word/document.xml", b"note/document.txt"))
    assert (status, reason) in {("partial", "too_many_entries"), *BOUNDED}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(gzip.compress(tar) if packed else tar, id=f"{name} {packed}")
        for packed in (True, False)
        for name, tar in {
            "entries": formats.make_tape("w")[:1024] * 30_000,
            "zeros": formats.make_tape("w") + bytes(10_000_000),
            "huge member": bytes(124) + b"77777777777\0" + bytes(376) + bytes(20_000_000),
        }.items()
    ],
)
def test_a_hostile_tape_archive_has_an_outcome(body: bytes) -> None:
    assert outcome(body, "application/gzip", "a.tar.gz")[0] in ("ok", "partial", "failed", "unsupported")


def test_a_gzip_bomb_is_not_unpacked_to_its_end() -> None:
    tar = bytearray(formats.make_tape("w")[:512])
    tar[124:136] = b"77777777777\0"  # the member claims 8 GiB
    body = gzip.compress(bytes(tar)) + gzip.compress(bytes(10_000_000)) * 40
    assert outcome(body, "application/gzip")[0] in ("partial", "failed", "unsupported")


def deep_mail(depth: int) -> bytes:
    out = b"Subject: deep\n"
    for level in range(depth):
        out += b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (level, level)
    return out + b"Content-Type: text/plain\n\ninnermost\n"


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        pytest.param(b'{"a":' * 1_000_000, "application/json", id="deep JSON"),
        pytest.param(b"[" * 1_000_000 + b"]" * 1_000_000, "application/json", id="deeper JSON"),
        pytest.param(b'"' + b"\\" * 3_000_001, "application/json", id="backslashes"),
        pytest.param(b'{"a":"' + b"\\u00e4" * 1_000_000, "application/json", id="escapes without end"),
        pytest.param(b'{"a":1}\n' * 500_000, "application/x-ndjson", id="many lines"),
        pytest.param(b"<a>" * 1_000_000, "application/xml", id="deep XML"),
        pytest.param(LAUGHS.encode() + b"]><d>&j;</d>", "application/xml", id="entities"),
        pytest.param(OUTSIDE.encode(), "application/xml", id="external entity"),
        pytest.param(b"<" * 3_000_000, "application/xml", id="opening brackets"),
        pytest.param(b"<!--" * 1_000_000, "application/xml", id="comments without end"),
        pytest.param(b"<!DOCTYPE " + b"[" * 1_000_000, "application/xml", id="doctypes without end"),
        pytest.param(b"<div>" * 200_000, "text/html", id="deep page"),
        pytest.param(b"<!--" * 1_000_000, "text/html", id="page of comments"),
        pytest.param(b"<a b='" * 1_000_000, "text/html", id="attributes without end"),
        pytest.param(b"<p>" + b"x" * 9_000_000, "text/html", id="long page"),
        pytest.param(deep_mail(2_000), "message/rfc822", id="deep mail"),
        pytest.param(b"Subject: " + b"=?utf-8?q?" * 200_000 + b"\n\nx", "message/rfc822", id="encoded words"),
        pytest.param(b"Content-Type: " + b'a; b="' * 100_000 + b"\n\nx", "message/rfc822", id="parameters"),
        pytest.param(b"From: " + b"(" * 500_000 + b"\n\nx", "message/rfc822", id="comments in a header"),
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 50_000, "message/rfc822", id="parts"
        ),
        pytest.param(rb"{\rtf1" + b"{" * 2_000_000, "application/rtf", id="deep RTF"),
        pytest.param(rb"{\rtf1" + rb"\u8364" * 500_000, "application/rtf", id="RTF of characters"),
        pytest.param(rb"{\rtf1\bin999999999 " + b"x" * 1_000_000, "application/rtf", id="RTF binary"),
        pytest.param(rb"{\rtf1{\info{\title " + b"t" * 5_000_000, "application/rtf", id="RTF title"),
        pytest.param(b"\x1b]" * 500_000, "text/plain", id="control strings without end"),
        pytest.param(("\u0301" * 3_000_000).encode(), "text/plain", id="marks"),
        pytest.param(b"\xe4" * 3_000_000, "text/plain", id="one byte, often"),
        pytest.param("ЖЯ ".encode("cp1251") * 1_000_000, "text/plain", id="long text in a charset of its own"),
    ],
)
def test_a_hostile_text_has_an_outcome(body: bytes, declared: str) -> None:
    assert outcome(body, declared)[0] in ("ok", "partial", "failed")


def test_what_is_outside_is_never_read() -> None:
    for body, declared in ((OUTSIDE.encode(), "application/xml"), (make_zip({WORD: OUTSIDE}), packages.WORD)):
        assert "root:" not in read(body, declared).text


EXIF_IN_A_CIRCLE = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x8769, 4, 1, 8, 8)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(formats.make_png(2**31 - 1, 2**31 - 1), id="largest PNG"),
        pytest.param(formats.make_png(1, 1)[:20], id="cut PNG"),
        pytest.param(formats.make_jpeg(9, 9, EXIF_IN_A_CIRCLE), id="EXIF in a circle"),
        pytest.param(formats.make_jpeg(9, 9, b"II*\0" + b"\xff" * 60_000), id="EXIF of ones"),
        pytest.param(b"\xff\xd8\xff\xe1" + b"\xff\xe1\x00\x02" * 500_000, id="segments"),
        pytest.param(
            b"II*\0\x08\0\0\0\xff\xff" + b"\x0e\x01\x02\0\xff\xff\xff\x7f\0\0\0\0" * 5_000, id="huge TIFF tags"
        ),
        pytest.param(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\x01meta" * 100_000, id="HEIC boxes"),
        pytest.param(b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + b"TIT2\x7f\x7f\x7f\x7f\0\0" * 1_000, id="huge tag"),
        pytest.param(b"OggS" + b"\xff" * 1_000_000, id="Ogg of ones"),
        pytest.param(b"fLaC" + b"\x04\xff\xff\xff" * 100_000, id="FLAC comments"),
        pytest.param(
            b"RIFF\xff\xff\xff\xffWAVEfmt " + b"\x10\0\0\0" + bytes(16) + b"LIST\xff\xff\xff\xff" * 1000, id="WAV"
        ),
        pytest.param(b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42" + b"\0\0\0\x08moov" * 100_000, id="M4A boxes"),
    ],
)
def test_a_hostile_picture_or_sound_has_an_outcome(body: bytes) -> None:
    assert outcome(body)[0] in ("ok", "partial", "failed", "unsupported")


SEEDS = {
    "pdf": pdfs.make_pdf("page"),
    "zip": make_docx("<w:t>x</w:t>"),
    "html": b"<p>a</p>",
    "eml": formats.MAIL,
    "rtf": rb"{\rtf1{\fonttbl{\f1\fcharset204 x;}}\f1 \'c4 x}",
    "json": json.dumps({"a": ["b", 1]}).encode(),
    "xml": b"<a b='c'>d</a>",
    "text": b"text",
    "image": formats.make_jpeg(6, 4, formats.EXIF),
    "audio": formats.make_mp3(),
    "tar": formats.make_tape("w:gz"),
    "office_97": b"\xd0\xcf\x11\xe0",
    "xlsx": make_xlsx("<row><c><v>1</v></c></row>"),
    "odt": make_odf(packages.ODT, "<t>x</t>", meta=office.META),
    "epub": packages.make_epub({"a": "x"}, ["a"]),
}


@settings(max_examples=examples(60), deadline=None)
@given(st.sampled_from(sorted(SEEDS)), st.integers(0), st.binary(min_size=1, max_size=12), st.booleans())
def test_any_damage_to_any_format_has_an_outcome(name: str, at: int, noise: bytes, cut: bool) -> None:
    body = bytearray(SEEDS[name])
    at %= len(body)
    body[at : at + len(noise)] = noise
    document = Document(body=bytes(body[: at + len(noise)] if cut else body))
    extracted = EXTRACTION.read(document, Kind(format=BY_NAME[name])).extracted
    assert extracted.status in ("ok", "partial", "failed", "unsupported")
    assert extracted.reason not in ("crashed", "answer_limit")


@pytest.mark.parametrize("name", [each.name for each in FORMATS])
@pytest.mark.parametrize("body", [b"", b"\0", bytes(5000), base64.b64encode(bytes(100)), b"\xff" * 300])
def test_what_is_not_of_the_format_at_all_has_an_outcome(name: str, body: bytes) -> None:
    extracted = EXTRACTION.read(Document(body=body), Kind(format=BY_NAME[name])).extracted
    assert extracted.status in ("ok", "partial", "failed", "unsupported")
