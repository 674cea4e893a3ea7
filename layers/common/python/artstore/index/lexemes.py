"""How folded text becomes lexemes: what stands in the index at each position, and what a query looks for there.

A position is a word, or one character of a text that is written without spaces. A word has two lexemes, itself and
its stem: by Snowball's English algorithm when it is of Latin letters, by the Russian one when of Cyrillic,
none when it holds a digit. A character of Chinese, Japanese, Korean, Thai and the like has one: itself with the
character after it, so that any part of such a text, two characters or more, is a row of pairs; the last character
of a run stands alone.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import Stemmer

LONGEST_WORD = 255
"""Characters of a word that count. What is longer is found by its beginning, and by itself."""

_UNSPACED_CHARACTER = (
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17d3\u1950-\u19df\u1a20-\u1aad\u2e80-\u2fdf\u3005-\u3007\u3021-\u312f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uaa60-\uaa7f\uac00-\ud7ff\uf900-\ufaff"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff\u1100-\u11ff"
)
_SEGMENT = re.compile(f"[{_UNSPACED_CHARACTER}]+|[^{_UNSPACED_CHARACTER}]+")
_UNSPACED = re.compile(f"[{_UNSPACED_CHARACTER}]")
_LATIN = re.compile("[a-z]+")
_CYRILLIC = re.compile("[\u0430-\u052f]+")


def is_unspaced(segment: str) -> bool:
    """Tell whether a segment is of a script that is written without spaces between words."""
    return _UNSPACED.match(segment) is not None


def segments(folded: str) -> Iterator[str]:
    """Give the words of folded text, cut where a script without spaces begins or ends."""
    if _UNSPACED.search(folded) is None:
        for word in folded.split():
            yield word[:LONGEST_WORD]
        return
    for word in folded.split():
        for segment in _SEGMENT.findall(word):
            yield segment if is_unspaced(segment) else segment[:LONGEST_WORD]


def positions(folded: str) -> Iterator[tuple[str, ...]]:
    """Give the lexemes of each position of folded text."""
    known: dict[str, tuple[str, ...]] = {}
    for segment in segments(folded):
        if is_unspaced(segment):
            for at in range(len(segment)):
                yield (segment[at : at + 2],)
            continue
        lexemes = known.get(segment)
        if lexemes is None:
            lexemes = known[segment] = word_lexemes(segment)
        yield lexemes


def word_lexemes(word: str) -> tuple[str, ...]:
    """Give a word and, where it is another, its stem."""
    if _LATIN.fullmatch(word):
        stem = _stemmer("english").stemWord(word)
    elif _CYRILLIC.fullmatch(word):
        stem = _stemmer("russian").stemWord(word)
    else:
        return (word,)
    return (word,) if stem == word or not stem else (word, stem)


@functools.cache
def _stemmer(language: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(language, 0)
