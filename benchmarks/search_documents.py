"""search: indexing and finding among 20,000 documents of 2 kB, on a PostgreSQL of its own."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from artstore.attributes import Attributes
from artstore.index import Projection
from artstore.index.postgres import PostgresIndex
from artstore.spaces import EVERYWHERE
from benchmarks.measure import Row, interleave
from benchmarks.report import Result
from infra import migrate
from infra.local import postgres

DOCUMENTS = 20_000
PAGE = 20
_START = datetime(2021, 1, 1, tzinfo=UTC)
_FLOOR = "SELECT attributes, bucket, object_key, attributes_etag FROM documents WHERE file_id = ANY(%s)"
_ENDINGS = (("", "а", "у", "ом", "ами"), ("", "s", "ed", "ing", "er"))


def run(rounds: int) -> Result:
    """Fill an index, then ask and write in turn; the floor of a search is reading a page's rows by their ids."""
    source = random.Random(11)  # noqa: S311 the same text each time
    vocabulary = _Vocabulary(source)
    with postgres.temporary() as url:
        migrate.upgrade(url)
        index = PostgresIndex(url)
        for number in range(DOCUMENTS):
            index.project(_projection(number, vocabulary.text(300)))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE documents")
            rows = _searches(index, connection, vocabulary, rounds) + _writes(index, vocabulary, rounds)
            [[size]] = connection.execute("SELECT pg_total_relation_size('documents')").fetchall()
        index.close()
    return Result(
        "search",
        rows,
        remarks=[
            f"{DOCUMENTS} documents of 2 kB, {size / 1e6:.0f} MB with all indexes",
            f"floor of a search: reading {PAGE} rows by their ids; of indexing: the same document, known already",
        ],
    )


class _Vocabulary:
    """Half Russian and half English words in their forms, frequent and rare as in a language (Zipf)."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self.stems = [self._stem(number % 2) for number in range(20_000)]
        self._weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(self.stems))))

    def _stem(self, language: int) -> str:
        letters = ("бвгдзклмнпрст", "bcdfgklmnprst")[language]
        vowels = ("аеиоу", "aeiou")[language]
        return "".join(
            self._source.choice(letters) + self._source.choice(vowels) for _ in range(self._source.randint(2, 4))
        ) + self._source.choice(letters)

    def text(self, words: int) -> str:
        ranks = self._source.choices(range(len(self.stems)), cum_weights=self._weights, k=words)
        return " ".join(self.stems[rank] + self._source.choice(_ENDINGS[rank % 2]) for rank in ranks)


def _projection(number: int, text: str) -> Projection:
    file_id, at = UUID(int=number + 1), _START + timedelta(minutes=number)
    attributes = Attributes(
        file_id=file_id,
        original_filename=f"report_{number:07}.pdf",
        storage_filename=f"{file_id}.pdf",
        file_size=len(text),
        content_type="application/pdf",
        created_at=at,
        updated_at=at,
        created_by_id="sa_bench",
        created_by_username="bench",
        description=" ".join(text.split()[:5]),
        tags=("bench", f"tag{number % 50}"),
        storage_path="2021/",
        checksum="ab" * 32,
        revision=1,
    )
    return Projection(
        attributes=attributes, bucket="bench", key=f"{file_id}.pdf", attributes_etag='"1"', text=text
    )


def _searches(
    index: PostgresIndex, connection: psycopg.Connection, vocabulary: _Vocabulary, rounds: int
) -> list[Row]:
    stems, source = vocabulary.stems, random.Random(12)  # noqa: S311 the same queries each time

    def search(write: Callable[[], str]) -> Callable[[], object]:
        return lambda: index.search(write(), PAGE, None, EVERYWHERE)

    def pick(first: int, last: int) -> str:
        return stems[source.randrange(first, last)]

    shapes: dict[str, Callable[[], str]] = {
        "list, no query": lambda: "",
        "a rare word": lambda: pick(10_000, 20_000),
        "a word of some 1 %": lambda: pick(300, 600),
        "a frequent word": lambda: pick(0, 10),
        "two words of some 10 %": lambda: f"{pick(30, 60)} {pick(30, 60)}",
        "a frequent word without another": lambda: f"{pick(0, 10)} -{pick(10, 20)}",
        "a phrase of two words of some 1 %": lambda: f'"{pick(300, 600)} {pick(300, 600)}"',
        "a phrase of two frequent words": lambda: f'"{pick(0, 10)} {pick(10, 20)}"',
        "a file name": lambda: f"report_{source.randrange(DOCUMENTS):07}.pdf",
    }
    ids = [UUID(int=source.randrange(DOCUMENTS) + 1) for _ in range(PAGE)]
    steps = {name: search(write) for name, write in shapes.items()}
    times = interleave({**steps, "": lambda: connection.execute(_FLOOR, [ids]).fetchall()}, rounds, warm_up=5)
    return [Row.of(f"search: {name}", times[name], times[""]) for name in shapes]


def _writes(index: PostgresIndex, vocabulary: _Vocabulary, rounds: int) -> list[Row]:
    numbers = itertools.count(DOCUMENTS)
    rows: list[Row] = []
    for name, words, share in (("2 kB", 300, 1), ("200,000 characters", 28_000, 5)):

        def write(words: int = words) -> float:
            projection = _projection(next(numbers), vocabulary.text(words))
            return interleave({"": lambda: index.project(projection)}, 1, 0)[""][0]

        again = functools.partial(index.project, _projection(0, vocabulary.text(words)))
        times = interleave({"new": write, "known": again}, max(1, rounds // share), warm_up=2)
        rows.append(Row.of(f"index a document of {name}", times["new"], times["known"]))
    return rows
