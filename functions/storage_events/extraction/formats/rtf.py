"""Reads RTF (Microsoft's Rich Text Format 1.9.1): title, author, pages, text.

One pass over the tokens with a stack of groups that is bounded. Text is told as it is found, in the charset of the
document or of the font in use.
"""

from __future__ import annotations

import re

import msgspec

from functions.storage_events.extraction.contract import Document, Facts, Report, StopReading
from functions.storage_events.extraction.parsing.charsets import decode_as

MAX_DEPTH = 10_000
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
_SKIPPED = frozenset(
    {
        "fonttbl", "colortbl", "stylesheet", "filetbl", "revtbl", "pict", "object", "fldinst", "listtext",
        "pntext", "pntxta", "pntxtb", "nonshppict", "shprslt", "sp", "datafield", "xe", "tc", "rxe", "bkmkstart",
        "bkmkend",
    }
)  # fmt: skip
"""Destinations that are not shown; of those that a reader may skip (the starred), all that are not _SHOWN."""
_SHOWN = frozenset({"annotation", "shptxt", "footnote", "shpinst"})
_FACTS = frozenset({"title", "author"})
_WORDS = {
    "par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "cell": "\t", "nestcell": "\t",
    "tab": "\t", "emdash": "—", "endash": "–", "emspace": " ", "enspace": " ", "qmspace": " ", "bullet": "•",
    "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "zwj": "", "zwnj": "",
}  # fmt: skip
_SYMBOLS = {b"~": "\u00a0", b"-": "", b"_": "-", b"{": "{", b"}": "}", b"\\": "\\", b"\n": "\n", b"\r": "\n"}
_FONT_CHARSETS = {
    77: "mac-roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030", 136: "big5", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp437",
}  # fmt: skip


class _Group(msgspec.Struct):
    """What holds inside a pair of braces; inner groups begin with the same."""

    place: str = ""
    after_unicode: int = 1
    charset: str | None = None
    hidden: bool = False


class _Reader:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._group = _Group()
        self._outer: list[_Group] = []
        self._bytes = bytearray()
        self._charset = "cp1252"
        self._font = 0
        self._fonts: dict[int, str] = {}
        self._to_skip = 0
        self._starred = False
        self._high: int | None = None
        self._facts = {"title": "", "author": ""}

    def read(self, body: bytes) -> None:
        for token in _TOKEN.finditer(body):
            word, number, code, symbol, brace, run = token.groups()
            if code is not None:
                self._code(int(code, 16))
            elif run is not None:
                self._run(run)
            elif word is not None:
                self._word(word.decode("ascii"), number)
            elif brace is not None:
                self._brace(brace)
            elif symbol is not None:
                self._symbol(symbol)
        self._flush()

    def facts(self) -> Facts:
        return Facts(title=self._facts["title"] or None, author=self._facts["author"] or None)

    def _brace(self, brace: bytes) -> None:
        self._flush()
        self._to_skip = 0
        if brace == b"{":
            if len(self._outer) >= MAX_DEPTH:
                raise StopReading("partial", "too_deep")
            self._outer.append(self._group)
            group = self._group
            self._group = _Group(group.place, group.after_unicode, group.charset, group.hidden)
        elif self._outer:
            self._group = self._outer.pop()

    def _run(self, run: bytes) -> None:
        skipped = min(self._to_skip, len(run))
        self._to_skip -= skipped
        self._bytes += run[skipped:]
        if len(self._bytes) > 8192:
            self._flush()

    def _code(self, byte: int) -> None:
        if self._to_skip:
            self._to_skip -= 1
        else:
            self._bytes.append(byte)

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._starred = True
        else:
            self._tell(_SYMBOLS.get(symbol, ""))

    def _word(self, word: str, number: bytes | None) -> None:
        value = None if number is None else int(number)
        if word == "u" and value is not None:
            self._unicode(value % 65536)
        elif word in _WORDS:
            self._tell(_WORDS[word])
        elif word == "uc" and value is not None:
            self._group.after_unicode = max(0, min(value, 100))
        elif word == "ansicpg" and value:
            self._charset = f"cp{value}"
        elif word == "mac":
            self._charset = "mac-roman"
        elif word in ("f", "fcharset") and value is not None:
            self._choose_font(word, value)
        elif word == "v":
            self._flush()
            self._group.hidden = value != 0
        elif word == "nofpages" and value is not None and value > 0:
            self._report.facts(Facts(pages=value))
        elif word == "bin" and value:
            self._to_skip = max(0, value)
        else:
            self._enter(word)
        self._starred = False

    def _choose_font(self, word: str, value: int) -> None:
        self._flush()
        if word == "f":
            self._font = value
            self._group.charset = self._fonts.get(value)
        elif value in _FONT_CHARSETS:
            self._fonts[self._font] = _FONT_CHARSETS[value]

    def _enter(self, word: str) -> None:
        """Enter a destination: what follows in the group is a fact, or no text of the document's."""
        if word in _FACTS and self._group.place == "info":
            self._flush()
            self._group.place = word
        elif word == "info":
            self._group.place = "info"
        elif word in _SHOWN:
            self._flush()
            self._group.place = ""
        elif self._group.place not in _FACTS and (word in _SKIPPED or self._starred):
            self._flush()
            self._group.place = "skipped"

    def _unicode(self, unit: int) -> None:
        self._flush()
        self._to_skip = self._group.after_unicode
        if 0xD800 <= unit < 0xDC00:
            self._high = unit
            return
        if self._high is not None and 0xDC00 <= unit < 0xE000:
            unit = 0x10000 + ((self._high - 0xD800) << 10) + unit - 0xDC00
        self._high = None
        self._put(chr(unit))

    def _tell(self, text: str) -> None:
        self._flush()
        if self._to_skip:
            self._to_skip -= 1
        else:
            self._put(text)

    def _flush(self) -> None:
        if self._bytes:
            if self._group.place != "skipped":
                self._put(decode_as(bytes(self._bytes), self._group.charset or self._charset))
            self._bytes.clear()

    def _put(self, text: str) -> None:
        place = self._group.place
        if place in _FACTS:
            self._facts[place] += text if len(self._facts[place]) < 1000 else ""
        elif not place and not self._group.hidden:
            self._report.text(text)


def read(document: Document, report: Report) -> None:
    """Report text and facts. What does not begin as RTF is damaged."""
    if not document.body.lstrip().startswith(rb"{\rtf"):
        raise StopReading("failed", "damaged")
    if not document.complete:
        report.lacking("too_large")
    reader = _Reader(report)
    try:
        reader.read(document.body)
    finally:
        report.facts(reader.facts())
