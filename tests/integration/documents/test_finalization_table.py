"""One finalization of a document at a time, and its item outlives it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from pynamodb.connection import Connection
from pynamodb.exceptions import CancellationReason, TransactWriteError, VerboseClientError

from artstore.aws.dynamodb import write_together
from artstore.aws.finalization_table import FinalizationTable
from artstore.errors import Unavailable
from artstore.finalizations import Finalization, Phase, Waiting
from artstore.index.claims import Place
from tests.fakes.documents import id_number
from tests.support.dynamodb import create_tables

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
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
    assert opened.table.settle(undone(first))
    assert opened.begin() is not None


def test_an_end_is_written_once(opened: Opened) -> None:
    begun = opened.begin()
    assert begun is not None
    assert opened.table.settle(committed(begun))
    assert not opened.table.settle(undone(begun))
    assert opened.table.find(id_number(1)) == committed(begun)


def test_whoever_was_overtaken_ends_nothing(opened: Opened) -> None:
    first = opened.begin()
    assert first is not None
    opened.table.settle(undone(first))
    second = opened.begin()
    assert not opened.table.settle(committed(first))
    assert not opened.table.release(committed(first))
    assert opened.table.find(id_number(1)) == second


@pytest.mark.parametrize("conflicts", [1, 1000])
def test_an_end_that_meets_another_write_is_written_all_the_same_or_tried_again_later(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, conflicts: int
) -> None:
    begun = opened.begin()
    assert begun is not None
    given = Connection.transact_write_items
    left = iter(range(conflicts))

    def transact_write_items(self: Connection, *arguments: Any, **named: Any) -> Any:
        if next(left, None) is None:
            return given(self, *arguments, **named)
        error = {"Error": {"Code": "TransactionCanceledException", "Message": ""}}
        reasons = [CancellationReason("TransactionConflict")]
        cancelled = VerboseClientError(error, "TransactWriteItems", cancellation_reasons=reasons)
        raise TransactWriteError("cancelled", cancelled)

    monkeypatch.setattr(Connection, "transact_write_items", transact_write_items)
    if conflicts == 1:
        assert opened.table.settle(committed(begun))
        assert opened.table.find(id_number(1)) == committed(begun)
    else:
        with pytest.raises(Unavailable):
            opened.table.settle(committed(begun))


def test_what_is_under_way_waits_to_be_completed_and_what_is_completed_waits_for_its_source(
    opened: Opened,
) -> None:
    begun, table = opened.begin(), opened.table
    assert begun is not None
    assert table.waiting(Waiting.UNDER_WAY, NOW, 10) == [id_number(1)]
    table.settle(committed(begun))
    assert table.waiting(Waiting.UNDER_WAY, NOW, 10) == []
    assert table.waiting(Waiting.SOURCE, NOW, 10) == []
    assert table.waiting(Waiting.SOURCE, LATER, 10) == [id_number(1)]


def test_a_source_that_has_to_stay_waits_anew_and_one_that_is_gone_no_more(opened: Opened) -> None:
    begun, table = opened.begin(), opened.table
    assert begun is not None
    table.settle(committed(begun))
    assert table.postpone(begun, LATER + timedelta(hours=1))
    assert table.waiting(Waiting.SOURCE, LATER, 10) == []
    assert table.release(begun)
    assert table.waiting(Waiting.SOURCE, LATER + timedelta(days=9), 10) == []
    assert table.find(id_number(1)) == committed(begun)


def test_what_was_undone_waits_for_nothing(opened: Opened) -> None:
    begun = opened.begin()
    assert begun is not None
    opened.table.settle(undone(begun))
    for each in Waiting:
        assert opened.table.waiting(each, LATER, 10) == []


def committed(begun: Finalization) -> Finalization:
    return msgspec.structs.replace(
        begun,
        phase=Phase.COMMITTED,
        settled_at=LATER,
        etag='"c"',
        version_id="v",
        source_etag='"s"',
        sealed_etag='"a"',
    )


def undone(begun: Finalization) -> Finalization:
    return msgspec.structs.replace(
        begun, phase=Phase.UNDONE, settled_at=LATER, code="source_changed", detail="it was"
    )
