"""What of a document is indexed, and how: the search vector, and passages for the phrases of long texts.

PostgreSQL keeps no position beyond 16,383 in a tsvector, no more than 256 of one lexeme, and no more than 1 MB in
all (its manual, 12.11), and says nothing when it drops the rest. So the vector has every lexeme of a document,
but positions only as far as these limits are not touched; from there on the text continues in passages, each
a vector with all its positions, each beginning with the last words of the one before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any

import msgspec

from artstore.attributes import Attributes
from artstore.index import lexemes
from artstore.index.folding import fold

WORDS_VERSION = 1
"""Raised whenever the same document gives other lexemes: what was indexed before is then indexed anew."""
OVERLAP = 50
"""How many positions two passages have in common, so how long a phrase is certain to stand in one of them."""
ALONE = "~"
"""Stands before a single character of a text whose pairs of characters are too many for one vector."""

_LAST_POSITION = 16_000
_MOST_OF_ONE = 255
_VECTOR_BYTES = 1_000_000
_BETWEEN_PARTS = 2
# Some characters are whole sentences when folded (U+FDFA); a text of these alone ends here.
_MOST_FOLDED = 1_000_000

Part = tuple[str, str]
"""A weight (A to D) and folded text; no phrase reaches from one part into the next."""


class Words(msgspec.Struct, frozen=True):
    """What is indexed, each in the text form of a tsvector."""

    search: str
    passages: tuple[str, ...]


def parts_of(attributes: Attributes, text: str) -> Iterator[Part]:
    """Give what of a document is searched: A file name, B description and title, C tags, author and the values of
    the caller's attributes, D text."""
    extracted = attributes.extracted
    yield "A", fold(attributes.original_filename)
    yield "B", fold(attributes.description or "")
    yield "B", fold((extracted.title if extracted else None) or "")
    yield "C", fold((extracted.author if extracted else None) or "")
    for value in chain(attributes.tags, _values(attributes.custom_attributes), _values(attributes.metadata)):
        yield "C", fold(value)
    yield "D", fold(text)[:_MOST_FOLDED]


def placed(parts: Iterable[Part]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Give position (from 1), weight and lexemes of all that is indexed."""
    position = 0
    for weight, folded in parts:
        for found in lexemes.positions(folded):
            position += 1
            yield position, weight, found
        if folded:
            position += _BETWEEN_PARTS


def words_of(attributes: Attributes, text: str) -> Words:
    """Give what is indexed of a document.

    When pairs of characters would burst the vector (some 150,000 different ones), their characters alone go
    into it; the passages still have the pairs. What even then does not fit is left out from the end.
    """
    parts = tuple(parts_of(attributes, text))
    vector = _Vector(pairs=True)
    if not vector.fill(parts):
        vector = _Vector(pairs=False)
        vector.fill(parts)
    return Words(vector.main.text(), tuple(passage.text() for passage in vector.passages))


class _Lexemes:
    """A tsvector in the making: the positions of each lexeme, as text."""

    def __init__(self) -> None:
        self.places: dict[str, list[str]] = {}
        self.last = 0

    def has_room(self, position: int, found: Iterable[str]) -> bool:
        if position > _LAST_POSITION:
            return False
        for lexeme in found:
            places = self.places.get(lexeme)
            if places is not None and len(places) >= _MOST_OF_ONE:
                return False
        return True

    def put(self, position: int, weight: str, found: Iterable[str]) -> None:
        place = str(position) if weight == "D" else f"{position}{weight}"
        for lexeme in found:
            self.places.setdefault(lexeme, []).append(place)
        self.last = position

    def text(self) -> str:
        # A lexeme is letters, digits and marks, so quoting it needs no escapes.
        return " ".join(
            f"'{lexeme}':{','.join(places)}" if places else f"'{lexeme}'" for lexeme, places in self.places.items()
        )


class _Vector:
    """The main vector and the passages that continue it."""

    def __init__(self, *, pairs: bool) -> None:
        self.main = _Lexemes()
        self.passages: list[_Lexemes] = []
        self._pairs = pairs
        self._bytes = 0
        self._recent: deque[tuple[int, str, tuple[str, ...]]] = deque(maxlen=OVERLAP)

    def fill(self, parts: Iterable[Part]) -> bool:
        """Put everything in; False when it does not fit."""
        shift = 0
        for position, weight, found in placed(parts):
            if not self._count(found):
                return False
            current = self.passages[-1] if self.passages else self.main
            if not current.has_room(position - shift, found):
                current = _Lexemes()
                self.passages.append(current)
                shift = (self._recent[0][0] if self._recent else position) - 1
                for earlier in self._recent:
                    current.put(earlier[0] - shift, earlier[1], earlier[2])
            current.put(position - shift, weight, found)
            self._recent.append((position, weight, found))
        return True

    def _count(self, found: tuple[str, ...]) -> bool:
        """See to it that the main vector has these lexemes; False when there is no room for them."""
        if not self._pairs and lexemes.is_unspaced(found[0]):
            alone = tuple(ALONE + character for character in found[0])
            found = alone if self.passages else found + alone
        for lexeme in found:
            if not self.passages:
                self._bytes += 3
            if lexeme not in self.main.places:
                self._bytes += len(lexeme.encode()) + 4
                if self._bytes > _VECTOR_BYTES:
                    return False
                self.main.places[lexeme] = []
        return True


def _values(attributes: Any) -> Iterator[str]:
    """Give the texts and numbers in a JSON value, as they are written; names, true, false and null are none."""
    left = [attributes]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            left += reversed(tuple(value.values()))
        elif isinstance(value, list | tuple):
            left += reversed(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield format(Decimal(repr(value)), "f")
