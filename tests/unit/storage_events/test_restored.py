"""Events of restores: whatever their order and number, what is kept in the end is what storage says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artstore.restoring import Restore, RestoreStatus, read_restore
from functions.storage_events.events import EventKind, StorageEvent
from functions.storage_events.outcomes import Outcome
from tests.fakes.memory_bucket import KEPT
from tests.fakes.memory_index import MemoryIndex
from tests.support.ingesting.world import World

KEY = "docs/a.txt"
ON_ITS_WAY = Restore(status=RestoreStatus.IN_PROGRESS)
HERE = Restore(status=RestoreStatus.RESTORED, until=datetime(2026, 3, 8, tzinfo=UTC))
STATES = (None, ON_ITS_WAY, HERE)


def told(key: str = KEY) -> StorageEvent:
    return StorageEvent(kind=EventKind.RESTORED, name="ObjectRestore:Completed", bucket=KEPT, key=key, at=None)


class Archive:
    """A world with one document whose bytes are archived."""

    def __init__(self) -> None:
        self.index = MemoryIndex()
        self.world = World(self.index, knows_sha256=True)
        self.world.buckets.put(KEPT, KEY, b"cold")
        self.world.deliver_all()
        known = self.index.at(KEPT, KEY)
        assert known is not None
        assert known.object is not None
        self.version_id = known.object.version_id

    def says(self, restore: Restore | None) -> None:
        """Have storage say that of the object."""
        self.world.buckets.restores[KEPT, KEY] = restore

    def deliver(self) -> Outcome:
        return self.world.ingest.handle(told()).outcome

    @property
    def kept(self) -> Restore | None:
        noted = self.index.restore_of(KEPT, KEY, self.version_id)
        return None if noted is None else noted.restore


def test_what_storage_says_of_a_restore_is_kept() -> None:
    archive = Archive()
    archive.says(ON_ITS_WAY)
    assert archive.deliver() is Outcome.RESTORE_NOTED
    assert archive.kept == ON_ITS_WAY
    assert archive.deliver() is Outcome.UNCHANGED
    archive.says(HERE)
    archive.deliver()
    assert archive.kept == HERE
    archive.says(None)
    archive.deliver()
    assert archive.kept is None


@given(st.lists(st.tuples(st.sampled_from(STATES), st.integers(0, 3), st.sampled_from(STATES)), max_size=8))
def test_in_any_order_and_number_the_last_word_is_storage_s(
    deliveries: list[tuple[Restore | None, int, Restore | None]],
) -> None:
    """Each delivery finds one state, and after some of its calls another one, whose own event comes meanwhile."""
    archive = Archive()
    for state, calls, later in deliveries:
        archive.says(state)

        def meanwhile(later: Restore | None = later) -> None:
            archive.says(later)
            archive.deliver()

        nothing: list[Callable[[], None]] = [lambda: None] * calls
        archive.world.interruptions = [meanwhile, *nothing]
        archive.deliver()
        if archive.world.interruptions:  # the delivery was over before it could happen
            archive.world.interruptions = []
            meanwhile()
        assert archive.kept == later


def test_of_a_place_that_holds_no_document_nothing_is_kept() -> None:
    archive = Archive()
    result = archive.world.ingest.handle(told(key="docs/unknown.txt"))
    assert result.outcome is Outcome.GONE
    assert archive.index.at(KEPT, "docs/unknown.txt") is None


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("", None),
        ('ongoing-request="true"', ON_ITS_WAY),
        ('ongoing-request="false", expiry-date="Sun, 08 Mar 2026 00:00:00 GMT"', HERE),
        ('ongoing-request="false"', Restore(status=RestoreStatus.RESTORED)),
        ('ongoing-request="false", expiry-date="soon"', Restore(status=RestoreStatus.RESTORED)),
        ("nonsense", None),
    ],
)
def test_the_header_of_a_restore_is_read(header: str, read: Restore | None) -> None:
    assert read_restore(header) == read
