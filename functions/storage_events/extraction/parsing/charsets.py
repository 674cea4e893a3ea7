"""Which characters bytes stand for: what is marked, what is declared, and only then what is guessed.

In this order: a byte order mark; the charset that was declared, outside or in the markup, when the bytes follow
it; UTF-8; UTF-16 without a mark; UTF-8 with a few damaged places; a guess (docs/adr/0014). A guess whose text no
language writes, Greek and Latin letters in one word for instance, is dropped for the next. Text that is not
understood comes with a reason.
"""

from __future__ import annotations

import codecs
import re

import msgspec

from functions.storage_events.extraction.parsing.text_bytes import MARKS, has_controls, utf16_without_mark

_WEB_NAMES = {
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-8-i": "iso8859-8",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "big5": "big5hkscs",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "unicode": "utf-16",
    "iso-10646-ucs-2": "utf-16",
    "ucs-2": "utf-16",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "windows-874": "cp874",
}
"""Names that the web reads as a superset of what they say (WHATWG Encoding §4.2), and some of its own."""
_NO_CHARSETS = frozenset(
    {"idna", "mbcs", "oem", "palmos", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "charmap"}
)
"""Codecs of Python that are no charset of a document."""
_GUESSES = (
    "windows-1252", "windows-1251", "windows-1250", "koi8-r", "koi8-u", "cp866", "iso8859-2", "cp932", "shift_jis",
    "euc-jp", "gb18030", "big5", "euc-kr", "cp949", "windows-1253", "windows-1254", "windows-1255", "windows-1256",
    "tis-620", "iso8859-5", "iso8859-7",
)  # fmt: skip
_INSTEAD = {"koi8-r": ("cp1251",), "koi8-u": ("cp1251",)}
"""What a charset is taken for that has the same letters elsewhere."""
_MOST_GUESSES = 5
_SAMPLE = 65536
_IN_MARKUP = re.compile(
    rb"""<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})"""
    rb"""|<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""",
    re.IGNORECASE,
)
_MARKUP_WITHIN = 4096
_STATEFUL = re.compile(rb"\x1b\$[@B]|\x1b\([BJ]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_SCRIPTS = (
    ("latin", "A-Za-z\u00c0-\u024f\u1e00-\u1eff"),
    ("greek", "\u0370-\u03ff"),
    ("cyrillic", "\u0400-\u052f"),
    ("hebrew", "\u0590-\u05ff"),
    ("arabic", "\u0600-\u06ff"),
    ("thai", "\u0e00-\u0e7f"),
)
_IN_SCRIPT = [re.compile(f"[{letters}]") for _, letters in _SCRIPTS]
_ODD_PAIRS = re.compile(
    "[a-zß-öø-ÿа-яёα-ω][А-ЯЁΑ-ΩÀ-ÖØ-Þ]"  # a capital inside a word
    "|ń[aeiouy]"  # Polish writes "ni" there; it is Spanish in another charset
    "|[бвгджзклмнпрстфхцчшщ]{7,}"  # Russian capitals in another charset
    "|[a-z][\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff61-\uff9f]{1,2}[a-z]"  # one ideograph in a Latin word
)

_SYMBOL_INSIDE = re.compile("[a-zß-öø-ÿ][«»¡¿¤¦§¶±¸¬¯][a-zß-öø-ÿ]")
"""Letters of the east of Europe, read as those of the west."""


class Decoded(msgspec.Struct, frozen=True):
    """Text and the charset it was in; ``reason`` says what is wrong with it, None when it is understood."""

    text: str
    charset: str
    reason: str | None = None


def decode(body: bytes, declared: str | None = None) -> Decoded:
    """Decode a text that may be cut inside its last character. Never raises."""
    for mark, charset in MARKS:
        if body.startswith(mark):
            return Decoded(_leniently(body[len(mark) :], charset), charset)
    named = codec_of(declared) or codec_of(_declared_inside(body))
    if named is not None and (decoded := _as_declared(body, named)) is not None:
        return decoded
    if _STATEFUL.search(body[:_SAMPLE]) and (text := _strictly(body, "iso2022_jp")) is not None:
        return Decoded(text, "iso2022_jp")
    text = _strictly(body, "utf-8")
    if text is not None and not ("\0" in text and utf16_without_mark(body)):
        return Decoded(text, "utf-8")
    wide = utf16_without_mark(body)
    if wide is not None:
        return Decoded(_leniently(body, wide), wide)
    if _is_damaged_utf8(body):
        return Decoded(_leniently(body, "utf-8"), "utf-8", "encoding_errors")
    return _guessed(body)


def decode_as(body: bytes, charset: str | None) -> str:
    """Decode a short piece, such as a header or a name, in a declared charset if it is one, else as ``decode``."""
    return decode(body, charset).text


def codec_of(charset: str | None) -> str | None:
    """Give Python's codec for a charset's name, None for a name that says nothing here."""
    if not charset:
        return None
    name = charset.strip().strip("\"'").lower()
    name = _WEB_NAMES.get(name, name)
    if name.replace("_", "-") in _NO_CHARSETS or "\0" in name or not name.isascii():
        return None
    try:
        found = codecs.lookup(name)
        "".encode(name)  # refuses what is a codec but no charset (RFC 2045's base64, zlib)
    except (LookupError, OSError, ValueError, TypeError):
        return None
    return found.name


def is_plausible(text: str) -> bool:
    """Tell whether a language could be written so: no control codes, no two alphabets in one word."""
    if any("\x80" <= character <= "\x9f" and character != "\x85" for character in text):
        return False
    if any("\ue000" <= character <= "\uf8ff" for character in text):
        return False
    if _SYMBOL_INSIDE.search(text):
        return False
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    odd = sum(_is_mixed(word) for word in words)
    return odd * 10 <= len(words)


def _is_mixed(word: str) -> bool:
    return sum(1 for script in _IN_SCRIPT if script.search(word)) > 1 or bool(_ODD_PAIRS.search(word))


def _declared_inside(body: bytes) -> str | None:
    found = _IN_MARKUP.search(body[:_MARKUP_WITHIN])
    if found is None:
        return None
    name = (found[1] or found[2]).decode("ascii").lower()
    # It was read as bytes of ASCII, so it cannot be UTF-16 (WHATWG HTML §13.2.3.2).
    return "utf-8" if name.startswith(("utf-16", "utf16", "utf-32")) else name


def _as_declared(body: bytes, codec: str) -> Decoded | None:
    """Decode as declared; None when the bytes do not follow the declaration."""
    if codec in ("utf-16", "utf-32"):
        if b"\0" not in body and _strictly(body, "utf-8") is not None:
            return None
        order = utf16_without_mark(body) if codec == "utf-16" else None
        codec = order if order is not None else codec + "-le"
    if codec == "utf-8-sig":
        codec = "utf-8"
    if codec.startswith(("cp125", "iso8859", "latin", "mac", "ascii")):
        # A single-byte charset takes any bytes; that those of its text are UTF-8 by chance does not happen.
        text = _strictly(body, "utf-8")
        if text is not None and not text.isascii():
            return Decoded(text, "utf-8")
    text = _strictly(body, codec)
    if text is None and codec == "cp1252":
        text = _strictly(body, "latin-1")
    return None if text is None or _is_nonsense(text) else Decoded(text, codec)


def _is_nonsense(text: str) -> bool:
    return text.count("\0") > len(text) // 100 or "\ufffe" in text


def _strictly(body: bytes, codec: str) -> str | None:
    """Decode without a damaged place; a last character that is cut is left out where one may be cut.

    That is at the end of a long text, and of one that has other characters of UTF-8 beyond ASCII.
    """
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        text = decoder.decode(body, final=codec != "utf-8" and len(body) < _SAMPLE)
    except (UnicodeError, LookupError):
        return None
    is_cut = bool(decoder.getstate()[0])
    return None if is_cut and text.isascii() and len(body) < _SAMPLE else text


def _leniently(body: bytes, codec: str) -> str:
    return codecs.getincrementaldecoder(codec)("replace").decode(body)


def _is_damaged_utf8(body: bytes) -> bool:
    """Tell whether the bytes beyond ASCII are UTF-8 for the most part, such as a log with a broken line."""
    text = _leniently(body, "utf-8")
    damaged = text.count("\ufffd")
    whole = sum(character > "\x7f" for character in text) - damaged
    return whole > 10 * damaged


def load_guessing() -> None:
    """Load what guesses, and its tables, which is put off until it is needed: it takes a third of a second."""
    from chardet import detect

    for telling in ("Größe für", "Договор", "契約書"):
        detect(telling.encode("cp1251", "ignore") + telling.encode("cp932", "ignore"), include_encodings=_GUESSES)


def _guessed(body: bytes) -> Decoded:
    try:
        from chardet import detect
    except ModuleNotFoundError:
        return Decoded(_leniently(body, "cp1252"), "cp1252", "encoding_unknown")
    sample = _telling(body)
    excluded: list[str] = []
    for _ in range(_MOST_GUESSES):
        allowed = [name for name in _GUESSES if name not in excluded]
        guess = detect(sample, include_encodings=allowed)["encoding"]
        codec = codec_of(guess)
        if codec is None or guess is None:
            break
        for likely in (codec, *_INSTEAD.get(codec, ())):
            text = _strictly(body, likely)
            if text is not None and is_plausible(text[:_SAMPLE]):
                return Decoded(text, likely)
        excluded += [name for name in allowed if codec_of(name) == codec or name == guess.lower()]
    return Decoded(_leniently(body, "cp1252"), "cp1252", "encoding_unknown")


def _telling(body: bytes) -> bytes:
    """Give the lines that have bytes beyond ASCII, up to a sample: the rest tells nothing."""
    if len(body) <= _SAMPLE:
        return body
    kept = bytearray()
    for line in body.splitlines(keepends=True):
        if not line.isascii():
            kept += line[: _SAMPLE // 8]
            if len(kept) >= _SAMPLE:
                break
    return bytes(kept)


def is_text(text: str) -> bool:
    """Tell whether what was decoded is text at all, and not bytes of something else."""
    return not has_controls(text)
