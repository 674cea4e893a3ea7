"""Documents are read again, the longest unchecked first; what is not what it was is told, and never changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from artstore import attributes as attr
from artstore.attributes import Quarantine
from artstore.elements import Mode, StorageElement, StorageElements
from artstore.errors import NotFound, Unavailable
from artstore.fixity import Fixity, FixityOutcome
from artstore.index import ObjectVersion, Projection
from artstore.index.claims import Place
from artstore.jobs import Job, new_job
from artstore.naming import attributes_key
from artstore.objects import StoredObject
from functions.maintenance.fixity.checking import Checking
from functions.maintenance.fixity.runner import MOST_IN_A_ROW, FixityRunner
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait
from tests.fakes.documents import id_number, make_attributes
from tests.fakes.memory_bucket import EDIT, KEPT, MemoryBuckets
from tests.fakes.memory_fixity import MemoryFixity
from tests.fakes.memory_index import MemoryIndex
from tests.fakes.memory_outbox import MemoryOutbox
from tests.support.killing import AFTER, BEFORE, Killed, Killer

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ELEMENTS = StorageElements(
    (StorageElement("edit-01", EDIT, Mode.EDIT), StorageElement("rw-01", KEPT, Mode.RW, prefix="docs/"))
)


class FailingDisks(MemoryBuckets):
    """Storage whose disks fail: what it tells of an object stays as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.flipped: set[Place] = set()
        """Objects with one bit that is another than it was."""
        self.lost: set[Place] = set()
        self.unreadable: set[Place] = set()
        self.archived: set[Place] = set()
        self.read_bytes = 0
        self.before_head: Any = lambda: None

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject:
        self.before_head()
        if Place(bucket, key) in self.lost:
            raise NotFound("no such object")
        found = super().head(bucket, key, version_id)
        return msgspec.structs.replace(found, archived=Place(bucket, key) in self.archived)

    @contextlib.contextmanager
    def stream(self, bucket: str, key: str, **named: Any) -> Iterator[Iterator[bytes]]:
        place, start = Place(bucket, key), named.get("start", 0)
        if place in self.unreadable:
            raise Unavailable("storage does not answer", code="storage_unavailable")
        with super().stream(bucket, key, **named) as chunks:
            body = b"".join(chunks)
        if place in self.flipped and start == 0:
            body = bytes([body[0] ^ 1]) + body[1:]

        def give() -> Iterator[bytes]:
            for at in range(0, len(body), 4):
                self.read_bytes += len(body[at : at + 4])
                yield body[at : at + 4]

        yield give()


class World:
    """An archive whose documents are checked."""

    def __init__(self, killer: Killer | None = None, days: int = 365) -> None:
        self.now = NOW
        self.disks = FailingDisks()
        self.index = MemoryIndex()
        self.checks = MemoryFixity(self.index)
        self.outbox = MemoryOutbox()
        self.told: list[int] = []
        guard = killer or Killer()
        self.runner = FixityRunner(
            checks=guard.guard(self.checks),
            checking=Checking(guard.guard(self.disks, "head", "read", "stream"), guard.guard(self.index, "at")),
            index=self.index,
            elements=lambda: ELEMENTS,
            outbox=guard.guard(self.outbox),
            days=days,
            told=self.told.append,
            clock=lambda: self.now,
        )

    def put(self, number: int, bucket: str = EDIT, **changes: Any) -> Place:
        """Have a document: its object, its attr.json, its row."""
        key, body = f"docs/{number:03}.bin", f"the bytes of {number}".encode()
        self.disks.put(bucket, key, body)
        stored = self.disks.head(bucket, key)
        values = {"file_id": id_number(number), "of": body, "storage_version_id": stored.version_id} | changes
        described = make_attributes(**values)
        self.disks.put(bucket, attributes_key(key), attr.dump(described))
        held = ObjectVersion(etag=stored.etag, modified=stored.last_modified, version_id=stored.version_id)
        self.index.project(
            Projection(attributes=described, bucket=bucket, key=key, attributes_etag='"1"', object=held)
        )
        return Place(bucket, key)

    def job(self, **asked: Any) -> Job:
        return new_job(UUID(int=900), "fixity", msgspec.to_builtins(asked), self.now)

    def run(self, chunks: int = 1_000_000, job: Job | None = None, **asked: Any) -> Step:
        """Run a job to its end; in each step there is time for so many chunks of four bytes."""
        job = job or self.job(**asked)
        self.now += timedelta(seconds=1)
        for _ in range(1000):
            left = iter(range(chunks - 1, -1, -1))
            step = self.runner.step(job, lambda: float(next(left, 0)))  # noqa: B023  # called within the step
            if isinstance(step, Wait):
                assert step.until > self.now
                self.now = step.until
            elif not isinstance(step, Continue):
                return step
            progress = msgspec.json.decode(msgspec.json.encode(step.progress))
            job = msgspec.structs.replace(job, progress=progress)
        raise AssertionError("no end")

    def report(self, **asked: Any) -> dict[str, Any]:
        ended = self.run(**asked)
        assert isinstance(ended, Done)
        return ended.result

    def fixity(self, place: Place, number: int) -> Fixity | None:
        checksum = attr.parse(self.disks.body(place.bucket, attributes_key(place.key)) or b"").checksum
        return self.checks.last(place, id_number(number), checksum or "")


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("chunks", [1, 2, 1_000_000])
def test_documents_that_are_what_they_were_are_found_so(world: World, chunks: int) -> None:
    places = [world.put(number, bucket) for number, bucket in ((1, EDIT), (2, KEPT), (3, EDIT))]
    report = world.report(chunks=chunks, share=1)
    assert (report["documents"], report["checked"], report["counts"]) == (3, 3, {"ok": 3})
    assert report["bytes"] == world.disks.read_bytes == 3 * len(b"the bytes of 1")
    for number, place in enumerate(places, 1):
        found = world.fixity(place, number)
        assert found is not None
        assert found.outcome is FixityOutcome.OK
    assert (world.outbox.events, world.told) == ([], [])


@pytest.mark.parametrize("bucket", [EDIT, KEPT])
@pytest.mark.parametrize("chunks", [1, 1_000_000])
def test_one_flipped_bit_is_found_told_and_left_as_it_is(world: World, bucket: str, chunks: int) -> None:
    damaged, whole = world.put(1, bucket), world.put(2, bucket)
    world.disks.flipped.add(damaged)
    before = {key: world.disks.body(bucket, key) for key in world.disks.keys(bucket)}
    report = world.report(chunks=chunks, share=1)
    assert report["counts"] == {"mismatch": 1, "ok": 1}
    assert report["failures"] == [
        {"file_id": str(id_number(1)), "outcome": "mismatch", "place": f"s3://{bucket}/{damaged.key}"}
    ]
    [event] = world.outbox.events
    assert (event.action, event.object, event.reason) == ("fixity.failed", f"file/{id_number(1)}", "mismatch")
    assert event.before is not None
    assert event.after is not None
    assert event.before["checksum"] != event.after["sha256"]
    assert world.told == [1]
    assert [world.fixity(each, number) for number, each in ((1, damaged), (2, whole))] == [
        Fixity(world.now, FixityOutcome.MISMATCH),
        Fixity(world.now, FixityOutcome.OK),
    ]
    assert {key: world.disks.body(bucket, key) for key in world.disks.keys(bucket)} == before


@pytest.mark.parametrize("bucket", [EDIT, KEPT])
def test_bytes_that_are_gone_are_a_failure_of_their_own(world: World, bucket: str) -> None:
    place = world.put(1, bucket)
    world.disks.lost.add(place)
    assert world.report(share=1)["counts"] == {"missing": 1}
    [event] = world.outbox.events
    assert (event.reason, event.after and event.after["sha256"]) == ("missing", None)
    assert world.fixity(place, 1) == Fixity(world.now, FixityOutcome.MISSING)


def test_a_longer_object_is_a_mismatch_without_being_read(world: World) -> None:
    world.put(1, KEPT, file_size=3)
    assert world.report(share=1)["counts"] == {"mismatch": 1}
    assert world.disks.read_bytes == 0


def test_what_storage_does_not_give_is_asked_for_three_times_and_then_told(world: World) -> None:
    place, whole = world.put(1), world.put(2)
    world.disks.unreadable.add(place)
    assert world.report(share=1)["counts"] == {"ok": 1, "unreadable": 1}
    assert [event.reason for event in world.outbox.events] == ["unreadable"]
    assert world.now >= NOW + timedelta(minutes=2), "a minute between two tries"
    assert world.fixity(whole, 2) is not None


def test_storage_that_is_away_is_nobodys_failure(world: World) -> None:
    world.disks.unreadable |= {world.put(number) for number in range(MOST_IN_A_ROW)}
    with pytest.raises(Unavailable):
        world.run(share=1)
    assert (world.outbox.events, world.checks.found) == ([], {})


def test_what_cannot_be_checked_now_is_counted_by_its_reason_and_not_told(world: World) -> None:
    world.disks.archived.add(world.put(1))
    world.put(2, checksum=None, checksum_verified=False)
    world.put(3, quarantine=Quarantine(reason="checksum_mismatch", at=NOW))
    overwritten = world.put(4)
    world.disks.put(EDIT, overwritten.key, b"others")  # its event is on its way
    gone = world.put(5)
    world.disks.delete(EDIT, attributes_key(gone.key))
    broken = world.put(6)
    world.disks.put(EDIT, attributes_key(broken.key), b"nonsense")
    report = world.report(share=1)
    assert report["passed_over"] == dict.fromkeys(
        ["archived", "changed", "damaged", "gone", "quarantined", "unproven"], 1
    )
    assert (report["checked"], world.outbox.events) == (0, [])
    assert gone not in world.checks.looked_at
    world.now += timedelta(days=1)
    assert world.report(share=1)["passed_over"]["archived"] == 1, "it is looked at when its turn comes again"


@pytest.mark.parametrize("what", ["object", "attributes"])
def test_what_changes_while_it_is_read_is_not_damage(world: World, what: str) -> None:
    place = world.put(1)
    world.disks.flipped.add(place)
    looks = 0

    def change() -> None:
        nonlocal looks
        looks += 1
        if looks == 1 and what == "attributes":
            world.disks.put(EDIT, attributes_key(place.key), attr.dump(make_attributes(of=b"new", revision=2)))
        if looks == 2 and what == "object":
            world.disks.put(EDIT, place.key, b"new")

    world.disks.before_head = change
    report = world.report(share=1)
    assert (report["passed_over"], report["checked"]) == ({"changed": 1}, 0)
    assert world.outbox.events == []


def test_each_day_has_its_share_and_after_so_many_days_everything_was_checked() -> None:
    world = World(days=5)
    places = [world.put(number) for number in range(12)]
    seen: list[int] = []
    for _ in range(5):
        report = world.report()
        assert report["documents"] == 12
        seen.append(report["checked"])
        world.now += timedelta(days=1)
    assert seen == [3, 3, 3, 3, 3]
    assert set(world.checks.found) == set(places)
    oldest = sorted(world.checks.found, key=lambda place: world.checks.found[place][0].checked_at)
    assert oldest[-3:] == places[:3], "the first are checked again, the longest ago first"


def test_one_storage_element_is_checked_alone(world: World) -> None:
    world.put(1)
    kept = world.put(2, KEPT)
    report = world.report(element_id="rw-01", share=1)
    assert (report["documents"], list(world.checks.found)) == (1, [kept])
    assert world.run(element_id="nowhere") == Fail("element_not_found", "there is no such storage element")


def test_one_document_is_checked_whenever_it_was_checked(world: World) -> None:
    world.put(1)
    place = world.put(2)
    for _ in range(2):
        assert world.report(file_id=id_number(2))["counts"] == {"ok": 1}
    assert list(world.checks.found) == [place]
    assert world.run(file_id=id_number(404)) == Fail("document_not_found", "there is no such document")


def test_nothing_to_check_is_an_end(world: World) -> None:
    assert world.report()["documents"] == 0


def _calls() -> int:
    killer = Killer()
    _run_with(World(killer))
    return len(killer.calls)


def _run_with(world: World) -> None:
    damaged = world.put(1)
    world.put(2, KEPT)
    world.disks.flipped.add(damaged)
    job = world.job(share=1.0)
    saved: list[Job] = [job]
    for _ in range(4):
        with contextlib.suppress(Killed):
            _go_on(world, saved)
            break
    assert isinstance(_go_on(world, saved), Done)


def _go_on(world: World, saved: list[Job]) -> Step:
    """Go on from what was saved last; a step is saved when it has come to its end."""
    while True:
        left = iter(range(2, -1, -1))
        step = world.runner.step(saved[-1], lambda: float(next(left, 0)))  # noqa: B023
        if not isinstance(step, Continue):
            return step
        progress = msgspec.json.decode(msgspec.json.encode(step.progress))
        saved.append(msgspec.structs.replace(saved[-1], progress=progress))


@pytest.mark.parametrize("when", [BEFORE, AFTER])
@pytest.mark.parametrize("number", range(_calls()))
def test_whoever_is_killed_anywhere_is_followed_by_one_who_finds_the_same(number: int, when: str) -> None:
    world = World(Killer(number, when))
    _run_with(world)
    assert {place.key: found.outcome for place, (found, _) in world.checks.found.items()} == {
        "docs/001.bin": FixityOutcome.MISMATCH,
        "docs/002.bin": FixityOutcome.OK,
    }
    assert 1 <= len(world.outbox.events) <= 2, "once, or twice after a crash; never not at all"
    assert {event.reason for event in world.outbox.events} == {"mismatch"}
