"""Of several that want the place of one document one has it: who begins first, and then who is stored first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from artstore.aws.dynamodb import write_together
from artstore.aws.successions import NOBODY, Successions
from tests.support.dynamodb import create_tables

OLD, NEW, RIVAL = UUID(int=1), UUID(int=2), UUID(int=3)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE = NOON + timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now.timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def successions(aws: None, clock: Clock) -> Successions:
    create_tables("moto")
    return Successions("moto", clock)


def holder(successions: Successions) -> str | None:
    found = successions.find(OLD)
    return None if found is None else str(found.successor)


def test_who_begins_first_has_the_place_until_its_url_ends(successions: Successions, clock: Clock) -> None:
    assert successions.hold(OLD, NEW, ONE)
    assert successions.hold(OLD, NEW, ONE)
    assert not successions.hold(OLD, RIVAL, ONE)
    clock.now = ONE + timedelta(seconds=1)
    assert successions.hold(OLD, RIVAL, ONE + timedelta(hours=1))
    assert holder(successions) == str(RIVAL)


def test_a_start_holds_the_place_in_its_own_transaction(successions: Successions) -> None:
    assert write_together("moto", lambda writes: _hold(successions, NEW, writes))
    assert not write_together("moto", lambda writes: _hold(successions, RIVAL, writes))
    assert holder(successions) == str(NEW)


def _hold(successions: Successions, successor: UUID, writes: object) -> None:
    successions.hold(OLD, successor, ONE, writes)  # type: ignore[arg-type]


def test_the_first_to_be_stored_takes_the_place_whoever_has_only_begun(
    successions: Successions, clock: Clock
) -> None:
    successions.hold(OLD, NEW, ONE)
    assert successions.settle(OLD, RIVAL)
    assert successions.settle(OLD, RIVAL)
    assert not successions.settle(OLD, NEW)
    clock.now = ONE + timedelta(days=1000)
    assert not successions.hold(OLD, NEW, clock.now + timedelta(hours=1))
    assert holder(successions) == str(RIVAL)


def test_a_place_is_taken_over_only_from_whom_it_was_seen_with(successions: Successions) -> None:
    successions.settle(OLD, NEW)
    assert not successions.take_over(OLD, RIVAL, UUID(int=9))
    assert successions.take_over(OLD, RIVAL, NEW)
    assert not successions.take_over(OLD, UUID(int=4), NEW)
    assert holder(successions) == str(RIVAL)


def test_a_place_is_left_by_who_has_it_and_by_nobody_else(successions: Successions) -> None:
    successions.settle(OLD, NEW)
    successions.release(OLD, RIVAL)
    assert holder(successions) == str(NEW)
    successions.release(OLD, NEW)
    successions.release(OLD, NEW)
    assert holder(successions) == NOBODY
    assert successions.hold(OLD, RIVAL, ONE)
    successions.release(OLD, RIVAL)
    assert successions.settle(OLD, NEW)
    assert holder(successions) == str(NEW)
