"""What is kept of fixity checks; run on PostgreSQL and on the fake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from artstore.fixity import Compared, Enrolled, Fixity, FixityChecks, FixityOutcome, Within
from artstore.index import DocumentIndex
from artstore.index.claims import Place
from artstore.index.fixity_checks import FixityTable
from artstore.index.postgres import PostgresIndex
from tests.fakes.documents import NOON, id_number, make_projection
from tests.fakes.memory_fixity import MemoryFixity
from tests.fakes.memory_index import MemoryIndex

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
CHECKSUM = "ab" * 32


class World:
    """An index, and the checks beside it."""

    def __init__(self, index: DocumentIndex, checks: FixityChecks) -> None:
        self.index = index
        self.checks = checks

    def put(self, number: int, key: str, bucket: str = "edit") -> Place:
        self.index.project(make_projection(file_id=id_number(number), bucket=bucket, key=key))
        return Place(bucket, key)

    def oldest(self, within: Within | None = None) -> list[Place]:
        return list(self.checks.oldest(NOW + 10 * HOUR, 10, within))


@pytest.fixture(params=["postgres", "memory"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        memory = MemoryIndex()
        return World(memory, MemoryFixity(memory))
    index: PostgresIndex = request.getfixturevalue("postgres_index")
    index.server.run(lambda connection: connection.execute("TRUNCATE fixity_checks"))
    return World(index, FixityTable(index.server))


def compared(number: int = 1, checksum: str = CHECKSUM) -> Compared:
    return Compared(file_id=id_number(number), checksum=checksum, sha256=None)


def test_every_document_that_is_shown_is_enrolled_page_by_page_and_counted(world: World) -> None:
    places = [world.put(number, f"{number:02}.pdf") for number in range(5)]
    world.put(0, "copy of 00.pdf", bucket="kept")  # the same document, shown elsewhere
    world.index.remove("edit", "removed.pdf", NOON)
    first = world.checks.enrol(None, 3, None)
    assert first == Enrolled(3, places[2])
    second = world.checks.enrol(first.next, 3, None)
    assert (second.documents, second.next) == (2, Place("edit", "removed.pdf"))
    last = world.checks.enrol(second.next, 3, None)
    assert last == Enrolled(0, None)
    assert world.oldest() == places
    assert world.checks.enrol(None, 100, None) == Enrolled(5, None)
    assert world.checks.enrol(Place("zzz", ""), 100, None) == Enrolled(0, None)


def test_the_longest_unchecked_comes_first_and_what_is_new_before_all(world: World) -> None:
    first, second, third = (world.put(number, f"{number}.pdf") for number in range(3))
    world.checks.enrol(None, 100, None)
    world.checks.note(first, NOW + HOUR, FixityOutcome.OK, compared())
    world.checks.pass_over(second, NOW)
    assert world.oldest() == [third, second, first]
    assert world.checks.oldest(NOW + HOUR, 10, None) == [third, second], "not those looked at since"
    assert world.checks.oldest(NOW + HOUR, 1, None) == [third]
    world.checks.enrol(None, 100, None)
    assert world.oldest() == [third, second, first], "who is enrolled keeps his turn"
    world.checks.forget(third)
    assert world.oldest() == [second, first]


def test_a_part_of_a_bucket_is_chosen_alone(world: World) -> None:
    inside = world.put(1, "a_/1.pdf")
    world.put(2, "ab/2.pdf")
    world.put(3, "a_/3.pdf", bucket="kept")
    within = Within("edit", "a_/")
    assert world.checks.enrol(None, 100, within).documents == 1
    assert world.oldest(within) == [inside]
    assert len(world.oldest()) == 3, "all are enrolled"


def test_what_was_found_is_told_of_the_very_bytes_it_was_found_of(world: World) -> None:
    place = world.put(1, "1.pdf")
    assert world.checks.last(place, id_number(1), CHECKSUM) is None
    world.checks.enrol(None, 100, None)
    assert world.checks.last(place, id_number(1), CHECKSUM) is None
    world.checks.note(place, NOW, FixityOutcome.OK, compared())
    world.checks.note(place, NOW + HOUR, FixityOutcome.MISMATCH, compared())
    world.checks.pass_over(place, NOW + 2 * HOUR)
    assert world.checks.last(place, id_number(1), CHECKSUM) == Fixity(NOW + HOUR, FixityOutcome.MISMATCH)
    assert world.checks.last(place, id_number(2), CHECKSUM) is None, "another document lies there now"
    assert world.checks.last(place, id_number(1), "cd" * 32) is None, "it has other bytes now"


def test_a_document_is_checked_that_nobody_has_enrolled(world: World) -> None:
    place = world.put(1, "1.pdf")
    world.checks.note(place, NOW, FixityOutcome.MISSING, compared())
    assert world.checks.last(place, id_number(1), CHECKSUM) == Fixity(NOW, FixityOutcome.MISSING)
    world.checks.pass_over(world.put(2, "2.pdf"), NOW)
    assert len(world.oldest()) == 2
