"""A Query as a condition in SQL, over the columns ``search`` and ``passages`` of the table ``documents``.

The index finds the documents that hold all the words; where the order of words matters, it is looked up in the
main vector and, for long texts, in the passages (see ``document_words``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from artstore.index.document_words import ALONE, OVERLAP
from artstore.index.lexemes import is_unspaced
from artstore.index.query import Place, Query, Term

EVERYTHING = "true"


class Condition:
    """SQL and what its parameters are; both hold only what this module made."""

    def __init__(self) -> None:
        """Start with no parameters."""
        self.parameters: dict[str, str] = {}
        self.sql = EVERYTHING

    def parameter(self, value: str) -> str:
        """Give the placeholder of a tsquery."""
        name = f"words_{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s::tsquery"


def condition(query: Query) -> Condition:
    """Give the condition under which a document is found."""
    made = Condition()
    conditions: list[str] = []
    if query.alternatives:
        conditions.append(f"search @@ {made.parameter(_any(map(_words, query.alternatives)))}")
        if any(term.is_phrase for terms in query.alternatives for term in terms):
            conditions.append(_ordered(made, query.alternatives))
    plain = [term for term in query.absent if not term.is_phrase]
    if plain:
        conditions.append(f"NOT search @@ {made.parameter(_any(_words([term]) for term in plain))}")
    for term in query.absent:
        if term.is_phrase:
            words = f"search @@ {made.parameter(_words([term]))}"
            conditions.append(f"NOT ({' AND '.join([words, *_phrases(made, term)])})")
    if conditions:
        made.sql = " AND ".join(conditions)
    return made


def _ordered(made: Condition, alternatives: Sequence[Sequence[Term]]) -> str:
    """Give the condition that the order is right in one of the alternatives. What one alone needs is known
    already: all its words are there."""
    either: list[str] = []
    for terms in alternatives:
        each = [phrase for term in terms if term.is_phrase for phrase in _phrases(made, term)]
        if len(alternatives) > 1:
            each = [f"search @@ {made.parameter(_words(terms))}", *each]
        either.append(" AND ".join(each))
    return "(" + " OR ".join(either) + ")"


def _phrases(made: Condition, term: Term) -> Iterator[str]:
    for places in _windows(term.places):
        phrase = made.parameter(_phrase(places))
        yield (
            f"(search @@ {phrase} OR EXISTS (SELECT FROM unnest(passages) AS passage WHERE passage @@ {phrase}))"
        )


def _windows(places: Sequence[Place]) -> Iterator[Sequence[Place]]:
    """Cut a phrase that might not stand within one passage into ones that do, each half over the next."""
    length = places[-1].offset + 1
    for start in range(0, max(1, length - OVERLAP // 2), OVERLAP // 2):
        yield [place for place in places if start <= place.offset < start + OVERLAP]


def _words(terms: Iterable[Term]) -> str:
    """Write the tsquery of documents that hold all words of all terms, in any order."""
    places = dict.fromkeys((place.lexemes, place.beginning) for term in terms for place in term.places)
    return "(" + " & ".join(_anywhere(*place) for place in places) + ")"


def _anywhere(lexemes: Sequence[str], beginning: bool) -> str:
    if is_unspaced(lexemes[0]):
        alone = " & ".join(_quoted(ALONE + character) for character in lexemes[0])
        return f"({_quoted(lexemes[0], beginning)} | ({alone}))"
    return _any(_quoted(lexeme, beginning) for lexeme in lexemes)


def _phrase(places: Sequence[Place]) -> str:
    written = ""
    for before, place in zip([None, *places], places, strict=False):
        if before is not None:
            written += f" <{place.offset - before.offset}> "
        written += _any(_quoted(lexeme, place.beginning) for lexeme in place.lexemes)
    return written


def _any(written: Iterable[str]) -> str:
    return "(" + " | ".join(written) + ")"


def _quoted(lexeme: str, beginning: bool = False) -> str:
    return f"'{lexeme}':*" if beginning else f"'{lexeme}'"
