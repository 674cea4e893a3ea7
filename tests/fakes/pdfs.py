"""PDF files made by hand, byte by byte, so that tests say exactly what is in them, and what is wrong with them."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence

from pypdf import PdfReader, PdfWriter


def make_pdf(*pages: str, title: str | None = None, author: str | None = None) -> bytes:
    """Give a PDF with one page of text (ASCII) for each of ``pages``."""
    contents = [f"BT /F1 12 Tf 20 100 Td ({page}) Tj ET".encode("ascii") for page in pages or ("",)]
    return make_raw_pdf(contents, title=title, author=author)


def make_raw_pdf(contents: Sequence[bytes], title: str | None = None, author: str | None = None) -> bytes:
    """Give a PDF whose pages have these content streams (ISO 32000-1 §7.8.2)."""
    count = len(contents)
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, kids),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, content in enumerate(contents):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Resources << /Font << /F1 3 0 R >> >>"
            b" /Contents %d 0 R >>" % (5 + 2 * number)
        )
        packed = zlib.compress(content)
        objects.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed))
    info = b"".join(
        b" /%s <%s>" % (name, ("\ufeff" + value).encode("utf-16-be").hex().encode())
        for name, value in ((b"Title", title), (b"Author", author))
        if value is not None
    )
    return assemble([*objects, b"<<%s >>" % info], info=len(objects) + 1)


def assemble(objects: Sequence[bytes], info: int | None = None) -> bytes:
    """Number the objects from 1, the first being the catalog, and add header, cross-reference table, trailer."""
    file = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    about = b" /Info %d 0 R" % info if info else b""
    file += b"trailer\n<< /Size %d /Root 1 0 R%s >>\n" % (len(objects) + 1, about)
    return bytes(file + b"startxref\n%d\n%%%%EOF\n" % start)


def encrypt(pdf: bytes, user_password: str) -> bytes:
    """Give the same PDF encrypted with AES-256."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    writer.encrypt(user_password, "owner", algorithm="AES-256")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def pages_in_a_circle() -> bytes:
    """Give a PDF whose page tree contains itself."""
    return assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1000000000 /Kids [2 0 R 2 0 R] /Parent 2 0 R >>",
        ]
    )


def form_in_a_circle() -> bytes:
    """Give a PDF whose page draws a form that draws itself."""
    draws_itself = b"/X Do " * 50
    form = (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 4 0 R >> >>"
        b" /Length %d >>\nstream\n%s\nendstream" % (len(draws_itself), draws_itself)
    )
    return assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Resources << /XObject << /X 4 0 R >> >>"
            b" /Contents 4 0 R >>",
            form,
        ]
    )


def nested(depth: int) -> bytes:
    """Give a PDF whose page's content holds arrays in arrays."""
    return make_raw_pdf([b"[" * depth + b"]" * depth + b" TJ"])


def bomb(megabytes: int) -> bytes:
    """Give a small PDF whose page unpacks to that many megabytes."""
    return make_raw_pdf([b"q Q " * (megabytes * 1024 * 256)])
