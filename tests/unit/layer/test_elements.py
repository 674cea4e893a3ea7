"""Placement knows modes, priorities and prefixes, and no bucket by name."""

from __future__ import annotations

import pytest

from artstore.elements import Mode, RetentionPolicy, StorageElement, StorageElements, parse_elements
from artstore.errors import Unavailable

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
