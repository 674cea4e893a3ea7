"""rebuild: filling a new index from attr.json files that were read already, and swapping it in.

The PostgreSQL is its own, storage is in memory.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg

from artstore import attributes as attr
from artstore.attributes import Attributes, Extracted, Retention
from artstore.elements import Mode, StorageElement, StorageElements
from artstore.index import Projection
from artstore.index.document_words import words_of
from artstore.index.rebuilding import Filled
from artstore.index.rebuilding.postgres import PostgresRebuild, _row
from artstore.objects import Content
from benchmarks.measure import Row, interleave
from benchmarks.report import Result
from functions.maintenance.ranges import Range
from functions.maintenance.reconciling.ports import Page, Version
from functions.maintenance.reindexing.filling import Filling
from infra import migrate
from infra.local import postgres

PAGE = 500
"""Documents of one page of a listing: an object and an attr.json each."""
_START = datetime(2021, 1, 1, tzinfo=UTC)
_ELEMENT = StorageElement("bench-01", "bench", Mode.EDIT)
_ELEMENTS = StorageElements((_ELEMENT,))
_WORDS = [
    "contract",
    "invoice",
    "договор",
    "счёт",
    "quarterly",
    "report",
    "annex",
    "протокол",
    "meeting",
    "plan",
    "архив",
    "drawing",
]


def run(rounds: int) -> Result:
    """Fill page after page, once where no index was before and once where it is as it should be, and finish."""
    bucket = _Bucket(PAGE * rounds)
    remarks: list[str] = []
    with postgres.temporary() as url:
        migrate.upgrade(url)
        empty = _Fill(url, bucket)
        floor = _Copy(url, bucket)
        raw = [bucket.bodies[name] for name in bucket.attributes[:PAGE]]
        parsed = [attr.parse(each) for each in raw]
        steps: dict[str, Callable[[], object]] = {
            "parse": lambda: [attr.parse(each) for each in raw],
            "words": lambda: [words_of(each, "") for each in parsed],
            "dump": lambda: [attr.to_document(each) for each in parsed],
            "fill": empty.page,
            "floor": floor.page,
        }
        times = interleave(steps, rounds, 0)
        fill_ms = sum(times["fill"])
        finished = empty.finish()
        remarks.append(empty.told("none known before", PAGE * rounds))
        remarks.append(f"finishing and swapping in {PAGE * rounds} documents: {finished:.1f} s")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE documents SET object_modified = date_trunc('second', created_at)")
        again = _Fill(url, bucket)
        known = interleave({"fill": again.page}, rounds, 0)
        again.finish()
        remarks.append(again.told("the index as it should be, texts taken over", PAGE * rounds))
        empty.close()
        again.close()
    rows = [
        Row.of(f"fill {PAGE} documents, none known", times["fill"], times["floor"]),
        Row.of(f"fill {PAGE} documents, as known", known["fill"], times["floor"]),
        Row.of(f"of these: parse {PAGE} attr.json", times["parse"], times["floor"]),
        Row.of(f"of these: words of {PAGE} documents", times["words"], times["floor"]),
        Row.of(f"of these: {PAGE} attr.json as JSON", times["dump"], times["floor"]),
    ]
    remarks.append(f"{PAGE * rounds / fill_ms * 1000:.0f} documents a second on the clock, one caller, none known")
    remarks.append("floor: the same rows, made already, by COPY into a table of the same shape")
    return Result("rebuild", rows, remarks)


class _Bucket:
    """So many documents and their attr.json files, in memory: listing and reading cost next to nothing."""

    def __init__(self, count: int) -> None:
        source = random.Random(5)  # noqa: S311 the same documents each time
        self.bodies: dict[str, bytes] = {}
        self.attributes: list[str] = []
        self.versions: list[Version] = []
        for number in range(count):
            described = _described(number, source)
            key = f"{described.storage_path}{described.storage_filename}"
            name = f"{key}.attr.json"
            self.bodies[name] = attr.dump(described)
            self.attributes.append(name)
            modified = described.created_at.replace(microsecond=0)
            for each in (key, name):
                self.versions.append(Version(key=each, size=1000, etag=f'"{number}"', modified=modified))
        self.versions.sort(key=lambda each: each.key)
        self.at = {each.key: place for place, each in enumerate(self.versions)}

    def page(self, after: str | None) -> Page:
        first = 0 if after is None else self.at[after] + 1
        found = self.versions[first : first + 2 * PAGE]
        more = first + 2 * PAGE < len(self.versions)
        return Page(versions=found, next=found[-1].key if more else None)

    def read(self, key: str) -> Content:
        return Content(body=self.bodies[key], etag='"1"')


class _Fill:
    """A rebuild, page by page."""

    def __init__(self, url: str, bucket: _Bucket) -> None:
        self.job_id = UUID(int=random.getrandbits(128))
        self.rebuild = PostgresRebuild(url)
        self.rebuild.begin(self.job_id, 1)
        listing: Any = SimpleNamespace(page=lambda _bucket, _prefix, after, _version: bucket.page(after))
        objects: Any = SimpleNamespace(read=lambda _bucket, key, _limit: bucket.read(key))
        self._filling = Filling(listing=listing, objects=objects, rebuild=self.rebuild)
        self._cpu = 0.0
        self._server = 0.0

    def page(self) -> None:
        began, server = time.process_time(), self.server_seconds()
        self._filling.advance(self.job_id, 0, Range(element_id=_ELEMENT.element_id), _ELEMENTS)
        self._cpu += time.process_time() - began
        self._server += self.server_seconds() - server

    def server_seconds(self) -> float:
        """Give the processor time of this connection's backend, in seconds."""
        [pid] = self.rebuild._server.run(lambda c: c.execute("SELECT pg_backend_pid()").fetchone()) or [0]
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def finish(self) -> float:
        """Finish and swap; give the seconds."""
        began = time.monotonic()
        while self.rebuild.finish(self.job_id):
            pass
        while not self.rebuild.swap(self.job_id):
            pass
        seconds = time.monotonic() - began
        self.rebuild.drop(self.job_id)
        return seconds

    def told(self, what: str, documents: int) -> str:
        return (
            f"{what}: {documents / self._cpu:.0f} documents a second and core of the worker's, "
            f"{documents / max(self._server, 0.01):.0f} of the server's"
        )

    def close(self) -> None:
        self.rebuild.close()


class _Copy:
    """The floor: rows that are made already go into a table without indexes."""

    def __init__(self, url: str, bucket: _Bucket) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("CREATE TABLE floor (LIKE documents INCLUDING DEFAULTS)")
        self._rows = list(_rows(bucket))

    def page(self) -> None:
        names = ", ".join(self._rows[0])
        with self._connection.cursor() as cursor, cursor.copy(f"COPY floor ({names}) FROM STDIN") as copy:
            for row in self._rows:
                copy.write_row(list(row.values()))


def _rows(bucket: _Bucket) -> Iterator[dict[str, Any]]:
    for name in bucket.attributes[:PAGE]:
        key = name.removesuffix(".attr.json")
        projection = Projection(
            attributes=attr.parse(bucket.bodies[name]), bucket="bench", key=key, attributes_etag='"1"'
        )
        yield _row(Filled(projection=projection))


def _described(number: int, source: random.Random) -> Attributes:
    file_id, at = UUID(int=number + 1), _START + timedelta(minutes=number)
    words = source.choices(_WORDS, k=8)
    stem = f"{words[0]}_{number:07}"
    return Attributes(
        file_id=file_id,
        original_filename=f"{stem}.pdf",
        storage_filename=f"{stem}_bench_{at:%Y%m%dT%H%M%S}_{file_id}.pdf",
        file_size=1000,
        content_type="application/pdf",
        created_at=at,
        updated_at=at,
        created_by_id="sa_bench",
        created_by_username="bench",
        description=" ".join(words),
        tags=("bench", f"tag{number % 50}"),
        custom_attributes={"department": "archive", "number": number},
        storage_path=f"{at:%Y/%m/%d/%H}/",
        checksum="ab" * 32,
        revision=1,
        retention=Retention(policy="permanent"),
        extracted=Extracted(status="ok", format="pdf", title=" ".join(words[:3]), pages=12, characters=20_000),
        storage_element_id=_ELEMENT.element_id,
    )
