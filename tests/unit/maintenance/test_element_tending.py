"""What is done for storage elements each minute, and counting them anew."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from artstore.elements import ElementStatus, Health, Mode, StorageElement, StorageElements, Transition
from artstore.elements.registry import Definition, Rows, Usage
from artstore.errors import Misconfigured, Unavailable
from functions.maintenance.elements.tending import Counted, ElementTending

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AT = "2026-03-01T12:00:00.000Z"
SEEDS = StorageElements(
    (
        StorageElement("edit-01", "edit", Mode.EDIT),
        StorageElement("rw-01", "rw", Mode.RW, capacity_bytes=1000),
    )
)
TO_RO = Transition(to=Mode.RO, phase="draining", since=AT, job_id=str(uuid4()), requested_by="me")


class Table:
    """A registry in memory."""

    def __init__(self) -> None:
        self.definitions: dict[str, Definition] = {}
        self.usage: dict[str, Usage] = {}
        self.health: dict[str, Health] = {}
        self.told: list[tuple[str, str]] = []

    def read(self) -> Rows:
        return Rows(definitions=self.definitions, usage=dict(self.usage), health=self.health)

    def count(self, element_id: str, usage: Usage) -> None:
        self.usage[element_id] = usage

    def failed(self, element_id: str, reason: str, now: float) -> None:
        self.told.append((element_id, reason))

    def recovered(self, element_id: str, now: float) -> None:
        self.told.append((element_id, "recovered"))


@pytest.fixture
def table() -> Table:
    return Table()


def tending(table: Table, **ports: Any) -> ElementTending:
    values: dict[str, Any] = {
        "seeds": SEEDS,
        "table": table,
        "probe": lambda _bucket: None,
        "usage": dict,
        "take_up": lambda _element, _transition: False,
        "clock": lambda: NOW,
    }
    return ElementTending(**values | ports)


def test_what_the_index_counts_is_written_down_and_tells_how_full_each_element_is(table: Table) -> None:
    table.usage["rw-01"] = Usage(used_bytes=1, beyond_bytes=50, counted_at="before")
    tended = tending(table, usage=lambda: {"rw-01": Counted(3, 860), "elsewhere": Counted(1, 1)}).tend()
    assert table.usage["rw-01"] == Usage(used_bytes=910, file_count=3, counted_at=AT, beyond_bytes=50)
    assert table.usage["edit-01"] == Usage(used_bytes=0, file_count=0, counted_at=AT)
    assert tended.fills == {"edit-01": "OK", "rw-01": "WARNING"}


def test_each_bucket_is_asked_once_and_what_failed_before_is_told_to_be_back(table: Table) -> None:
    table.health["edit-01"] = Health(failures=4, skipped_until=9e9)
    asked: list[str] = []
    table.definitions["rw-02"] = Definition(element_id="rw-02", bucket="rw", prefix="two/", mode=Mode.RW)
    tended = tending(table, probe=asked.append).tend()
    assert sorted(asked) == ["edit", "rw"]
    assert table.told == [("edit-01", "recovered")]
    assert tended.failing == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unavailable("no", code="storage_unavailable"), "storage_unavailable"),
        (Misconfigured("gone"), "storage_refuses"),
    ],
)
def test_a_bucket_that_fails_fails_for_each_of_its_elements(table: Table, error: Exception, reason: str) -> None:
    table.definitions["rw-02"] = Definition(element_id="rw-02", bucket="rw", prefix="two/", mode=Mode.RW)

    def probe(bucket: str) -> None:
        if bucket == "rw":
            raise error

    causes: list[tuple[str, BaseException]] = []
    tended = tending(table, probe=probe, failed=lambda what, why: causes.append((what, why))).tend()
    assert sorted(tended.failing) == ["rw-01", "rw-02"]
    assert sorted(table.told) == [("rw-01", reason), ("rw-02", reason)]
    assert (causes, tended.problems) == ([("probe of rw", error)], []), (
        "the log says why, and it is no problem here"
    )


def test_one_duty_that_fails_keeps_no_other_from_being_done(table: Table) -> None:
    def away() -> Any:
        raise Unavailable("the index does not answer")

    table.definitions["rw-01"] = Definition(
        element_id="rw-01", bucket="rw", prefix="", mode=Mode.RW, transition=TO_RO
    )
    table.usage["rw-01"] = Usage(used_bytes=7, file_count=1, counted_at="before")
    failed: list[str] = []
    tended = tending(
        table,
        usage=away,
        take_up=lambda element, transition: (element, transition) == ("rw-01", TO_RO),
        failed=lambda what, _error: failed.append(what),
    ).tend()
    assert (tended.problems, failed, tended.taken_up) == (["usage"], ["usage"], ["rw-01"])
    assert table.usage["rw-01"].used_bytes == 7, "what was counted last stands"


def test_deleted_elements_are_neither_probed_nor_counted(table: Table) -> None:
    table.definitions["edit-01"] = Definition(
        element_id="edit-01", bucket="edit", prefix="", mode=Mode.EDIT, status=ElementStatus.DELETED
    )
    tended = tending(table, probe=lambda bucket: bucket == "rw" or pytest.fail(bucket)).tend()
    assert tended.fills == {"rw-01": "OK"}


def test_what_was_found_beyond_the_documents_counts_from_then_on(table: Table) -> None:
    table.usage["rw-01"] = Usage(used_bytes=43, file_count=1, counted_at=AT, beyond_bytes=33, reconciled_at=AT)
    tending(table, usage=lambda: {"rw-01": Counted(2, 110)}).tend()
    assert table.usage["rw-01"].used_bytes == 110 + 33
