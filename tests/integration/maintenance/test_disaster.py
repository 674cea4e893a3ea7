"""The drill of docs/exit.md: tables and index are gone, the buckets alone are left, and everything comes back."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from artstore.index.postgres import PostgresIndex
from artstore.jobs import JobStatus
from artstore.naming import attributes_key
from artstore.spaces import EVERYWHERE
from infra import migrate
from tests.fakes.memory_bucket import EDIT, KEPT
from tests.fakes.memory_jobs import MemoryJobs
from tests.support.reindexing import Reindexed


@pytest.fixture
def archive(database_url: str) -> Iterator[Reindexed]:
    archive = Reindexed(database_url)
    yield archive
    archive.close()


def fill(archive: Reindexed) -> None:
    """Documents of every kind: in use, in the trash, copied, replaced, without bytes, damaged, another tool's, and
    one of which a stranger has written another version."""
    for number in range(1, 9):
        archive.world.upload((EDIT, KEPT)[number % 2], number, f"text of number {number}".encode())
        archive.world.deliver_all()
    keys = {number: str(archive.world.records.kept[UUID(int=number)].key) for number in range(1, 9)}
    archive.world.edit(EDIT, keys[2], deleted_at="2026-03-01T12:00:00Z")
    archive.world.copy(EDIT, keys[4], EDIT, "copied.txt")
    archive.world.copy(EDIT, attributes_key(keys[4]), EDIT, attributes_key("copied.txt"))
    archive.world.edit(EDIT, keys[6], supersedes=str(UUID(int=4)))
    archive.buckets.delete(EDIT, keys[8])
    archive.buckets.put(EDIT, "stranger.txt", b"from elsewhere")
    archive.buckets.put(KEPT, keys[1], b"foreign bytes")
    archive.world.deliver_all()
    archive.buckets.put(EDIT, "damaged.txt", b"soon damaged")
    archive.world.deliver_all()
    archive.buckets.put(EDIT, attributes_key("damaged.txt"), b"no JSON")
    archive.world.deliver_all()


def lose_all_but_the_buckets(archive: Reindexed) -> None:
    """Drop the schema of the index, and every record; go on with what migrations and the template make anew."""
    archive.index.close()
    archive.rebuild.close()
    archive.sql("DROP SCHEMA public CASCADE")
    archive.sql("CREATE SCHEMA public")
    assert migrate.upgrade(archive.database_url) == (None, migrate.newest_revision())
    archive.jobs = MemoryJobs()
    archive.index = PostgresIndex(archive.database_url)
    archive.world.index = archive.index
    archive.world.records.kept.clear()
    archive.world.ingest = archive.world._build(archive.index)
    assert archive.claims() == []


def found(archive: Reindexed, query: str) -> list[UUID]:
    page = archive.index.search(query, 100, None, EVERYWHERE, all_versions=True)
    return [each.attributes.file_id for each in page.items]


def held(archive: Reindexed) -> dict[tuple[str, str], bytes | None]:
    buckets = archive.buckets
    return {(name, key): buckets.body(name, key) for name in (EDIT, KEPT) for key in buckets.keys(name)}


def test_the_buckets_alone_bring_everything_back(archive: Reindexed) -> None:
    fill(archive)
    rows, damaged, bytes_held = archive.claims(), archive.damaged(), held(archive)
    by_text = found(archive, "text of number")
    assert (len(rows), len(damaged), len(by_text)) == (10, 1, 6)
    lose_all_but_the_buckets(archive)
    assert archive.reindex().status is JobStatus.COMPLETED
    assert archive.claims() == rows
    assert archive.damaged() == damaged
    assert found(archive, "text of number") == by_text
    assert held(archive) == bytes_held, "nothing is written to the buckets"
    archive.check_usage()


def test_before_the_text_is_read_again_everything_is_there_but_found_by_its_name_alone(archive: Reindexed) -> None:
    fill(archive)
    listed = found(archive, "")
    lose_all_but_the_buckets(archive)
    archive.start()
    archive.work()
    assert found(archive, "") == listed
    assert found(archive, "text of number") == []
    assert {(place.bucket, place.key) for place in archive.looks.asked} >= {
        (row["bucket"], row["object_key"]) for (row,) in archive.claims() if row["shown"]
    }
