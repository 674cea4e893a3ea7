"""attr.json files of older formats are rewritten when somebody asks, and say the same afterwards."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.elements import Mode, StorageElement, StorageElements
from artstore.errors import Misconfigured
from artstore.jobs import Job, JobStatus, new_job
from artstore.naming import attributes_key, is_attributes_key
from artstore.objects import Content
from artstore.spaces import EVERYWHERE
from functions.maintenance.jobs.engine import Engine, Ran
from functions.maintenance.migrating.runner import MOST_SAMPLES, Migration
from functions.maintenance.migrating.starting import KIND
from tests.fakes.memory_bucket import EDIT, KEPT
from tests.fakes.memory_index import MemoryIndex
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake
from tests.support.ingesting.first_archive import DIALECT, EVERYTHING, V1, V2, Left
from tests.support.ingesting.world import ELEMENTS, PREFIX, World
from tests.support.killing import Killer, every_moment
from tests.support.reconciling import MemoryListing

OLDER = len(V1) + len(DIALECT)


class Migrated:
    """An archive of the first ArtStore in both buckets, and jobs that migrate it."""

    def __init__(self, *, page: int = 5, elements: StorageElements = ELEMENTS) -> None:
        self.world = World(MemoryIndex(), knows_sha256=True)
        self.buckets = self.world.buckets
        self.buckets.replaces_kept = True
        self.jobs = MemoryJobs()
        self.elements = elements
        self._page = page
        for bucket in (EDIT, KEPT):
            for left in EVERYTHING:
                self.put(bucket, renumbered(left, bucket))
        self.world.deliver_all()

    def put(self, bucket: str, left: Left, raw: bytes | None = None) -> str:
        """Leave a document; give the key of its attr.json."""
        key = PREFIX[bucket] + left.key
        self.buckets.put(bucket, attributes_key(key), left.raw if raw is None else raw)
        self.buckets.put(bucket, key, left.body)
        return attributes_key(key)

    def said(self) -> dict[tuple[str, str], Attributes]:
        """Give what each attr.json says."""
        return {place: attr.parse(raw) for place, raw in self.raws().items()}

    def raws(self) -> dict[tuple[str, str], bytes]:
        """Give each attr.json."""
        return {
            (bucket, key): self.buckets.body(bucket, key) or b""
            for bucket in (EDIT, KEPT)
            for key in self.buckets.keys(bucket)
            if is_attributes_key(key)
        }

    def start(self, **asked: Any) -> UUID:
        """Write a migration down."""
        job_id = uuid4()
        self.jobs.create(new_job(job_id, KIND, asked, self.buckets.now))
        return job_id

    def work(self, job_id: UUID, killer: Killer | None = None, seconds: float = 300) -> Job:
        """Do the job to its end."""
        killer = killer or Killer()
        listing = MemoryListing(self.buckets, page=self._page, fits=True)
        runner = Migration(
            elements=lambda: self.elements,
            listing=killer.guard(listing),
            objects=killer.guard(self.buckets),
            at_once=1,
        )
        engine = Engine(
            jobs=killer.guard(self.jobs),
            wake=RememberedWake(),
            runner_of=lambda _kind: runner,
            failed=_raise,
            clock=lambda: self.buckets.now,
        )
        for _ in range(200):
            assert engine.run(job_id, lambda: seconds) is not Ran.RETRIED
            job = self.jobs.find(job_id)
            assert job is not None
            if job.is_over:
                return job
        raise AssertionError("the job has no end")

    def migrate(self, **asked: Any) -> dict[str, Any]:
        """Migrate, and give the report."""
        job = self.work(self.start(**asked))
        assert job.status is JobStatus.COMPLETED
        assert job.result is not None
        return job.result


def renumbered(left: Left, bucket: str) -> Left:
    """Give the document an id of its own in each bucket."""
    was, is_now = "7f000000", {EDIT: "7f000001", KEPT: "7f000002"}[bucket]
    return Left(left.key.replace(was, is_now), left.body, json.loads(left.raw.decode().replace(was, is_now)))


def test_every_older_one_becomes_2_0_and_says_what_it_said() -> None:
    archive = Migrated()
    before, shown = archive.said(), archive.world.index.search(None, 100, None, EVERYWHERE)
    report = archive.migrate()
    assert report["counts"] == {"migrated": 2 * OLDER, "present": 2 * len(V2)}
    assert report["elements"] == {"edit-01": "walked", "rw-01": "walked"}
    assert report["samples"] == []
    assert archive.said() == before
    for raw in archive.raws().values():
        assert json.loads(raw)["schema_version"] == "2.0"
    archive.world.deliver_all()
    archive.world.check()
    after = archive.world.index.search(None, 100, None, EVERYWHERE)
    assert [each.attributes for each in after.items] == [each.attributes for each in shown.items]


def test_what_is_2_0_already_is_left_as_it_is_to_the_byte() -> None:
    archive = Migrated()
    before = archive.raws()
    archive.migrate()
    after = archive.raws()
    for place, raw in before.items():
        is_older = "schema_version" not in json.loads(raw) or json.loads(raw)["schema_version"] == "1.0"
        assert (after[place] == raw) is not is_older
    assert archive.migrate()["counts"] == {"present": 2 * len(EVERYTHING)}
    assert archive.raws() == after, "a second one finds nothing to do"


def test_a_dry_run_tells_and_writes_nothing() -> None:
    archive = Migrated()
    before = archive.raws()
    report = archive.migrate(dry_run=True, element_id="edit-01")
    assert (report["dry_run"], report["counts"]) == (True, {"migrated": OLDER, "present": len(V2)})
    assert archive.raws() == before
    assert archive.buckets.events == []


def test_an_element_that_allows_no_change_is_told_of_and_left_alone() -> None:
    closed = StorageElements(
        (StorageElement("edit-01", EDIT, Mode.EDIT), StorageElement("rw-01", KEPT, Mode.RO, prefix="docs/"))
    )
    archive = Migrated()
    archive.elements = closed
    before = archive.raws()
    report = archive.migrate()
    assert report["elements"] == {"edit-01": "walked", "rw-01": "read_only"}
    assert report["counts"]["migrated"] == OLDER
    assert all(archive.raws()[place] == raw for place, raw in before.items() if place[0] == KEPT)


def test_an_element_that_there_is_not_fails_the_job() -> None:
    archive = Migrated()
    job = archive.work(archive.start(element_id="nowhere"))
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == "element_not_found"


def test_what_cannot_be_rewritten_is_told_by_name_and_stays() -> None:
    archive = Migrated()
    broken = archive.put(EDIT, V1[0], b'{"file_id": "x"}')
    free = {"filler": "x" * (attr.MAX_BYTES - len(json.dumps(DIALECT[0].attributes)) - 20)}
    large = archive.put(EDIT, DIALECT[0], json.dumps(DIALECT[0].attributes | free).encode())
    before = archive.raws()
    assert attr.parse(before[EDIT, large]).custom_attributes["filler"], "it is read as it is"
    report = archive.migrate(element_id="edit-01")
    assert (report["counts"]["damaged"], report["counts"]["unwritable"]) == (1, 1)
    told = {each["name"]: (each["outcome"], each["reason"]) for each in report["samples"]}
    assert told == {
        f"s3://{EDIT}/{broken}": ("damaged", "attributes_invalid"),
        f"s3://{EDIT}/{large}": ("unwritable", "attributes_too_large"),
    }
    for key in (broken, large):
        assert archive.raws()[EDIT, key] == before[EDIT, key]


def test_a_change_that_comes_between_wins_and_is_not_lost() -> None:
    archive = Migrated()
    key = attributes_key(renumbered(V1[0], EDIT).key)
    edited = json.dumps(renumbered(V1[0], EDIT).attributes | {"description": "just now"}).encode()
    read = archive.buckets.read

    def overtaken(bucket: str, of: str, limit: int) -> Content:
        content = read(bucket, of, limit)
        if (bucket, of) == (EDIT, key) and archive.buckets.body(bucket, of) != edited:
            archive.buckets.put(bucket, of, edited)
        return content

    archive.buckets.read = overtaken  # type: ignore[method-assign,assignment]
    archive.migrate()
    found = attr.parse(archive.raws()[EDIT, key])
    assert found.description == "just now"
    assert json.loads(archive.raws()[EDIT, key])["schema_version"] == "2.0"


def test_what_storage_refuses_is_told_and_the_walk_goes_on() -> None:
    archive = Migrated()

    def refuse(*_: object) -> str:
        raise Misconfigured("no")

    archive.buckets.replace = refuse  # type: ignore[method-assign,assignment]
    report = archive.migrate()
    assert report["counts"] == {"present": 2 * len(V2), "refused": 2 * OLDER}
    assert {each["reason"] for each in report["samples"]} == {"write_refused"}
    assert len(report["samples"]) <= MOST_SAMPLES


def test_a_migration_that_has_little_time_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.maintenance.migrating.runner.SAVED_EVERY", 1)
    archive = Migrated(page=1000)
    job = archive.work(archive.start(), seconds=0)
    assert job.result is not None
    assert job.result["counts"] == {"migrated": 2 * OLDER, "present": 2 * len(V2)}, "each is counted once"


def test_a_migration_that_is_killed_anywhere_leaves_nothing_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.maintenance.migrating.runner.SAVED_EVERY", 3)
    archive, job_id = Migrated(), uuid4()
    expected: dict[tuple[str, str], bytes] = {}

    def run(killer: Killer) -> None:
        nonlocal archive, job_id
        archive = Migrated(page=16)
        job_id = archive.start()
        archive.work(job_id, killer)

    def afterwards(where: str) -> None:
        archive.buckets.now += timedelta(minutes=10)
        job = archive.work(job_id)
        assert job.status is JobStatus.COMPLETED, where
        assert job.result is not None
        assert sum(job.result["counts"].values()) == 2 * len(EVERYTHING), where
        expected.update(expected or archive.raws())
        assert archive.raws() == expected, where
        assert archive.migrate()["counts"] == {"present": 2 * len(EVERYTHING)}, where

    assert every_moment(run, afterwards=afterwards) > 80


def _raise(_job: Job, error: BaseException) -> None:
    raise error
