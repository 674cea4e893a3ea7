"""What PostgreSQL's three dictionaries find, ours find too: words in their forms, phrases, alternatives.

The answer to compare with is that of PostgreSQL's own ``simple``, ``russian`` and ``english``, over the same texts
and the same normalisation. It may be exceeded: a word here may be found by its stem and the next one as it is.
Where a phrase has a stop word, only ``simple`` is compared: the other two let any word stand in its place.
"""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import psycopg
import pytest

from artstore.index.folding import fold
from artstore.index.postgres import PostgresIndex
from artstore.index.stop_words import STOP_WORDS
from artstore.spaces import EVERYWHERE
from tests.fakes.documents import id_number, make_projection

_LANGUAGES = ("simple", "russian", "english")
_FORMS = [
    line.split()
    for line in """
    договор договора договору договором договоре договоры договоров договорам договорами договорах
    отчёт отчёта отчёты отчётов отчётами отчётах отчётность
    годовой годовая годовое годовые годового годовому годовыми
    поставка поставки поставке поставку поставкой поставок поставками поставщик поставщика
    Иванов Иванова Иванову Ивановым Иванове Ивановы Ивановых
    Ростов Ростова Ростове Ростовом ростовский ростовского
    город города городу городом городе городов городами городской
    быть был была были буду будет есть
    подписать подписал подписала подписали подписано подписан подписание подписания подписанный
    report reports reported reporting reporter reporters
    annual annually
    company companies company's
    die dies died dying sky skies skis news new
    city cities organize organization organizations organizing
    sign signs signed signing signature signatures
    hopping hoped hoping hop hope run running runs ran
    INV-55 2024 15 q7 x86 v2
    договір договору Київ Києва права правової
    """.strip().splitlines()
]
_LITTLE = sorted(STOP_WORDS)[::12]


def _texts(source: random.Random, count: int) -> list[str]:
    forms = list(itertools.chain.from_iterable(_FORMS))
    return [" ".join(source.choices(forms + _LITTLE, k=source.randint(3, 14))) for _ in range(count)]


def _queries(source: random.Random, texts: list[str]) -> list[str]:
    """Words alone, pairs in other forms than a text has, phrases that stand somewhere in another form."""
    queries = [form for forms in _FORMS for form in forms] + _LITTLE
    for _ in range(80):
        words = source.choice(texts).split()
        chosen = [_other_form(source, word) for word in source.sample(words, min(len(words), 3))]
        queries += [" ".join(chosen), " or ".join(chosen)]
        start = source.randrange(len(words) - 1)
        pair = words[start : start + 2]
        queries += [f'"{" ".join(_other_form(source, word) for word in pair)}"', f'"{" ".join(pair)}"']
    return queries


def _other_form(source: random.Random, word: str) -> str:
    return source.choice(next((forms for forms in _FORMS if word in forms), [word]))


def _three_dictionaries(connection: psycopg.Connection, query: str) -> set[int]:
    phrase = query.startswith('"')
    asked = f'"{fold(query)}"' if phrase else fold(query)
    languages = _LANGUAGES[:1] if phrase and STOP_WORDS & set(fold(query).split()) else _LANGUAGES
    wanted = " || ".join(f"websearch_to_tsquery('{language}', %(asked)s)" for language in languages)
    found = connection.execute(f"SELECT number FROM recall WHERE search @@ ({wanted})", {"asked": asked})  # noqa: S608 the languages are ours
    return {row[0] for row in found}


def test_nothing_that_three_dictionaries_find_is_lost(postgres_index: PostgresIndex, database_url: str) -> None:
    source = random.Random(8)
    texts = _texts(source, 100)
    for number, text in enumerate(texts):
        postgres_index.project(make_projection(file_id=id_number(number), original_filename="x", text=text))
    # A word between them keeps a phrase from ending in the next dictionary's words.
    vector = " || 'between:1'::tsvector || ".join(
        f"to_tsvector('{language}', %(text)s)" for language in _LANGUAGES
    )
    found = 0
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TEMPORARY TABLE recall (number integer, search tsvector)")
        for number, text in enumerate(texts):
            values = {"number": number, "text": fold(text)}
            connection.execute(f"INSERT INTO recall VALUES (%(number)s, {vector})", values)  # noqa: S608 the languages are ours
        for query in _queries(source, texts):
            expected = _three_dictionaries(connection, query)
            ours = {
                item.attributes.file_id.int for item in postgres_index.search(query, 1000, None, EVERYWHERE).items
            }
            assert expected <= ours, f"{query}: {[texts[number] for number in expected - ours]}"
            found += len(expected)
    assert found > 4_000


@pytest.mark.parametrize("language", ["russian", "english"])
def test_every_stop_word_of_the_dictionaries_is_one(database_url: str, language: str) -> None:
    with psycopg.connect(database_url) as connection:
        [[directory]] = connection.execute("SELECT setting FROM pg_config() WHERE name = 'SHAREDIR'").fetchall()
    lists = Path(directory) / "tsearch_data" / f"{language}.stop"
    if not lists.exists():
        pytest.skip("the server's dictionaries are not on this machine")
    assert {fold(word) for word in lists.read_text("utf-8").split()} <= STOP_WORDS
