"""What a value of JSON may be, so that attr.json can hold it, the index can, and both give it back unchanged.

JSON itself knows few limits. PostgreSQL's jsonb holds no NUL, a stack ends long before JSON's nesting does, and an
integer beyond 64 bits is another number in most readers. What a client sends is held to these rules before it
sends the bytes; of what another tool wrote, only the nesting is: there the rest is shown as well as it goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from artstore.errors import Invalid

MAX_DEPTH = 64
"""How many objects and lists may lie inside one another within a member of attr.json."""
MAX_INTEGER = 2**63 - 1
_MIN_INTEGER = -(2**63)


def is_too_deep(value: Any, limit: int = MAX_DEPTH) -> bool:
    """Tell whether objects and lists lie inside one another more than ``limit`` times; recurses nowhere."""
    level = [value]
    for _ in range(limit):
        level = [each for parent in level for each in _children(parent) if isinstance(each, dict | list)]
        if not level:
            return False
    return True


def check_storable(value: Any, field: str) -> None:
    """Check what a client sent as ``field`` (any JSON value).

    Raises Invalid with the code ``<field>_too_deep``, ``<field>_number`` or ``<field>_nul``.
    """
    if not value:
        return
    if is_too_deep(value):
        raise Invalid(
            f"{field} is nested more than {MAX_DEPTH} levels deep", code=f"{field}_too_deep", field=field
        )
    for each in _walk(value):
        if isinstance(each, int) and not _MIN_INTEGER <= each <= MAX_INTEGER:
            raise Invalid(
                f"{field} has an integer that does not fit into 64 bits", code=f"{field}_number", field=field
            )
        if isinstance(each, str) and "\0" in each:
            raise Invalid(f"{field} has a NUL character", code=f"{field}_nul", field=field)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _walk(value: Any) -> Iterator[Any]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        yield each
        if isinstance(each, dict):
            waiting += each
        waiting += _children(each)
