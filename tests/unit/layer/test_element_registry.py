"""What a process knows of the storage elements, and for how long."""

from __future__ import annotations

import pytest

from artstore.elements import ElementStatus, Health, Mode, RetentionPolicy, StorageElement, StorageElements
from artstore.elements.registry import (
    CACHED_SECONDS,
    RETRY_SECONDS,
    Definition,
    ElementRegistry,
    Rows,
    Usage,
    merge,
)
from artstore.errors import InsufficientStorage, Unavailable

SEEDS = StorageElements(
    (StorageElement("edit-01", "edit-b", Mode.EDIT), StorageElement("rw-01", "rw-b", Mode.RW, capacity_bytes=1000))
)


class Table:
    """A registry's table that can be away."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.reads = 0
        self.away = False

    def read(self) -> Rows:
        self.reads += 1
        if self.away:
            raise Unavailable("the table store does not answer")
        return self.rows


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(table: Table, clock: Clock) -> ElementRegistry:
    return ElementRegistry(SEEDS, table.read, clock)


def defined(element_id: str, bucket: str = "rw-b", mode: Mode = Mode.RW, **more: object) -> Definition:
    return Definition(element_id=element_id, bucket=bucket, prefix=f"{element_id}/", mode=mode, **more)  # type: ignore[arg-type]


def ids(elements: StorageElements) -> list[str]:
    return [each.element_id for each in elements]


def test_the_elements_of_the_template_need_no_rows(registry: ElementRegistry) -> None:
    assert ids(registry.current()) == ["edit-01", "rw-01"]


def test_a_row_adds_an_element_and_says_more_of_one_in_the_template(
    registry: ElementRegistry, table: Table
) -> None:
    table.rows = Rows(
        definitions={"rw-02": defined("rw-02", priority=5), "rw-01": defined("rw-01", mode=Mode.RO)},
        usage={"rw-02": Usage(used_bytes=7, file_count=2, counted_at="t")},
        health={"rw-02": Health(failures=1)},
    )
    found = {each.element_id: each for each in registry.current()}
    assert set(found) == {"edit-01", "rw-01", "rw-02"}
    assert found["rw-01"].mode is Mode.RO
    assert (found["rw-02"].used_bytes, found["rw-02"].file_count, found["rw-02"].health.failures) == (7, 2, 1)


def test_an_element_of_the_template_that_was_deleted_stays_deleted(
    registry: ElementRegistry, table: Table
) -> None:
    table.rows = Rows(definitions={"edit-01": defined("edit-01", "edit-b", status=ElementStatus.DELETED)})
    assert ids(registry.current()) == ["rw-01"]


def test_the_table_is_read_again_after_ten_seconds_and_not_before(
    registry: ElementRegistry, table: Table, clock: Clock
) -> None:
    registry.current()
    table.rows = Rows(definitions={"rw-02": defined("rw-02")})
    clock.now += CACHED_SECONDS - 0.001
    assert "rw-02" not in ids(registry.current())
    assert table.reads == 1
    clock.now += 0.001
    assert "rw-02" in ids(registry.current())
    assert table.reads == 2


def test_who_changed_something_sees_it_at_once(registry: ElementRegistry, table: Table) -> None:
    registry.current()
    table.rows = Rows(definitions={"rw-02": defined("rw-02")})
    registry.forget()
    assert "rw-02" in ids(registry.current())


def test_who_must_know_the_present_ones_is_given_no_earlier_ones(registry: ElementRegistry, table: Table) -> None:
    registry.current()
    table.rows = Rows(definitions={"rw-02": defined("rw-02")})
    assert "rw-02" in ids(registry.present())
    assert "rw-02" in ids(registry.current())
    assert table.reads == 2
    table.away = True
    with pytest.raises(Unavailable) as refusal:
        registry.present()
    assert refusal.value.code == "storage_elements_unknown"
    assert "rw-02" in ids(registry.current()), "everybody else goes on"


def test_while_the_table_is_away_the_last_known_elements_are_used_and_it_is_left_alone_for_a_while(
    registry: ElementRegistry, table: Table, clock: Clock
) -> None:
    table.rows = Rows(definitions={"rw-02": defined("rw-02")})
    registry.current()
    table.away = True
    clock.now += CACHED_SECONDS
    assert "rw-02" in ids(registry.current())
    assert table.reads == 2
    clock.now += RETRY_SECONDS - 0.001
    registry.current()
    assert table.reads == 2
    clock.now += 0.001
    registry.current()
    assert table.reads == 3
    table.away, table.rows = False, Rows()
    clock.now += RETRY_SECONDS
    assert "rw-02" not in ids(registry.current()), "it is known anew as soon as the table is back"


def test_a_process_that_never_read_the_table_does_not_guess(registry: ElementRegistry, table: Table) -> None:
    """The template's elements may have been deleted, or be read-only by now."""
    table.away = True
    with pytest.raises(Unavailable) as refusal:
        registry.current()
    assert refusal.value.code == "storage_elements_unknown"
    table.away = False
    assert ids(registry.current()) == ["edit-01", "rw-01"]


def test_what_was_started_counts_as_used_until_it_must_have_been_counted(
    registry: ElementRegistry, table: Table, clock: Clock
) -> None:
    def place(size: int) -> None:
        registry.current().place(RetentionPolicy.PERMANENT, size)

    def count(at: str, used: int) -> None:
        table.rows = Rows(usage={"rw-01": Usage(used_bytes=used, counted_at=at)})
        clock.now += CACHED_SECONDS

    place(600)
    clock.now += CACHED_SECONDS
    with pytest.raises(InsufficientStorage):
        place(600)
    count("t1", 0)
    with pytest.raises(InsufficientStorage):
        place(600)
    count("t2", 600)
    with pytest.raises(InsufficientStorage):
        place(600)
    place(300)
    count("t3", 0)
    place(600)


def test_deleted_elements_are_merged_too() -> None:
    rows = Rows(definitions={"rw-02": defined("rw-02", status=ElementStatus.DELETED)})
    assert {each.element_id for each in merge(SEEDS, rows)} == {"edit-01", "rw-01", "rw-02"}
