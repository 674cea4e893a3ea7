"""Whether bytes are text, told without a table of languages, so that it costs next to nothing to ask."""

from __future__ import annotations

import codecs
import unicodedata
from collections import Counter

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
"""Byte order marks, those that begin like another one first."""

_TEXT_CONTROLS = frozenset(b"\a\b\t\n\v\f\r\x1a\x1b\x1e")
_CONTROLS = bytes(byte for byte in range(0x20) if byte not in _TEXT_CONTROLS) + b"\x7f"
_UNITS = 2048
_NOT_IN_TEXT = frozenset({"Cc", "Cn", "Co", "Cs"})
_LANES = 3


def looks_like_text(head: bytes) -> bool:
    """Tell whether the first bytes are of a text, in whatever charset it may be."""
    if any(head.startswith(mark) for mark, _ in MARKS):
        return True
    return head.translate(None, _CONTROLS) == head or utf16_without_mark(head) is not None


def utf16_without_mark(body: bytes) -> str | None:
    """Tell the byte order of UTF-16 that has no mark, None for what is not UTF-16.

    As bytes it has control characters, if only those of its spaces. Text of an alphabet has few different high
    bytes, and none of its characters is unassigned; read in the other order, or made of other bytes, it has many.
    """
    head = body[: 2 * _UNITS]
    head = head[: len(head) // 2 * 2]
    if len(head) < 4 or head.translate(None, _CONTROLS) == head:
        return None
    likely = {
        order: likelihood
        for order, lane in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2]))
        if (likelihood := _likelihood(head, order, lane)) > 0
    }
    return max(likely, key=lambda order: likely[order]) if likely else None


def _likelihood(head: bytes, order: str, lane: bytes) -> float:
    try:
        text = codecs.getincrementaldecoder(order)().decode(head)
    except UnicodeDecodeError:
        return 0
    if any(unicodedata.category(each) in _NOT_IN_TEXT and each not in "\t\n\f\r" for each in text):
        return 0
    counts = Counter(lane).most_common(_LANES)
    common = sum(count for _, count in counts)
    ours = sum(" " <= each <= "~" or each in "\t\n\r" for each in text)
    if common < len(lane) * 0.95 or (counts[0][1] < len(lane) * 0.7 and ours * 10 < len(text)):
        return 0
    if not any(each.isalnum() for each in text):
        return 0
    # Spaces, line ends and full stops are the same letters in every script.
    return 1 + sum(each in " \t\n\r.,;:-0123456789\u3001\u3002" for each in text) + common / len(lane)


def has_controls(text: str) -> bool:
    """Tell whether more than one in fifty characters is a control character that no text has."""
    controls = sum(text.count(chr(byte)) for byte in _CONTROLS)
    return controls > len(text) // 50
