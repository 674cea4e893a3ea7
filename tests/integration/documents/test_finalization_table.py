"""One finalization of a document at a time, and its item outlives it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from artstore.aws.dynamodb import write_together
from artstore.aws.finalization_table import FinalizationTable
from artstore.finalizations import Finalization, Phase
from artstore.index.claims import Place
from tests.fakes.documents import id_number
from tests.support.dynamodb import create_tables

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
TARGET = Place("rw", "docs/a")


@dataclass
class Opened:
    table: FinalizationTable

    def begin(self, number: int = 1) -> Finalization | None:
        """Begin a finalization of the document; None while another one is under way."""
        made = finalization(number)
        return made if write_together("moto", lambda writes: self.table.begin(made, writes)) else None


def finalization(number: int = 1) -> Finalization:
    return Finalization(
        file_id=id_number(number),
        transaction_id=uuid4(),
        source=Place("edit", "a"),
        target=TARGET,
        element_id="rw-01",
        started_at=NOW,
    )


@pytest.fixture
def opened(aws: None) -> Opened:
    create_tables("moto")
    return Opened(FinalizationTable("moto"))


def test_a_finalization_is_found_by_its_document(opened: Opened) -> None:
    begun = opened.begin()
    assert opened.table.find(id_number(1)) == begun
    assert opened.table.find(id_number(2)) is None


def test_many_are_found_at_once(opened: Opened) -> None:
    one, other = opened.begin(1), opened.begin(2)
    assert opened.table.find_all([id_number(each) for each in (1, 2, 3)]) == {
        id_number(1): one,
        id_number(2): other,
    }


def test_a_second_one_does_not_begin_before_the_first_has_ended(opened: Opened) -> None:
    first = opened.begin()
    assert first is not None
    assert opened.begin() is None
    assert opened.table.settle(first, Phase.UNDONE, NOW, code="source_changed", detail="it was changed")
    assert opened.begin() is not None


def test_an_end_is_written_once(opened: Opened) -> None:
    begun = opened.begin()
    assert begun is not None
    assert opened.table.settle(begun, Phase.COMMITTED, NOW, etag='"e"')
    assert not opened.table.settle(begun, Phase.UNDONE, NOW + timedelta(hours=1), code="late")
    found = opened.table.find(id_number(1))
    assert found is not None
    assert (found.phase, found.settled_at, found.etag, found.code) == (Phase.COMMITTED, NOW, '"e"', None)


def test_whoever_was_overtaken_ends_nothing(opened: Opened) -> None:
    first = opened.begin()
    assert first is not None
    opened.table.settle(first, Phase.UNDONE, NOW)
    second = opened.begin()
    assert not opened.table.settle(first, Phase.COMMITTED, NOW)
    assert opened.table.find(id_number(1)) == second
