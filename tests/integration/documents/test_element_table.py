"""The registry of storage elements in DynamoDB."""

from __future__ import annotations

import msgspec
import pytest

from artstore.audit import SUCCESS, AuditEvent, StateChanged
from artstore.aws.audit_table import AuditTable
from artstore.aws.element_table import ElementTable, open_registry
from artstore.elements import Limits, Mode, StorageElement, StorageElements, Transition
from artstore.elements.health import FIRST_PAUSE_SECONDS
from artstore.elements.registry import Definition, Usage
from artstore.errors import Unavailable
from tests.support.dynamodb import count_calls, create_tables

ONE = Definition(
    element_id="rw-02",
    bucket="b",
    prefix="two/",
    mode=Mode.RW,
    capacity_bytes=10**15,
    limits=Limits(max_file_size=5, allowed_types=("image/*",)),
    transition=Transition(to=Mode.RO, phase="draining", since="t", job_id="j", requested_by="me"),
    revision=1,
)
EVENT = AuditEvent(
    action="storage_element.created",
    actor="me",
    object="storage-element/rw-02",
    outcome=SUCCESS,
    source_ip="",
    request_id="",
)


@pytest.fixture
def table(aws: None) -> ElementTable:
    create_tables("moto")
    return ElementTable("moto")


def put(table: ElementTable, definition: Definition) -> None:
    AuditTable("moto").append(EVENT, lambda transaction: table.put(definition, transaction))


def test_a_definition_comes_back_as_it_was_written(table: ElementTable) -> None:
    put(table, ONE)
    assert table.read().definitions == {"rw-02": ONE}


def test_a_definition_is_written_over_the_one_that_was_read_and_no_other(table: ElementTable) -> None:
    put(table, ONE)
    with pytest.raises(StateChanged):
        put(table, ONE)
    second = msgspec.structs.replace(ONE, revision=2, priority=1)
    put(table, second)
    with pytest.raises(StateChanged):
        put(table, second)
    assert table.read().definitions == {"rw-02": second}


def test_an_older_count_does_not_replace_a_newer_one(table: ElementTable) -> None:
    table.count("rw-02", Usage(used_bytes=5, file_count=2, counted_at="2026-01-02T00:00:00.000Z"))
    table.count("rw-02", Usage(used_bytes=4, file_count=1, counted_at="2026-01-01T00:00:00.000Z"))
    assert table.read().usage["rw-02"].used_bytes == 5
    table.count("rw-02", Usage(used_bytes=0, file_count=0, counted_at="2026-01-03T00:00:00.000Z"))
    assert table.read().usage["rw-02"] == Usage(used_bytes=0, file_count=0, counted_at="2026-01-03T00:00:00.000Z")


def test_the_third_failure_in_a_row_leaves_the_element_out_for_every_process(table: ElementTable) -> None:
    other = ElementTable("moto")
    for process in (table, other):
        assert not process.failed("rw-02", "storage_unavailable", 1000).is_skipped(1001)
    assert table.failed("rw-02", "storage_unavailable", 1000).is_skipped(1001)
    health = other.read().health["rw-02"]
    assert (health.failures, health.skipped_until) == (3, 1000 + FIRST_PAUSE_SECONDS)
    other.failed("rw-02", "storage_unavailable", 1010)
    assert table.read().health["rw-02"].skipped_until == 1010 + 2 * FIRST_PAUSE_SECONDS
    table.recovered("rw-02", 2000)
    health = other.read().health["rw-02"]
    assert (health.failures, health.skipped_until, health.reason) == (0, 0, None)


def test_a_failure_that_is_told_late_does_not_shorten_the_pause(table: ElementTable) -> None:
    for _ in range(3):
        table.failed("rw-02", "storage_unavailable", 1000)
    table.failed("rw-02", "storage_unavailable", 1000 - 2 * FIRST_PAUSE_SECONDS)
    assert table.read().health["rw-02"].skipped_until == 1000 + FIRST_PAUSE_SECONDS


def test_a_process_asks_once_for_many_requests(table: ElementTable) -> None:
    registry = open_registry("moto", StorageElements((StorageElement("rw-01", "b", Mode.RW),)))
    put(table, ONE)
    with count_calls() as calls:
        for _ in range(5):
            assert [each.element_id for each in registry.current()] == ["rw-01", "rw-02"]
    assert calls.count("dynamodb.Scan") == 1


def test_a_registry_that_is_not_there_is_told_as_unavailable(aws: None) -> None:
    with pytest.raises(Unavailable):
        ElementTable("nobody").read()
