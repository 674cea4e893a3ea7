"""A small PDF made here, with properties and text that a program can extract.

ISO 32000-1: a header, the objects, a cross-reference table of their byte offsets (7.5.4) and a trailer (7.5.5).
"""

from __future__ import annotations

from collections.abc import Sequence

_LINE_HEIGHT, _LEFT, _TOP, _SIZE = 18, 72, 720, 12


def make_pdf(title: str, author: str, lines: Sequence[str]) -> bytes:
    """A document of one page with `lines` in Helvetica. All texts are Latin-1 (the font's WinAnsiEncoding)."""
    shown = "".join(f"({_escaped(line)}) Tj T*\n" for line in lines)
    content = f"BT\n/F1 {_SIZE} Tf\n{_LINE_HEIGHT} TL\n{_LEFT} {_TOP} Td\n{shown}ET\n".encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
        b" /Resources << /Font << /F1 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%bendstream" % (len(content), content),
        f"<< /Title ({_escaped(title)}) /Author ({_escaped(author)}) /Producer (ArtStore) >>".encode("latin-1"),
    ]
    document = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table_at = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    document += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    document += b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\n" % (len(objects) + 1)
    document += b"startxref\n%d\n%%%%EOF\n" % table_at
    return bytes(document)


def _escaped(text: str) -> str:
    """ISO 32000-1, 7.3.4.2: parentheses and backslashes of a literal string are escaped."""
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
