"""How text becomes words, the same way for what is indexed and for what is asked.

PostgreSQL's own parser sees a host, a file or a signed number in ``report_alpha_0001.pdf`` or
``2024-01-15`` and makes one word of it, or words nobody types. Its lower-casing and its idea of a letter
depend on the database's locale. So both sides come here first: lower case, composed Unicode (file names
from macOS are decomposed), ``ё`` as ``е``, and everything that is neither letter nor digit a space. What is
left are plain words in any locale, and no character that means something to a query.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

from artstore.errors import Invalid

MAX_QUERY = 1000
"""The most characters of a query."""

_BETWEEN_WORDS = re.compile(r"[\W_]+")
_TOKEN = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
_LONGEST_WORD = 500


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted and what is not, both in the language of websearch_to_tsquery, either may be empty."""

    wanted: str
    unwanted: str


def words(text: str) -> str:
    """Give the words of ``text``, lower-case, with one space between."""
    return _BETWEEN_WORDS.sub(" ", unicodedata.normalize("NFC", text).lower().replace("ё", "е")).strip()


def parse_query(text: str) -> Query:
    """Split what a person typed: words, "phrases", ``-word`` or ``-"phrase"`` for absence, ``or`` between.

    Raises Invalid (``query_too_long``).
    """
    if len(text) > MAX_QUERY:
        raise Invalid(f"the query has more than {MAX_QUERY} characters", code="query_too_long")
    wanted: list[str] = []
    unwanted: list[str] = []
    for token in _TOKEN.finditer(text):
        phrase = token["phrase"] is not None
        found = words(token["phrase"] if phrase else token["word"])
        found = " ".join(word[:_LONGEST_WORD] for word in found.split())
        if not found:
            continue
        if token["minus"]:
            unwanted.append(f'"{found}"')
        else:
            wanted.append(f'"{found}"' if phrase else found)
    return Query(wanted=" ".join(wanted), unwanted=" or ".join(unwanted))
