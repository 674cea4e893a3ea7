"""While the index is away for long, events wait in their queue; when it is back they are handled again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from artstore.errors import Unavailable
from artstore.jobs import Job
from functions.maintenance.outage.tending import PAUSED_AFTER, IndexTending, Outage, Tended

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class World:
    """A clock that sleeping moves, an index that is away until a time, the mapping and what is known."""

    now: datetime = NOON
    away_until: datetime = NOON
    enabled: bool = True
    known: Outage | None = None
    started: list[Job] = field(default_factory=list)
    lambda_answers: bool = True

    def run(self) -> Tended:
        """Run the task once."""
        return IndexTending(
            ping=self.ping,
            outages=self,
            mapping=self,
            start=self.started.append,
            clock=lambda: self.now,
            sleep=self.pass_time,
        ).tend()

    def run_each_minute(self, minutes: int) -> list[Tended]:
        """Run it as the clock does."""
        tended = []
        for _ in range(minutes):
            next_turn = self.now + timedelta(minutes=1)
            tended.append(self.run())
            self.now = max(self.now, next_turn)
        return tended

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def ping(self) -> None:
        if self.now < self.away_until:
            raise Unavailable("the index does not answer")

    def present(self) -> Outage | None:
        return self.known

    def put(self, outage: Outage | None) -> None:
        self.known = outage

    def is_enabled(self) -> bool:
        return self.enabled

    def pause(self) -> None:
        if not self.lambda_answers:
            raise Unavailable("Lambda does not answer")
        self.enabled = False

    def resume(self) -> None:
        self.enabled = True


@pytest.fixture
def world() -> World:
    return World()


def test_an_index_that_answers_is_looked_at_once(world: World) -> None:
    assert world.run() == Tended(answers=True, paused=False)
    assert (world.now, world.known, world.started) == (NOON, None, [])


def test_a_short_outage_pauses_nothing_and_is_forgotten(world: World) -> None:
    world.away_until = NOON + PAUSED_AFTER - timedelta(seconds=5)
    world.run_each_minute(3)
    assert world.enabled
    assert (world.known, world.started) == (None, [])


def test_a_long_outage_pauses_the_events_and_its_end_resumes_them_at_once(world: World) -> None:
    world.away_until = NOON + timedelta(hours=1, seconds=20)
    tended = world.run_each_minute(60)
    assert [each.paused for each in tended] == [False, False] + [True] * 58
    assert not world.enabled
    assert world.run() == Tended(answers=True, paused=False, resumed=True)
    assert world.enabled
    assert world.now - world.away_until <= timedelta(seconds=2), "somebody was looking"
    assert world.known is None


def test_what_was_given_up_meanwhile_is_sent_back_once(world: World) -> None:
    world.away_until = NOON + timedelta(minutes=5)
    world.run_each_minute(8)
    [job] = world.started
    assert (job.kind, job.request) == ("redrive", {"only_untried": True})


def test_somebody_always_looks_while_it_is_away(world: World) -> None:
    world.away_until = NOON + timedelta(minutes=10)
    for _ in range(5):
        began = world.now
        world.run()
        assert timedelta(seconds=50) < world.now - began < timedelta(minutes=1)
        world.now = began + timedelta(minutes=1)


def test_a_mapping_that_somebody_else_disabled_stays_disabled(world: World) -> None:
    world.enabled = False
    world.away_until = NOON + timedelta(minutes=5)
    world.run_each_minute(8)
    assert not world.enabled
    assert world.started == []


def test_a_pause_that_was_written_and_not_done_is_done_by_the_next_run(world: World) -> None:
    world.away_until = NOON + timedelta(minutes=5)
    world.run_each_minute(2)
    world.lambda_answers = False
    with pytest.raises(Unavailable):
        world.run()
    world.lambda_answers = True
    world.run()
    assert not world.enabled
    world.run_each_minute(5)
    assert world.enabled


def test_two_runs_at_once_come_to_the_same(world: World) -> None:
    world.away_until = NOON + timedelta(minutes=5)
    world.run_each_minute(4)
    known = world.known
    world.now = world.away_until
    world.run()
    world.known = known  # the other one had read it before
    world.run()
    assert world.enabled
    assert len({job.job_id for job in world.started}) == 1, "the job is started once"
