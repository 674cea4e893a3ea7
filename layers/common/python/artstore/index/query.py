"""What a person typed becomes a Query; the language is told, with examples, in docs/search.md.

Nothing that is typed is an error but too much of it: what means nothing is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from artstore.errors import Invalid
from artstore.index import MAX_QUERY, lexemes
from artstore.index.folding import drop_ignorable, fold
from artstore.index.stop_words import STOP_WORDS

SHORTEST_BEGINNING = 2
"""The fewest characters before a ``*``."""

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))
# Brackets before a token say nothing. A quote after a letter or a digit belongs to the word: inches, acronyms in
# Hebrew.
_TOKEN = re.compile(
    r'[(\[{]*(?P<minus>(?<![^\s(\[{])-(?="|[^\W\d_]))?'
    r'(?:"(?P<phrase>[^"]*)(?:"|\Z)|(?P<word>[^\s"]+(?:(?<=\w)"[^\s"]*)*))'
)
_BEGINNING = re.compile(rf"[^\W_]{{{SHORTEST_BEGINNING}}}\*\W*\Z")
# What English hangs on a word with an apostrophe; it says nothing of what is sought.
_CLITIC = re.compile(r"(?<=[A-Za-z])['’ʼ＇](?:s|t|d|m|re|ve|ll)(?=\W*\Z)", re.IGNORECASE)
_OR = re.compile("or", re.IGNORECASE)


class Place(msgspec.Struct, frozen=True):
    """What must stand at one position, counted from a term's first: any of ``lexemes``, which are only
    beginnings when ``beginning``."""

    offset: int
    lexemes: tuple[str, ...]
    beginning: bool = False


class Term(msgspec.Struct, frozen=True):
    """A word, or a phrase: words that follow one another."""

    places: tuple[Place, ...]

    @property
    def is_phrase(self) -> bool:
        """Tell whether the order of words matters."""
        return len(self.places) > 1


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A document is found when all terms of one of ``alternatives`` are in it and none of ``absent`` is.

    No alternatives: every document without the absent terms.
    """

    alternatives: tuple[tuple[Term, ...], ...]
    absent: tuple[Term, ...]

    def __bool__(self) -> bool:
        """Tell whether anything is asked for."""
        return bool(self.alternatives or self.absent)


def parse_query(text: str) -> Query:
    """Read a query.

    Raises:
        Invalid: ``query_too_long``.
    """
    if len(text) > MAX_QUERY:
        raise Invalid(f"the query has more than {MAX_QUERY} characters", code="query_too_long", field="query")
    tokens = list(_tokens(text))
    alternatives: list[list[_Token]] = [[]]
    absent: list[Term] = []
    for number, token in enumerate(tokens):
        if token.absent:
            absent.append(token.term)
        elif token.is_or and _is_wanted(tokens, number - 1) and _is_wanted(tokens, number + 1):
            alternatives.append([])
        else:
            alternatives[-1].append(token)
    wanted = [_without_stop_words(each) for each in alternatives if each]
    return Query(alternatives=tuple(dict.fromkeys(wanted)), absent=tuple(dict.fromkeys(absent)))


class _Token(msgspec.Struct, frozen=True, kw_only=True):
    term: Term
    absent: bool
    is_or: bool
    is_stop_word: bool


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(drop_ignorable(text).translate(_QUOTES)):
        word = match["word"]
        typed = match["phrase"] if word is None else _CLITIC.sub("", word)
        folded = fold(typed)
        if folded:
            beginning = _BEGINNING.search(typed) is not None
            yield _Token(
                term=_term(folded, beginning),
                absent=match["minus"] is not None,
                is_or=word is not None and _OR.fullmatch(word) is not None,
                is_stop_word=word is not None and not beginning and folded in STOP_WORDS,
            )


def _term(folded: str, beginning: bool) -> Term:
    places: list[Place] = []
    offset = 0
    for segment in lexemes.segments(folded):
        if lexemes.is_unspaced(segment):
            if len(segment) == 1:
                places.append(Place(offset, (segment,), True))
            pairs = [segment[at : at + 2] for at in range(len(segment) - 1)]
            places += [Place(offset + at, (pair,)) for at, pair in enumerate(pairs)]
            offset += len(segment)
        else:
            places.append(Place(offset, lexemes.word_lexemes(segment)))
            offset += 1
    if beginning and not lexemes.is_unspaced(segment):
        places[-1] = Place(places[-1].offset, (segment,), True)
    return Term(tuple(places))


def _is_wanted(tokens: Sequence[_Token], number: int) -> bool:
    return 0 <= number < len(tokens) and not tokens[number].absent and not tokens[number].is_or


def _without_stop_words(tokens: Sequence[_Token]) -> tuple[Term, ...]:
    """Leave stop words out, unless nothing else is asked for."""
    telling = [token for token in tokens if not token.is_stop_word] or tokens
    return tuple(dict.fromkeys(token.term for token in telling))
