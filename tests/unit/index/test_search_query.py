"""How a query is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artstore.errors import Invalid
from artstore.index import MAX_QUERY, matching
from artstore.index.query import Query, Term, parse_query


def shown(term: Term) -> str:
    words = [place.lexemes[0] + "*" * place.beginning for place in term.places]
    return " ".join(words)


def read(text: str) -> tuple[list[list[str]], list[str]]:
    query = parse_query(text)
    return [[shown(term) for term in terms] for terms in query.alternatives], [
        shown(each) for each in query.absent
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("annual report", [["annual", "report"]]),
        ("report REPORT", [["report"]]),
        ('"annual report"', [["annual report"]]),
        ("“annual report” «годовой отчёт»", [["annual report", "годовой отчет"]]),
        ("ООО «Рога и копыта", [["ооо", "рога и копыта"]]),
        ('"never closed', [["never closed"]]),
        ('name:"two words"', [["name", "two words"]]),
        ('("two words")', [["two words"]]),
        ('\ufeff"two words"', [["two words"]]),
        ('5" x 10" pipe', [["5", "x", "10", "pipe"]]),
        ('צה"ל', [["צה ל"]]),
        ("INV-OR-55", [["inv or 55"]]),
        ("inv/or/q55", [["inv or q55"]]),
        ("q55, OR, x7", [["q55", "x7"]]),
        ("a1 or b2 OR c3 Or d4", [["a1"], ["b2"], ["c3"], ["d4"]]),
        ("a1 b2 or c3", [["a1", "b2"], ["c3"]]),
        ("or a1", [["a1"]]),
        ("a1 or", [["a1"]]),
        ("a1 or or b2", [["a1", "b2"]]),
        ("or", [["or"]]),
        ('"or"', [["or"]]),
        ("a1 or -b2", [["a1"]]),
        ("the report", [["report"]]),
        ("the or report", [["the"], ["report"]]),
        ("the of", [["the", "of"]]),
        ('"the" report', [["the", "report"]]),
        ("rep*", [["rep*"]]),
        ("the*", [["the*"]]),
        ('"annual rep*"', [["annual rep*"]]),
        ("inv-20*", [["inv 20*"]]),
        ("(rep*)", [["rep*"]]),
        ("r*", [["r"]]),
        ("report:*", [["report"]]),
        ("r*port", [["r port"]]),
        ("-40", [["40"]]),
        ("-5°C", [["5 c"]]),
        ("--force", [["force"]]),
        ("–draft", [["draft"]]),
        ("well-known", [["well known"]]),
        ("company's don't we’ll", [["company"]]),
        ("l'année", [["l annee"]]),
        ("東京タワー2024", [["東京 京タ タワ ワー 2024"]]),
        ("快", [["快*"]]),
        ("快乐*", [["快乐"]]),
        ("a" * 300, [["a" * 255]]),
    ],
)
def test_what_is_wanted(text: str, wanted: list[list[str]]) -> None:
    assert read(text)[0] == wanted


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("-draft", ["draft"]),
        ('-"first draft"', ["first draft"]),
        ("report -draft -черновик", ["draft", "черновик"]),
        ("(-draft)", ["draft"]),
        ("-draft*", ["draft*"]),
        ("-the", ["the"]),
        ("-40 a-b - -- -.", []),
    ],
)
def test_what_must_be_absent(text: str, absent: list[str]) -> None:
    assert read(text)[1] == absent


@pytest.mark.parametrize("text", ["", " ", "-", '"', '""', '-"', "...", "*", "\0", "\ud800", "'", "\\", "🎉 -🎉"])
def test_a_query_without_a_word_asks_for_nothing(text: str) -> None:
    assert not parse_query(text)


def test_a_query_that_is_too_long_is_refused() -> None:
    parse_query("a" * MAX_QUERY)
    with pytest.raises(Invalid) as error:
        parse_query("a" * (MAX_QUERY + 1))
    assert error.value.code == "query_too_long"


def test_a_word_is_asked_for_as_it_is_and_by_its_stem() -> None:
    [[report], [contracts]] = parse_query("reports or договорами").alternatives
    assert report.places[0].lexemes == ("reports", "report")
    assert contracts.places[0].lexemes == ("договорами", "договор")


@given(st.text(max_size=MAX_QUERY))
def test_whatever_is_typed_is_read_and_nothing_of_it_is_sql(text: str) -> None:
    query: Query = parse_query(text)
    if query:
        made = matching.condition(query)
        assert made.sql.replace("search @@", "").isascii()
        assert all(f"%({name})s" in made.sql for name in made.parameters)
        assert not any(set(value) & set("\\\0") for value in made.parameters.values())
