"""What a client may send is what attr.json and index can hold."""

from __future__ import annotations

from typing import Any

import pytest

from artstore.attributes.storable import MAX_DEPTH, check_storable, is_too_deep
from artstore.errors import Invalid


def nested(levels: int, inner: Any = 1) -> Any:
    value = inner
    for number in range(levels):
        value = {"a": value} if number % 2 else [value]
    return value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (nested(MAX_DEPTH), False),
        (nested(MAX_DEPTH, "text"), False),
        (nested(MAX_DEPTH + 1), True),
        (nested(MAX_DEPTH, []), True),
        ([1] * 8000, False),
        ("text", False),
    ],
)
def test_depth_counts_objects_and_lists_inside_one_another(value: Any, expected: bool) -> None:
    assert is_too_deep(value) is expected


def test_a_depth_beyond_the_stack_is_told_not_run_into() -> None:
    assert is_too_deep(nested(100_000))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (nested(65), "custom_attributes_too_deep"),
        ({"a": [2**63]}, "custom_attributes_number"),
        ({"a": -(2**63) - 1}, "custom_attributes_number"),
        ({"a": {"b": ["x\0"]}}, "custom_attributes_nul"),
        ({"a\0": 1}, "custom_attributes_nul"),
    ],
    ids=str,
)
def test_what_cannot_be_held_is_refused_by_name(value: Any, code: str) -> None:
    with pytest.raises(Invalid) as error:
        check_storable(value, "custom_attributes")
    assert (error.value.code, error.value.members["field"]) == (code, "custom_attributes")


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 1e308, True, None, "", "\x01\uffff😀", {}, [[]]], ids=str)
def test_everything_else_is_taken(value: Any) -> None:
    check_storable({"a": value}, "custom_attributes")
