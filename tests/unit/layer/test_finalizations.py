"""Whose an object without an attr.json is, under a key that a document was to be finalized to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from artstore.finalizations import Finalization, Phase
from artstore.index.claims import Place

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
TARGET = Place("rw", "docs/a")
OPEN = Finalization(
    file_id=UUID(int=1),
    transaction_id=UUID(int=2),
    source=Place("edit", "a"),
    target=TARGET,
    element_id="rw-01",
    started_at=NOON,
)


def ended(phase: Phase) -> Finalization:
    return msgspec.structs.replace(OPEN, phase=phase, settled_at=NOON, etag='"copy"')


def test_what_appears_at_the_target_while_it_is_under_way_is_the_finalization_s() -> None:
    assert OPEN.brought(TARGET, '"any"', NOON + timedelta(days=1))


@pytest.mark.parametrize("phase", [Phase.COMMITTED, Phase.UNDONE])
def test_what_it_left_stays_its_own_and_what_comes_later_is_somebody_else_s(phase: Phase) -> None:
    assert ended(phase).brought(TARGET, '"copy"', NOON + timedelta(days=1))
    assert ended(phase).brought(TARGET, '"earlier try"', NOON)
    assert not ended(phase).brought(TARGET, '"other"', NOON + timedelta(seconds=1))


def test_an_object_elsewhere_is_none_of_its_business() -> None:
    assert not OPEN.brought(Place("rw", "docs/b"), '"any"', NOON)
    assert not OPEN.brought(OPEN.source, '"any"', NOON)
