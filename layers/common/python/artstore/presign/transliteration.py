"""A name in plain ASCII that a person can still read: what old readers are given beside the whole name.

Latin letters lose their marks; Cyrillic (of Russian, Ukrainian, Belarusian, Bulgarian, Serbian, Macedonian) and
Greek are written as they are commonly romanised; what else is no ASCII becomes ``_``. It is not for getting back.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_LETTERS: Final = {
    **dict(zip("абвгдезийклмнопрстуфыэ", "abvgdeziyklmnoprstufye", strict=True)),
    "ё": "yo",
    "ж": "zh",
    "х": "kh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "shch",
    "ъ": "",
    "ь": "",
    "ю": "yu",
    "я": "ya",
    "є": "ye",
    "і": "i",
    "ї": "yi",
    "ґ": "g",
    "ў": "u",
    "ј": "j",
    "љ": "lj",
    "њ": "nj",
    "ђ": "dj",
    "ћ": "c",
    "џ": "dz",
    "ѓ": "gj",
    "ќ": "kj",
    "ѕ": "dz",
    **dict(zip("αβγδεζηικλμνξοπρσςτυφω", "avgdeziiklmnxoprsstyfo", strict=True)),
    "θ": "th",
    "χ": "ch",
    "ψ": "ps",
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ł": "l",
    "ħ": "h",
    "ı": "i",
    "ŋ": "n",
    "ſ": "s",
}
_SIGNS: Final = {
    **dict.fromkeys("«»„“”‚‘’‹›`´", "'"),
    **dict.fromkeys("‐‑‒–—―−⁄", "-"),
    "€": "EUR",
    "£": "GBP",
    "©": "(c)",
    "®": "(r)",
    "×": "x",
    "·": "-",
    "•": "-",
}
_TABLE: Final = str.maketrans(
    {
        **_LETTERS,
        **{letter.upper(): text.capitalize() for letter, text in _LETTERS.items() if len(letter.upper()) == 1},
        "ı": "i",
        **_SIGNS,
    }
)


def to_ascii(name: str) -> str:
    """Give ``name`` in printable ASCII."""
    written = unicodedata.normalize("NFC", name).translate(_TABLE)
    # Letters with marks that the table does not name come apart here, and are then looked up once more (ά, ѐ).
    apart = "".join(each for each in unicodedata.normalize("NFKD", written) if not unicodedata.combining(each))
    return re.sub(r"[^\x20-\x7e]", "_", apart.translate(_TABLE))
