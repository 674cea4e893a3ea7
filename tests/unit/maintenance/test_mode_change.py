"""The change of a storage element's mode: two phases, in steps that may each be run twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from artstore.audit import AuditEvent
from artstore.aws.ingesting import LATER, IngestOutcome
from artstore.elements import Mode, StorageElement, StorageElements, Transition
from artstore.elements.registry import CACHED_SECONDS, Definition, Rows
from artstore.errors import Unavailable
from artstore.jobs import Job, JobStatus, new_job
from functions.maintenance.elements.mode_change import (
    MODE_CHANGED,
    MOST_TRIES,
    Guarded,
    Keys,
    ModeChange,
    new_mode_job,
)
from functions.maintenance.elements.proofs import Proofs, Unproven
from functions.maintenance.guard import rules
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait
from tests.fakes.memory_jobs import MemoryJobs

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JOB_ID = "7b0e3d38-19a8-4f0a-9f0e-000000000001"
SEEDS = StorageElements((StorageElement("edit-01", "e", Mode.EDIT), StorageElement("rw-01", "b", Mode.RW)))


class StorageOf:
    def __init__(self, world: World) -> None:
        self._world = world

    def refuses_writes(self, bucket: str, key: str) -> bool:
        return self._world.refuses_writes(bucket, key)

    def keys(self, bucket: str, prefix: str, after: str | None) -> Keys:
        return self._world.keys_page(after)


class World:
    """A registry, a bucket whose guard does as the registry says, ingest, and the audit log."""

    def __init__(self, to: Mode = Mode.RO, mode: Mode = Mode.RW) -> None:
        self.now = START
        transition = Transition(
            to=to, phase="draining", since="2026-03-01T12:00:00.000Z", job_id=JOB_ID, requested_by="admin"
        )
        self.definition = Definition(
            element_id="two", bucket="b", prefix="two/", mode=mode, revision=4, transition=transition
        )
        self.keys: list[str] = []
        self.page = 1000
        self.ingested: list[str] = []
        self.outcomes: dict[str, str] = {}
        self.events: list[AuditEvent] = []
        self.seen: list[tuple[str, str]] = []
        """Phase and what storage refuses, each time something was asked of storage."""
        self.is_guard_deaf = False
        self.is_storage_shut = False
        self.does_storage_lag = False
        self.unproven: dict[str, str] = {}
        """Keys whose checksum is yet to be proven: awaited, or dead."""
        self.progress: dict[str, Any] = {}
        self.change = ModeChange(
            seeds=SEEDS,
            table=self,
            storage=StorageOf(self),
            guard=self.guard,
            ingest=self.ingest,
            unproven=self.find_unproven,
            audit=self,
            clock=lambda: self.now,
        )

    # The registry.
    def read(self) -> Rows:
        return Rows(definitions={"two": self.definition})

    def put(self, definition: Definition, transaction: Any) -> None:
        assert definition.revision == self.definition.revision + 1
        self.definition = definition

    def replace(self, definition: Definition) -> bool:
        self.put(definition, None)
        return True

    # Storage.
    def guard(self) -> Guarded:
        archived = ["two"] if rules.is_archived(self.definition) else []
        state = "open" if self.is_guard_deaf else str(rules.guard_of(self.definition))
        state = "closing" if self.is_storage_shut else state
        return Guarded({"two": state}, archived)

    def refuses_writes(self, bucket: str, key: str) -> bool:
        self.seen.append((self.phase, str(rules.guard_of(self.definition))))
        return not self.does_storage_lag

    def list_after(self, after: str | None) -> list[str]:
        return [key for key in sorted(self.keys) if after is None or key > after]

    def keys_page(self, after: str | None) -> Keys:
        rest = self.list_after(after)
        page = rest[: self.page]
        return Keys(page, page[-1] if len(rest) > self.page else None)

    def ingest(self, bucket: str, key: str) -> IngestOutcome:
        assert (bucket, self.phase) == ("b", "settling"), "nothing is described before storage is closed"
        self.ingested.append(key)
        outcome = self.outcomes.get(key, "stored")
        return IngestOutcome(outcome=outcome, attributes={} if outcome == "stored" else None)

    # The jobs.
    def find_unproven(self, lies_within: Callable[[str, str], bool]) -> Unproven:
        inside = {key: stands for key, stands in self.unproven.items() if lies_within("b", key)}
        return Unproven(*([key for key in inside if inside[key] == each] for each in ("awaited", "dead")))

    # The audit log.
    def append(self, event: AuditEvent, alongside: Any = None) -> Any:
        alongside(None)
        self.events.append(event)

    @property
    def phase(self) -> str:
        return self.definition.transition.phase if self.definition.transition else "none"

    def job(self, request: dict[str, Any]) -> Job:
        made = new_mode_job("two", self.transition)
        return msgspec.structs.replace(made, request=request, progress=self.progress)

    @property
    def transition(self) -> Transition:
        return self.definition.transition or Transition(
            to=self.definition.mode, phase="", since="", job_id=JOB_ID, requested_by="admin"
        )

    def step(self, seconds: float = 100) -> Step:
        to = str(self.transition.to)
        step = self.change.step(self.job({"element_id": "two", "to": to}), lambda: seconds)
        if isinstance(step, Continue | Wait):
            self.progress = msgspec.json.decode(msgspec.json.encode(step.progress))
        if isinstance(step, Wait):
            self.now = max(self.now, step.until)
        return step

    def run(self) -> list[Step]:
        steps = [self.step()]
        while not isinstance(steps[-1], Done | Fail):
            assert len(steps) < MOST_TRIES + 50
            steps.append(self.step())
        return steps


@pytest.fixture
def world() -> World:
    return World()


def test_rw_becomes_ro_after_storage_refuses_and_what_arrived_is_described(world: World) -> None:
    world.keys = ["two/a.pdf", "two/a.pdf.attr.json", "two/b.pdf"]
    steps = world.run()
    assert isinstance(steps[-1], Done)
    assert world.definition.mode is Mode.RO
    assert world.definition.transition is None
    assert world.ingested == ["two/b.pdf"]
    assert steps[-1].result == {"keys": 3, "described": {"stored": 1}, "without_attributes": []}
    assert dict.fromkeys(world.seen) == dict.fromkeys([("closing", "closing"), ("sealing", "sealed")])
    [event] = world.events
    assert (event.action, event.actor, event.after) == (MODE_CHANGED, "admin", {"mode": "ro", "job_id": JOB_ID})


def test_nothing_is_closed_before_every_cache_has_ended(world: World) -> None:
    step = world.step()
    assert isinstance(step, Wait)
    assert step.until >= START + timedelta(seconds=CACHED_SECONDS)
    assert world.phase == "draining"
    world.now = START + timedelta(seconds=CACHED_SECONDS)
    assert isinstance(world.step(), Wait)


@pytest.mark.parametrize("fault", ["is_guard_deaf", "does_storage_lag"])
def test_a_mode_is_not_changed_while_storage_does_not_refuse(world: World, fault: str) -> None:
    while world.phase != "sealing":
        world.step()
    setattr(world, fault, True)
    with pytest.raises(Unavailable):
        world.step()
    assert (world.definition.mode, world.events) == (Mode.RW, [])
    setattr(world, fault, False)
    assert isinstance(world.step(), Done)


@pytest.mark.parametrize("fault", ["is_guard_deaf", "does_storage_lag"])
def test_nothing_is_settled_while_storage_is_not_closed(world: World, fault: str) -> None:
    while world.phase != "closing":
        world.step()
    setattr(world, fault, True)
    for _ in range(2):
        with pytest.raises(Unavailable):
            world.step()
    assert world.phase == "closing"


def test_what_cannot_be_described_now_is_waited_for(world: World) -> None:
    world.keys = ["two/a.pdf", "two/z.pdf"]
    world.outcomes = {"two/z.pdf": LATER}
    while world.phase != "settling":
        world.step()
    assert isinstance(world.step(), Wait)
    assert world.phase == "settling"
    world.outcomes = {}
    assert isinstance(world.run()[-1], Done)


def test_what_can_never_be_described_is_somebody_s_to_look_at_and_is_not_sealed_away(world: World) -> None:
    world.keys = ["two/z.pdf"]
    world.outcomes = {"two/z.pdf": LATER}
    dead = world.run()[-1]
    assert isinstance(dead, Fail)
    assert (dead.code, dead.dead) == ("not_described", True)
    assert "two/z.pdf" in dead.detail
    assert world.phase == "settling"
    assert len(world.ingested) == MOST_TRIES


def test_what_was_rejected_is_told_and_holds_nothing_up(world: World) -> None:
    world.keys = ["two/bad.pdf"]
    world.outcomes = {"two/bad.pdf": "rejected"}
    done = world.run()[-1]
    assert isinstance(done, Done)
    assert done.result["without_attributes"] == ["two/bad.pdf"]
    assert done.result["described"] == {"rejected": 1}


@pytest.mark.parametrize("page", [1, 2, 3, 7])
@pytest.mark.parametrize("seconds", [0, 100])
def test_pages_and_pauses_hide_no_object(world: World, page: int, seconds: float) -> None:
    """Between an object and its attr.json others may be sorted, and a page may end."""
    world.page = page
    world.keys = ["two/a", "two/a-b", "two/a-b.attr.json", "two/a.attr.json", "two/b", "two/c", "two/c.attr.json"]
    world.keys += ["two/folder/", "two/x.attr.json"]
    while world.phase != "settling":
        world.step()
    while world.phase == "settling":
        world.step(seconds)
    assert world.ingested == ["two/b"]


def test_the_element_that_has_the_whole_bucket_settles_only_its_own(world: World) -> None:
    world.definition = msgspec.structs.replace(
        world.definition, element_id="rw-01", prefix="", transition=world.definition.transition
    )
    rows = Rows(
        definitions={
            "rw-01": world.definition,
            "other": Definition(element_id="other", bucket="b", prefix="other/", mode=Mode.RW),
        }
    )
    found: list[str] = []
    change = ModeChange(
        seeds=SEEDS,
        table=world,
        storage=StorageOf(world),
        guard=world.guard,
        unproven=world.find_unproven,
        ingest=lambda _bucket, key: found.append(key) or IngestOutcome(outcome="stored"),  # type: ignore[func-returns-value]
        audit=world,
        clock=lambda: world.now,
    )
    world.keys = [".artstore/audit/1.jsonl", "2026/a", "other/b"]
    transition = msgspec.structs.replace(world.transition, phase="settling")
    change._settle(world.job({}), world.definition, transition, lambda: 100, rows)
    assert found == ["2026/a"]


def test_ro_becomes_ar_by_its_last_step_alone() -> None:
    world = World(to=Mode.AR, mode=Mode.RO)
    world.keys = ["two/a.pdf"]
    assert isinstance(world.run()[-1], Done)
    assert (world.definition.mode, world.ingested) == (Mode.AR, [])


def test_a_job_that_crashed_after_the_commit_finds_that_it_is_done(world: World) -> None:
    world.run()
    request = {"element_id": "two", "to": "ro"}
    again = world.change.step(world.job(request), lambda: 100)
    assert isinstance(again, Done)
    assert len(world.events) == 1


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"element_id": "nobody", "to": "ro"}, "element_not_found"),
        ({"element_id": "rw-01", "to": "ro"}, "transition_not_found"),
    ],
)
def test_a_job_for_a_change_that_nobody_asked_for_fails(world: World, request_: dict[str, Any], code: str) -> None:
    job = new_job(new_mode_job("two", world.transition).job_id, "element_mode", request_, START)
    step = world.change.step(job, lambda: 100)
    assert isinstance(step, Fail)
    assert step.code == code


def test_each_step_may_be_run_twice(world: World) -> None:
    """The job's record is as it was before: what the step did was done, and not written down."""
    world.keys = ["two/a", "two/b", "two/b.attr.json"]
    while world.definition.transition is not None:
        before, at = world.progress, world.now
        world.step()
        world.progress, world.now = before, max(at, world.now)
        if world.definition.transition is not None:
            world.step()
    assert world.definition.mode is Mode.RO
    assert len(world.events) == 1


def test_an_element_is_not_closed_before_every_checksum_in_it_is_proven(world: World) -> None:
    """The proof is written into the attr.json, which nobody can afterwards."""
    world.unproven = {"two/large.bin": "awaited", "elsewhere.bin": "awaited"}
    world.now = START + timedelta(hours=1)
    for _ in range(3):
        step = world.step()
        assert isinstance(step, Wait)
        assert (step.state, step.progress["unproven"]) == ("proving", ["two/large.bin"])
    assert (world.phase, world.seen) == ("draining", [])
    del world.unproven["two/large.bin"]
    assert isinstance(world.run()[-1], Done)
    assert world.definition.mode is Mode.RO


def test_a_checksum_that_could_not_be_proven_is_named_and_is_not_sealed_away(world: World) -> None:
    world.unproven = {"two/large.bin": "dead"}
    dead = world.run()[-1]
    assert isinstance(dead, Fail)
    assert (dead.code, dead.dead, world.phase) == ("not_proven", True, "draining")
    assert "two/large.bin" in dead.detail
    world.unproven = {}
    assert isinstance(world.run()[-1], Done), "tried again"


@pytest.mark.parametrize("stands", ["awaited", "dead"])
def test_what_arrived_while_the_element_closed_has_it_opened_once_more(world: World, stands: str) -> None:
    while world.phase != "settling":
        world.step()
    world.keys = ["two/late.bin", "two/late.bin.attr.json"]
    world.unproven = {"two/late.bin": stands}
    while world.phase != "draining":
        assert world.definition.mode is Mode.RW
        world.step()
    assert (world.guard().guards["two"], world.events) == ("open", [])
    world.unproven = {}
    done = world.run()[-1]
    assert isinstance(done, Done)
    assert done.result["keys"] == 2, "counted once"


def test_a_proof_is_waited_for_in_vain_while_storage_refuses_its_writing(world: World) -> None:
    world.unproven = {"two/large.bin": "awaited"}
    world.now = START + timedelta(hours=1)
    world.is_storage_shut = True
    with pytest.raises(Unavailable):
        world.step()


def test_the_proofs_of_an_element_are_the_jobs_that_are_not_over() -> None:
    jobs = MemoryJobs()

    def add(number: int, status: JobStatus, key: str = "two/x", kind: str = "hash") -> None:
        request = {"file_id": str(UUID(int=number)), "bucket": "b", "key": key}
        job = new_job(UUID(int=number), kind, request, START, about=f"file/{number}")
        jobs.create(msgspec.structs.replace(job, status=status))

    for number, status in enumerate(JobStatus):
        add(number, status)
    add(10, JobStatus.WAITING, "elsewhere/x")
    add(11, JobStatus.WAITING, kind="finalize")
    found = Proofs(jobs).awaited(lambda bucket, key: bucket == "b" and key.startswith("two/"))
    numbers = {status: f"file/{number}" for number, status in enumerate(JobStatus)}
    assert sorted(found.awaited) == sorted([numbers[JobStatus.WAITING], numbers[JobStatus.RUNNING]])
    assert found.dead == [numbers[JobStatus.DEAD]]
    assert found
    assert not Proofs(MemoryJobs()).awaited(lambda *_: True)
