"""Reads JSON (RFC 8259), JSON Lines and JSON text sequences: names and values, with escapes decoded.

What is no JSON, or only begins as such, is read as the plain text that it also is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from functions.storage_events.extraction.contract import Document, Report
from functions.storage_events.extraction.parsing.plain import plain, report_state, understood

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\([\"\\/bfnrt])")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SIMPLE = {"b": " ", "f": " ", "n": "\n", "r": " ", "t": "\t"}
_BEGINNINGS = ("{", "[", '"')
_decode = msgspec.json.Decoder(msgspec.Raw).decode


def read(document: Document, report: Report) -> None:
    """Report names and values in the order of the document, one to a line."""
    decoded = understood(document)
    report_state(decoded, document, report)
    for line in values(decoded.text):
        report.text(plain(line) + "\n")


def values(text: str) -> Iterator[str]:
    """Give the names and values of a JSON text, or of one JSON text on each line, or the lines themselves."""
    text = text.strip("\ufeff \t\r\n\x1e")
    if _is_json(text):
        yield from _tokens(text)
        return
    for line in text.splitlines():
        stripped = line.strip("\x1e \t,")
        if stripped.startswith(_BEGINNINGS) and _is_json(stripped):
            yield from _tokens(stripped)
        elif "\\" in line:
            yield _unescaped(line)
        else:
            yield line


def is_json(text: str) -> bool:
    """Tell whether a text that begins like a JSON object or array is one, or begins with one on its first line."""
    text = text.lstrip("\ufeff \t\r\n")
    if not text.startswith(_BEGINNINGS[:2]):
        return False
    return _is_json(text) or _is_json(text.partition("\n")[0])


def _is_json(text: str) -> bool:
    try:
        _decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)"|(-?\d[\d.eE+-]*)|(true|false|null)')


def _tokens(text: str) -> Iterator[str]:
    """Give the strings and numbers of valid JSON: no tree is built, however deep or large it is."""
    for token in _TOKEN.finditer(text):
        string, number = token[1], token[2]
        if string is not None:
            yield _unescaped(string) if "\\" in string else string
        elif number is not None:
            yield number


def _unescaped(text: str) -> str:
    def character(found: re.Match[str]) -> str:
        return chr(int(found[1], 16)) if found[1] else _SIMPLE.get(found[2], found[2])

    return _PAIR.sub(_joined, _ESCAPE.sub(character, text))


def _joined(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")
