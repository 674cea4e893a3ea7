"""A job is done to its end, once, whoever is stopped when; or it is dead, with its reason."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artstore.audit import AuditEvent
from artstore.errors import Unavailable
from artstore.jobs import Job, JobStatus, Priority, new_job, retried
from functions.maintenance.jobs.engine import (
    BACKOFF_SECONDS,
    CANCELLED,
    MAX_ATTEMPTS,
    OUTAGE_BACKOFF_SECONDS,
    STRETCH_SECONDS,
    Engine,
    Ran,
    cancel,
)
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake
from tests.fakes.memory_outbox import MemoryOutbox
from tests.support.killing import AFTER, BEFORE, Killed, Killer

START = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
JOB_ID = UUID(int=7)
INVOCATION_SECONDS = 300.0


class Clock:
    """A clock that stands unless it is told, and an invocation that began when it was last ``invoke``d."""

    def __init__(self) -> None:
        self.now = START
        self.ends = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def invoke(self) -> Callable[[], float]:
        self.ends = self.now + timedelta(seconds=INVOCATION_SECONDS)
        return lambda: (self.ends - self.now).total_seconds()


Act = Callable[[Job, Callable[[], float]], Step]


@dataclass
class World:
    """One job, a runner that does as it is told, and what came of it."""

    clock: Clock = field(default_factory=Clock)
    jobs: MemoryJobs = field(default_factory=MemoryJobs)
    wake: RememberedWake = field(default_factory=RememberedWake)
    acts: list[Act] = field(default_factory=list)
    steps: int = 0
    told: list[BaseException] = field(default_factory=list)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    undoes: list[Step | Exception] = field(default_factory=list)

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        self.steps += 1
        act = self.acts[min(self.steps, len(self.acts)) - 1]
        return act(job, time_left)

    def start(self, *acts: Act, priority: Priority = Priority.NORMAL) -> None:
        self.acts = list(acts)
        self.jobs.create(new_job(JOB_ID, "count", {"to": 3}, self.clock(), priority=priority))

    def run(self, killer: Killer | None = None) -> Ran:
        return self.engine(killer).run(JOB_ID, self.clock.invoke())

    def engine(self, killer: Killer | None = None) -> Engine:
        killer = killer or Killer()
        return Engine(
            jobs=killer.guard(self.jobs),
            wake=killer.guard(self.wake),
            runner_of=lambda kind: killer.guard(self) if kind == "count" else None,
            outbox=self.outbox,
            failed=lambda _job, error: self.told.append(error),
            clock=self.clock,
        )

    @property
    def job(self) -> Job:
        found = self.jobs.find(JOB_ID)
        assert found is not None
        return found


@dataclass
class Undone(World):
    """The same, of a kind that leaves something to be undone, and has others do parts."""

    having: list[UUID] = field(default_factory=list)

    def cancel(self, job: Job, time_left: Callable[[], float]) -> Step:
        undo = self.undoes.pop(0) if len(self.undoes) > 1 else self.undoes[0]
        if isinstance(undo, Exception):
            raise undo
        return undo

    def children(self, _job: Job) -> list[UUID]:
        return self.having


def count(job: Job, _time_left: Callable[[], float]) -> Step:
    """Count to three, a step for each."""
    done = job.progress.get("done", 0) + 1
    return Done({"counted": done}) if done == job.request["to"] else Continue({"done": done}, f"at {done}")


EVENT = AuditEvent(
    action="thing.counted", actor="system", object="thing/1", outcome="success", source_ip="", request_id="r"
)


def test_an_end_and_its_event_for_the_audit_log_are_one() -> None:
    """Of two that do a job at the same time, the one whose end is saved is the one that tells."""
    world, other = World(), list[Ran]()

    def be_late(job: Job, _time_left: Callable[[], float]) -> Step:
        if not other:
            other.append(Ran.BUSY)
            world.clock.forward(3600)
            other[:] = [world.run()]
        return Done({}, event=EVENT)

    world.start(be_late)
    assert world.run() is Ran.BUSY
    assert other == [Ran.COMPLETED]
    assert world.outbox.events == [EVENT]


def unwanted(world: World) -> None:
    cancel(world.jobs, world.wake, JOB_ID, "sa_anna", world.clock())


def test_a_job_that_waits_is_cancelled_without_another_step() -> None:
    world = World()
    world.start(count)
    unwanted(world)
    assert world.run() is Ran.CANCELLED
    assert (world.steps, world.job.status, world.job.due_at) == (0, JobStatus.CANCELLED, None)
    assert world.job.error == CANCELLED
    assert world.job.cancelled_by_id == "sa_anna"
    assert world.run() is Ran.OVER


def test_a_running_job_stops_at_its_next_save_and_keeps_what_it_had_saved() -> None:
    world = World()

    def be_cancelled(job: Job, _time_left: Callable[[], float]) -> Step:
        assert job.progress == {"done": 1}
        unwanted(world)
        assert world.engine().run(JOB_ID, world.clock.invoke()) is Ran.BUSY, "nobody else undoes it meanwhile"
        return Continue({"done": 2})

    world.start(count, be_cancelled, count)
    assert world.run() is Ran.CANCELLED
    assert (world.steps, world.job.progress) == (2, {"done": 1})


def test_what_came_to_its_end_in_the_very_step_is_cancelled_all_the_same_or_told_so_by_its_runner() -> None:
    for kind, ended in ((World, Ran.CANCELLED), (Undone, Ran.COMPLETED)):
        world = kind()
        world.undoes = [Done({"there": True}, "completed")]

        def end(_job: Job, _time_left: Callable[[], float], world: World = world) -> Step:
            unwanted(world)
            return Done({})

        world.start(end)
        assert world.run() is ended


def test_what_has_to_be_undone_is_undone_in_as_many_steps_as_it_takes() -> None:
    world = Undone()
    world.undoes = [
        Continue({"left": 1}, "undoing"),
        Unavailable("away"),
        Wait({"left": 0}, world.clock() + timedelta(hours=2)),
        Fail("cancelled", "it is undone", "rolled_back", {"left_behind": 1}),
    ]
    world.start(count)
    unwanted(world)
    assert world.run() is Ran.YIELDED
    assert (world.job.progress, world.job.state) == ({"left": 1}, "undoing")
    assert world.run() is Ran.RETRIED
    world.clock.forward(3600)
    assert world.run() is Ran.WAITING
    assert world.run() is Ran.NOT_DUE
    world.clock.forward(3600)
    assert world.run() is Ran.CANCELLED
    assert (world.job.state, world.job.result, world.steps) == ("rolled_back", {"left_behind": 1}, 0)


def test_children_are_cancelled_with_their_parent() -> None:
    world = Undone()
    world.undoes = [Fail("cancelled", "")]
    child, over = UUID(int=81), UUID(int=82)
    world.jobs.create(new_job(child, "count", {"to": 3}, world.clock()))
    world.jobs.create(msgspec.structs.replace(new_job(over, "count", {}, START), status=JobStatus.COMPLETED))
    world.having = [child, over, UUID(int=83)]
    world.start(count)
    unwanted(world)
    assert world.run() is Ran.CANCELLED
    found = [world.jobs.find(each) for each in (child, over)]
    assert [each and each.cancelled_by_id for each in found] == ["sa_anna", None]
    assert world.engine().run(child, world.clock.invoke()) is Ran.CANCELLED


@pytest.mark.parametrize("when", [BEFORE, AFTER])
@pytest.mark.parametrize("number", range(6))
def test_whoever_cancels_may_be_killed_anywhere(number: int, when: str) -> None:
    world = Undone()
    world.undoes = [Fail("cancelled", "it is undone", "rolled_back")]
    world.start(count)
    unwanted(world)
    with contextlib.suppress(Killed):
        world.run(Killer(number, when))
    for _ in range(3):
        world.clock.forward(3600)
        world.run()
    assert (world.job.status, world.job.state) == (JobStatus.CANCELLED, "rolled_back")
    assert len(world.jobs.ends) == 1


def test_a_cancelled_job_can_be_gone_on_with() -> None:
    world = World()
    world.start(count, count, count)
    unwanted(world)
    world.run()
    world.jobs.save(retried(world.job, world.clock()))
    assert world.run() is Ran.COMPLETED
    assert world.job.cancelled_by_id is None


def breaks(error: Exception) -> Act:
    def act(_job: Job, _time_left: Callable[[], float]) -> Step:
        raise error

    return act


def test_a_job_is_done_step_by_step_to_its_report() -> None:
    world = World()
    world.start(count)
    assert world.run() is Ran.COMPLETED
    job = world.job
    assert (world.steps, job.status, job.result) == (3, JobStatus.COMPLETED, {"counted": 3})
    assert (job.state, job.progress, job.error, job.attempts) == ("at 2", {}, None, 0)
    assert (job.due_at, job.lease_until, job.finished_at) == (None, None, START)
    assert world.run() is Ran.OVER
    assert world.steps == 3


def test_while_somebody_is_at_it_nobody_else_is() -> None:
    world = World()
    seen: list[Ran] = []

    def act(job: Job, time_left: Callable[[], float]) -> Step:
        seen.append(world.engine().run(JOB_ID, lambda: INVOCATION_SECONDS))
        return count(job, time_left)

    world.start(act, count)
    assert world.run() is Ran.COMPLETED
    assert seen == [Ran.BUSY]


def test_a_message_that_comes_before_the_time_does_nothing() -> None:
    world = World()
    until = START + timedelta(seconds=30)
    world.start(lambda _job, _left: Wait({"done": 2}, until, "waiting"), count)
    assert world.run() is Ran.WAITING
    assert world.wake.woken == [(JOB_ID, 30)]
    assert (world.job.status, world.job.due_at, world.job.state) == (JobStatus.WAITING, until, "waiting")
    assert world.run() is Ran.NOT_DUE
    world.clock.forward(30)
    assert world.run() is Ran.COMPLETED


def test_what_cannot_be_done_fails_with_its_reason_and_is_not_tried_again() -> None:
    world = World()
    world.start(lambda _job, _left: Fail("source_changed", "it is not what was meant", "failed", {"copied": 1}))
    assert world.run() is Ran.FAILED
    job = world.job
    assert job.error is not None
    assert (job.status, job.error.code, job.state, job.result) == (
        JobStatus.FAILED,
        "source_changed",
        "failed",
        {"copied": 1},
    )
    assert world.run() is Ran.OVER


def test_a_kind_that_nobody_does_fails() -> None:
    world = World()
    world.jobs.create(new_job(JOB_ID, "juggle", {}, START))
    assert world.run() is Ran.FAILED
    assert world.job.error is not None
    assert world.job.error.code == "unknown_kind"


def test_a_job_that_is_not_there_is_nobody_s_trouble() -> None:
    assert World().run() is Ran.UNKNOWN


@pytest.mark.parametrize(
    ("error", "backoff", "code"),
    [
        (RuntimeError("a bug, with a secret"), BACKOFF_SECONDS, "unexpected"),
        (
            Unavailable("storage does not answer", code="storage_unavailable"),
            OUTAGE_BACKOFF_SECONDS,
            "storage_unavailable",
        ),
    ],
)
def test_a_step_that_breaks_is_tried_three_times_each_time_later(
    error: Exception, backoff: tuple[int, int], code: str
) -> None:
    world = World()
    world.start(breaks(error))
    for seconds in backoff:
        assert world.run() is Ran.RETRIED
        assert world.wake.woken[-1] == (JOB_ID, seconds)
        world.clock.forward(seconds - 1)
        assert world.run() is Ran.NOT_DUE
        world.clock.forward(1)
    assert world.run() is Ran.DEAD
    job = world.job
    assert job.error is not None
    assert (world.steps, len(world.told), job.attempts) == (3, 3, MAX_ATTEMPTS)
    assert (job.status, job.error.code, job.due_at) == (JobStatus.DEAD, code, None)
    assert "secret" not in job.error.detail
    assert world.run() is Ran.OVER


def test_a_step_that_gets_further_starts_the_count_anew() -> None:
    world = World()
    broken = breaks(RuntimeError())
    world.start(broken, broken, count, broken, broken, count, broken, count)
    for _ in range(20):
        if world.run() in (Ran.COMPLETED, Ran.DEAD):
            break
        world.clock.forward(60)
    assert world.job.status is JobStatus.COMPLETED


def test_a_step_that_says_the_same_again_does_not() -> None:
    world = World()
    broken = breaks(RuntimeError())
    stands = lambda job, _left: Continue(job.progress)  # noqa: E731
    world.start(stands, broken, stands, broken, stands, broken, stands)
    for _ in range(3):
        world.run()
        world.clock.forward(60)
    assert world.job.status is JobStatus.DEAD


def test_a_dead_job_that_is_tried_again_goes_on_from_where_it_had_come() -> None:
    world = World()
    broken = breaks(RuntimeError())
    world.start(count, count, broken, broken, broken, count)
    for _ in range(3):
        world.run()
        world.clock.forward(60)
    dead = world.job
    assert (dead.status, dead.progress) == (JobStatus.DEAD, {"done": 2})
    assert world.jobs.save(retried(dead, world.clock())) is not None
    assert world.run() is Ran.COMPLETED
    assert world.job.result == {"counted": 3}
    assert world.job.error is None


@pytest.mark.parametrize("priority", Priority)
def test_a_job_waits_behind_the_others_after_a_stretch_of_its_priority(priority: Priority) -> None:
    world = World()

    def slow(job: Job, time_left: Callable[[], float]) -> Step:
        world.clock.forward(7)
        return Continue({"done": job.progress.get("done", 0) + 1})

    world.start(slow, priority=priority)
    assert world.run() is Ran.YIELDED
    worked = (world.clock() - START).total_seconds()
    assert STRETCH_SECONDS[priority] <= worked < STRETCH_SECONDS[priority] + 7
    assert (world.job.status, world.job.due_at) == (JobStatus.WAITING, world.clock())
    assert world.wake.woken == [(JOB_ID, 0)]


def test_no_step_begins_when_the_invocation_is_nearly_over() -> None:
    world = World()
    left: list[float] = []

    def slow(job: Job, time_left: Callable[[], float]) -> Step:
        left.append(time_left())
        world.clock.forward(100)
        return Continue({"done": len(left)})

    world.start(slow, priority=Priority.HIGH)
    assert world.run() is Ran.YIELDED
    assert len(left) == 3
    assert world.job.due_at == world.clock()


def test_whoever_lost_the_job_to_another_is_not_heard() -> None:
    world = World()

    def overtaken(job: Job, _left: Callable[[], float]) -> Step:
        world.jobs.save(msgspec.structs.replace(world.job, state="theirs"))
        return Done({"by": "me"})

    world.start(overtaken)
    assert world.run() is Ran.BUSY
    assert (world.job.state, world.job.result) == ("theirs", None)


def test_lost_messages_are_sent_again_once_a_job_is_due() -> None:
    world = World()
    world.start(count)
    assert world.engine().wake_due(10) == 1
    assert world.wake.woken == [(JOB_ID, 0)]
    with pytest.raises(Killed):
        world.run(Killer(1, AFTER))  # taken, then stopped
    assert world.engine().wake_due(10) == 0, "somebody may be at it"
    world.clock.forward(INVOCATION_SECONDS + 60)
    assert world.engine().wake_due(10) == 1


def test_a_queue_that_does_not_answer_holds_nothing_up() -> None:
    world = World()
    until = START + timedelta(seconds=30)
    world.start(lambda _job, _left: Wait({}, until), count)

    def refuse(job_id: UUID, *, delay_seconds: int = 0) -> None:
        raise Unavailable("no queue")

    engine = Engine(jobs=world.jobs, wake=refuse, runner_of=lambda _kind: world, clock=world.clock)
    assert engine.run(JOB_ID, world.clock.invoke()) is Ran.WAITING
    assert world.job.due_at == until


def test_a_job_that_kills_whoever_does_it_is_dead_after_three_tries() -> None:
    world = World()

    def deadly(_job: Job, _left: Callable[[], float]) -> Step:
        raise Killed

    world.start(deadly)
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(Killed):
            world.run()
        world.clock.forward(INVOCATION_SECONDS + 60)
    assert world.run() is Ran.DEAD
    assert world.steps == MAX_ATTEMPTS
    assert world.job.error is not None
    assert world.job.error.code == "crashed"


def finish(world: World) -> None:
    """Let the clock run and whatever is due be done, as the rule and the queue would."""
    for _ in range(40):
        if world.job.is_over:
            return
        world.clock.forward(INVOCATION_SECONDS + 60)
        world.run()
    raise AssertionError(f"never over: {world.job}")


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_stopped_at_any_single_call_a_job_is_done_once(when: str) -> None:
    for number in itertools.count():
        world = World()
        world.start(count)
        killer = Killer(number, when)
        with contextlib.suppress(Killed):
            world.run(killer)
        if not killer.has_killed:
            break
        finish(world)
        assert world.job.status is JobStatus.COMPLETED, killer.calls
        assert world.job.result == {"counted": 3}, killer.calls
        assert len(world.jobs.ends) == 1, killer.calls
    assert number >= 7


STEPS = st.lists(st.sampled_from(["further", "same", "wait", "error", "outage", "die"]), max_size=12)


@given(
    acts=STEPS,
    end=st.sampled_from(["done", "fail"]),
    deaths=st.lists(st.tuples(st.integers(0, 5), st.sampled_from([BEFORE, AFTER])), max_size=6),
)
def test_whatever_happens_a_job_ends_once_with_a_report_or_a_reason(
    acts: list[str], end: str, deaths: list[tuple[int, str]]
) -> None:
    world = World()

    def act(job: Job, _left: Callable[[], float]) -> Step:
        now = acts[world.steps - 1] if world.steps <= len(acts) else end
        further: dict[str, Any] = {"done": job.progress.get("done", 0) + 1}
        match now:
            case "further":
                return Continue(further)
            case "same":
                return Continue(job.progress)
            case "wait":
                return Wait(further, world.clock() + timedelta(hours=1))
            case "error":
                raise RuntimeError
            case "outage":
                raise Unavailable("away")
            case "die":
                raise Killed
            case "done":
                return Done(further)
        return Fail("cannot", "it cannot be done")

    world.start(act)
    for number, when in deaths:
        with contextlib.suppress(Killed):
            world.run(Killer(number, when))
        world.clock.forward(INVOCATION_SECONDS + 60)
    for _ in range(60):
        if world.job.is_over:
            break
        with contextlib.suppress(Killed):
            world.run()
        world.clock.forward(3700)
    job = world.job
    assert job.is_over
    assert len(world.jobs.ends) == 1
    assert (job.result is not None) == (job.status is JobStatus.COMPLETED)
    assert (job.error is not None) == (job.status is not JobStatus.COMPLETED)
    assert (job.due_at, job.lease_until) == (None, None)
