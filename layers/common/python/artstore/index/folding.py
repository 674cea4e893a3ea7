"""One normalisation for what is indexed and for what is asked: what looks alike to a reader is alike here.

``fold`` gives plain words of letters, digits and the marks that spell, lower-case, one space between. What
happens, and where letters are kept apart, is told for users in docs/search.md:

- Compatibility forms (Unicode NFKC): ligatures, full-width and half-width letters, Roman numerals, superscripts.
  A superscript after a word of lower-case letters is a footnote and stands apart, as do circled numbers and
  fractions; ``№`` and ``™`` are signs and not letters.
- Case is folded, which makes ``ß`` ``ss`` and the final sigma a sigma. Every decimal digit becomes an ASCII one.
- Marks fall from Latin and Greek letters, whatever they are (``Müller``, ``Việt``). From Cyrillic ones those fall
  that make no letter of their own (stress), and the dots of ``ё``; ``й``, ``ї``, ``ў`` stay. Hebrew points and
  Arabic vowel signs fall. In all other scripts marks spell, and stay.
- What Unicode calls default-ignorable is dropped: soft hyphens, zero-width characters, direction marks, byte
  order marks, variation selectors. So are a terminal's colour sequences and a typewriter's overstriking.
- Everything else is a space: punctuation, every dash, quote and apostrophe, symbols, control characters.

Letters of different scripts that happen to look alike (Latin ``A`` and Cyrillic ``А``) are different letters.
"""

from __future__ import annotations

import re
import unicodedata

# ECMA-48: CSI and OSC sequences, other escapes; and a character struck over by the next one.
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|[^\n]\x08"
)
# A soft hyphen at a line's end breaks a word; the rest is Default_Ignorable_Code_Point (UAX #44).
_IGNORABLE = re.compile(
    "\u00ad[ \t]*\r?\n[ \t]*|[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_SIGNS = re.compile("[№™℠]")
_APART = re.compile(
    "[\u00bc-\u00be\u2150-\u215f\u2189\u2460-\u24ff\u2776-\u2793\u3200-\u32bf]"  # fractions, circled numbers
    "|(?<=[a-zß-öø-ÿа-яё]{3})[¹²³⁰⁴-⁹]+"
)
_GENERAL_MARKS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u2de0-\u2dff\ufe20-\ufe2f"
_ON_LATIN_OR_GREEK = re.compile(
    f"(?<=[A-Za-z\u00c0-\u02af\u1d00-\u1d7f\u1e00-\u1eff\u0370-\u03ff\u1f00-\u1fff])[{_GENERAL_MARKS}]+"
)
_FALLING_MARK = re.compile(
    f"[{_GENERAL_MARKS}\u0591-\u05c7\ufb1e\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u08ca-\u08ff]"
)
_LETTERS = {
    "ё": "е", "ѐ": "е", "ѝ": "и",
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ȷ": "j",
    "æ": "ae", "œ": "oe", "þ": "th",
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "\u0640": "",
}  # fmt: skip


def fold(text: str) -> str:
    """Give the words of ``text`` with one space between, and none around them."""
    if "\x1b" in text or "\x08" in text or "\x9b" in text:
        text = _TERMINAL.sub("", text)
    if text.isascii():
        return " ".join(text.lower().translate(_CHARACTERS).split())
    text = _APART.sub(r" \g<0> ", _SIGNS.sub(" ", _IGNORABLE.sub("", text)))
    text = _ON_LATIN_OR_GREEK.sub("", unicodedata.normalize("NFKD", text)).casefold()
    return " ".join(unicodedata.normalize("NFKC", text).translate(_CHARACTERS).split())


def drop_ignorable(text: str) -> str:
    """Give ``text`` without the characters that nobody sees, all else as it was."""
    return _IGNORABLE.sub("", text)


class _Characters(dict[int, str]):
    """What becomes of each character, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = _become(chr(code))
        return self[code]


def _become(character: str) -> str:
    if character in _LETTERS:
        return _LETTERS[character]
    category = unicodedata.category(character)
    if category[0] == "M":
        return "" if _FALLING_MARK.match(character) else character
    if category[0] == "N":
        digit = unicodedata.digit(character, None)
        return character if digit is None else str(digit)
    if category[0] == "L":
        # Modifier letters of this block are apostrophes: Ukrainian, Hawaiian, transliterated Arabic.
        return " " if "\u02b0" <= character <= "\u02ff" else character
    return " "


_CHARACTERS = _Characters()
