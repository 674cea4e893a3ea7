"""Placement knows modes, priorities, room, limits and health, and no bucket by name."""

from __future__ import annotations

import pytest

from artstore.elements import (
    ElementStatus,
    Health,
    Limits,
    Mode,
    RetentionPolicy,
    Right,
    StorageElement,
    StorageElements,
    Transition,
    parse_elements,
)
from artstore.elements.capacity import GB, Fill, fill_of, has_room
from artstore.elements.health import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, pause_after
from artstore.errors import ArtStoreError, Conflict, InsufficientStorage, Invalid, TooLarge, Unavailable

PERMANENT = RetentionPolicy.PERMANENT
NOW = 1_000_000.0
TO_RO = Transition(to=Mode.RO, phase="draining", since="2026-01-01T00:00:00.000Z", job_id="j", requested_by="me")

ELEMENTS = StorageElements(
    (
        StorageElement("rw-2", "b2", Mode.RW, priority=20),
        StorageElement("rw-1", "b1", Mode.RW, prefix="rw/", priority=10),
        StorageElement("edit-1", "b1", Mode.EDIT, prefix="edit/"),
        StorageElement("deep", "b1", Mode.RO, prefix="edit/deep/"),
    )
)


@pytest.mark.parametrize(
    ("policy", "element"), [(RetentionPolicy.TEMPORARY, "edit-1"), (RetentionPolicy.PERMANENT, "rw-1")]
)
def test_a_document_is_placed_by_its_retention_and_the_elements_priority(
    policy: RetentionPolicy, element: str
) -> None:
    assert ELEMENTS.place(policy).element_id == element


def test_without_an_element_of_the_mode_placement_is_unavailable() -> None:
    only_edit = StorageElements((StorageElement("edit-1", "b", Mode.EDIT),))
    with pytest.raises(Unavailable) as refusal:
        only_edit.place(RetentionPolicy.PERMANENT)
    assert refusal.value.code == "no_storage_element"


@pytest.mark.parametrize(
    ("bucket", "key", "element"),
    [
        ("b1", "edit/x", "edit-1"),
        ("b1", "edit/deep/x", "deep"),
        ("b1", "x", None),
        ("b2", "anything", "rw-2"),
        ("b3", "edit/x", None),
    ],
)
def test_an_object_belongs_to_the_element_with_the_longest_prefix(
    bucket: str, key: str, element: str | None
) -> None:
    located = ELEMENTS.locate(bucket, key)
    assert (located.element_id if located else None) == element


def test_each_bucket_is_named_once() -> None:
    assert sorted(ELEMENTS.buckets()) == ["b1", "b2"]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '[{"element_id":"a","bucket":"b","mode":"wild"}]',
        '[{"element_id":"a","bucket":"b"}]',
        '[{"element_id":"a","bucket":"b","mode":"rw","color":"red"}]',
        '[{"element_id":"a","bucket":"b","mode":"rw","prefix":".artstore/x/"}]',
        '[{"element_id":"a","bucket":"b","mode":"rw"},{"element_id":"a","bucket":"c","mode":"rw"}]',
    ],
)
def test_a_wrong_list_of_elements_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_elements(text)


@pytest.mark.parametrize(
    ("mode", "rights"),
    [
        (Mode.EDIT, "create arrive ingest change overwrite delete dispose hold read"),
        (Mode.RW, "create arrive ingest change dispose hold read"),
        (Mode.RO, "read"),
        (Mode.AR, "restore"),
    ],
)
def test_the_mode_says_what_may_be_done(mode: Mode, rights: str) -> None:
    element = StorageElement("one", "b", mode)
    assert {right for right in Right if element.may(right)} == {Right(each) for each in rights.split()}


@pytest.mark.parametrize(("mode", "rights"), [(Mode.RW, "ingest read"), (Mode.RO, "read")])
def test_while_the_mode_changes_what_has_arrived_is_described_and_nothing_else_is_written(
    mode: Mode, rights: str
) -> None:
    element = StorageElement("one", "b", mode, transition=TO_RO)
    assert {right for right in Right if element.may(right)} == {Right(each) for each in rights.split()}


def test_an_element_that_takes_no_new_documents_is_otherwise_what_it_was() -> None:
    element = StorageElement("one", "b", Mode.EDIT, status=ElementStatus.PAUSED)
    assert {right for right in Right if not element.may(right)} == {Right.CREATE, Right.RESTORE}


@pytest.mark.parametrize(
    ("element", "right", "code"),
    [
        (StorageElement("one", "b", Mode.RW), Right.DELETE, "deletion_not_allowed"),
        (StorageElement("one", "b", Mode.RW), Right.RESTORE, "restore_not_needed"),
        (StorageElement("one", "b", Mode.RO), Right.CHANGE, "element_read_only"),
        (StorageElement("one", "b", Mode.AR), Right.READ, "archived"),
        (StorageElement("one", "b", Mode.AR), Right.HOLD, "element_read_only"),
        (StorageElement("one", "b", Mode.RW, transition=TO_RO), Right.CHANGE, "element_mode_changing"),
        (StorageElement("one", "b", Mode.RW, status=ElementStatus.PAUSED), Right.CREATE, "element_not_active"),
    ],
)
def test_what_may_not_be_done_is_refused_with_its_reason(element: StorageElement, right: Right, code: str) -> None:
    with pytest.raises(Conflict) as refusal:
        element.require(right)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("mode", "capacity", "free", "fill"),
    [
        # Large: the shares count.
        (Mode.RW, 10_000 * GB, 1500 * GB + 1, Fill.OK),
        (Mode.RW, 10_000 * GB, 1500 * GB, Fill.WARNING),
        (Mode.RW, 10_000 * GB, 800 * GB + 1, Fill.WARNING),
        (Mode.RW, 10_000 * GB, 800 * GB, Fill.CRITICAL),
        (Mode.RW, 10_000 * GB, 200 * GB + 1, Fill.CRITICAL),
        (Mode.RW, 10_000 * GB, 200 * GB, Fill.FULL),
        (Mode.EDIT, 10_000 * GB, 1000 * GB + 1, Fill.OK),
        (Mode.EDIT, 10_000 * GB, 1000 * GB, Fill.WARNING),
        (Mode.EDIT, 10_000 * GB, 500 * GB, Fill.CRITICAL),
        (Mode.EDIT, 10_000 * GB, 100 * GB, Fill.FULL),
        # In between: the floors count.
        (Mode.RW, 500 * GB, 150 * GB + 1, Fill.OK),
        (Mode.RW, 500 * GB, 150 * GB, Fill.WARNING),
        (Mode.RW, 500 * GB, 80 * GB, Fill.CRITICAL),
        (Mode.RW, 500 * GB, 20 * GB + 1, Fill.CRITICAL),
        (Mode.RW, 500 * GB, 20 * GB, Fill.FULL),
        (Mode.EDIT, 500 * GB, 100 * GB + 1, Fill.OK),
        (Mode.EDIT, 500 * GB, 100 * GB, Fill.WARNING),
        (Mode.EDIT, 500 * GB, 50 * GB, Fill.CRITICAL),
        (Mode.EDIT, 500 * GB, 10 * GB, Fill.FULL),
        # Smaller than the highest floor: the shares alone.
        (Mode.RW, 150 * GB - 100, 22 * GB + 500_000_000, Fill.OK),
        (Mode.RW, 100 * GB, 15 * GB + 1, Fill.OK),
        (Mode.RW, 100 * GB, 15 * GB, Fill.WARNING),
        (Mode.RW, 100 * GB, 8 * GB, Fill.CRITICAL),
        (Mode.RW, 100 * GB, 2 * GB + 1, Fill.CRITICAL),
        (Mode.RW, 100 * GB, 2 * GB, Fill.FULL),
        (Mode.EDIT, 1000, 101, Fill.OK),
        (Mode.EDIT, 1000, 100, Fill.WARNING),
        (Mode.EDIT, 1000, 50, Fill.CRITICAL),
        (Mode.EDIT, 1000, 11, Fill.CRITICAL),
        (Mode.EDIT, 1000, 10, Fill.FULL),
        (Mode.EDIT, 1000, -5, Fill.FULL),
    ],
)
def test_how_full_an_element_is(mode: Mode, capacity: int, free: int, fill: Fill) -> None:
    assert fill_of(mode, capacity, capacity - free) is fill


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("capacity", [1, 1000, 99 * GB, 100 * GB, 149 * GB, 150 * GB, 151 * GB, 20_000 * GB])
def test_an_element_warns_before_it_is_critical_and_is_critical_before_it_is_full(
    mode: Mode, capacity: int
) -> None:
    order = [Fill.OK, Fill.WARNING, Fill.CRITICAL, Fill.FULL]
    seen = [order.index(fill_of(mode, capacity, capacity * part // 1000)) for part in range(1001)]
    assert seen == sorted(seen)
    assert seen[-1] == order.index(Fill.FULL)


def test_without_a_capacity_an_element_never_fills() -> None:
    assert fill_of(Mode.RW, None, 10**18) is Fill.OK
    assert has_room(Mode.RW, None, 10**18, 10**15)


def test_a_document_fits_when_what_a_full_element_keeps_free_stays_free() -> None:
    assert has_room(Mode.EDIT, 1000, 900, 90)
    assert not has_room(Mode.EDIT, 1000, 900, 91)
    assert not has_room(Mode.EDIT, 1000, 990, 0)


def rw(element_id: str, priority: int = 100, capacity: int | None = None, **more: object) -> StorageElement:
    return StorageElement(element_id, element_id, Mode.RW, priority=priority, capacity_bytes=capacity, **more)  # type: ignore[arg-type]


def test_elements_are_filled_one_after_the_other() -> None:
    elements = StorageElements((rw("second", 2, 1000), rw("first", 1, 1000)))
    placed = [elements.place(PERMANENT, 400).element_id for _ in range(4)]
    assert placed == ["first", "first", "second", "second"]
    with pytest.raises(InsufficientStorage) as refusal:
        elements.place(PERMANENT, 400)
    assert refusal.value.code == "storage_full"
    assert elements.place(PERMANENT, 100).element_id == "first", "what is left takes what fits"


@pytest.mark.parametrize(
    ("element", "kind", "code"),
    [
        (rw("one", limits=Limits(max_file_size=99)), TooLarge, "file_too_large"),
        (rw("one", limits=Limits(allowed_types=("image/*",))), Invalid, "content_type_not_allowed"),
        (rw("one", capacity=50), InsufficientStorage, "storage_full"),
        (rw("one", health=Health(failures=3, skipped_until=NOW + 1)), Unavailable, "storage_elements_failing"),
        (rw("one", status=ElementStatus.PAUSED), Unavailable, "no_storage_element"),
        (rw("one", status=ElementStatus.DELETED), Unavailable, "no_storage_element"),
        (rw("one", transition=TO_RO), Unavailable, "no_storage_element"),
    ],
)
def test_an_element_that_does_not_take_the_document_is_skipped(
    element: StorageElement, kind: type[ArtStoreError], code: str
) -> None:
    with pytest.raises(kind) as refusal:
        StorageElements((element,)).place(PERMANENT, 100, "text/plain; charset=utf-8", NOW)
    assert refusal.value.code == code
    both = StorageElements((element, rw("two")))
    assert both.place(PERMANENT, 100, "text/plain", NOW).element_id == "two"


def test_of_several_reasons_the_most_hopeful_is_told() -> None:
    small, full = rw("small", limits=Limits(max_file_size=1)), rw("full", capacity=1)
    with pytest.raises(InsufficientStorage):
        StorageElements((small, full)).place(PERMANENT, 100)


@pytest.mark.parametrize("content_type", ["image/png", "IMAGE/PNG", "image/png; q=1", "text/plain"])
def test_types_are_compared_without_case_and_parameters(content_type: str) -> None:
    assert Limits(allowed_types=("image/*", "text/plain")).takes_type(content_type)


@pytest.mark.parametrize("content_type", ["", "imagex/png", "text/html", "application/pdf"])
def test_other_types_are_not_taken(content_type: str) -> None:
    assert not Limits(allowed_types=("image/*", "text/plain")).takes_type(content_type)


def test_an_element_that_failed_is_tried_again_when_its_time_is_over() -> None:
    elements = StorageElements((rw("one", health=Health(failures=3, skipped_until=NOW)),))
    assert elements.place(PERMANENT, now=NOW).element_id == "one"


def test_the_pause_begins_with_the_third_failure_and_doubles_up_to_half_an_hour() -> None:
    assert [pause_after(failures) for failures in range(7)] == [
        0,
        0,
        0,
        FIRST_PAUSE_SECONDS,
        2 * FIRST_PAUSE_SECONDS,
        4 * FIRST_PAUSE_SECONDS,
        8 * FIRST_PAUSE_SECONDS,
    ]
    assert pause_after(1000) == LONGEST_PAUSE_SECONDS


def test_a_deleted_element_is_not_listed_and_still_known_by_what_arrives_in_it() -> None:
    gone = StorageElement("gone", "b", Mode.EDIT, prefix="gone/", status=ElementStatus.DELETED)
    elements = StorageElements((gone, StorageElement("root", "b", Mode.EDIT)))
    assert [each.element_id for each in elements] == ["root"]
    assert elements.locate("b", "gone/x") is gone
    assert elements.find("gone") is gone
