"""Every line of the tables in docs/search.md is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from artstore.index.postgres import PostgresIndex
from artstore.spaces import EVERYWHERE
from tests.fakes.documents import make_projection

_PAGE = Path(__file__).parents[3] / "docs" / "search.md"
_LINE = re.compile(r"\| `(?P<query>[^|]+)` \| `(?P<found>[^|]+)` \| (?:`(?P<missed>[^|]+)` )?\|")


def _examples() -> list[tuple[str, str, str | None]]:
    lines = filter(None, map(_LINE.fullmatch, _PAGE.read_text("utf-8").splitlines()))
    return [(_typed(line["query"]), _typed(line["found"]), line["missed"]) for line in lines]


def _typed(cell: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), cell)


EXAMPLES = _examples()


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) == _PAGE.read_text("utf-8").count("\n| `")


@pytest.mark.parametrize(("query", "found", "missed"), EXAMPLES)
def test_an_example_is_true(postgres_index: PostgresIndex, query: str, found: str, missed: str | None) -> None:
    postgres_index.project(make_projection(original_filename="found", text=found))
    postgres_index.project(make_projection(original_filename="missed", text=missed or ""))
    page = postgres_index.search(query, 10, None, EVERYWHERE)
    assert [item.attributes.original_filename for item in page.items] == ["found"]
