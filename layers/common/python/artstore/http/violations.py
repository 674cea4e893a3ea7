"""What a request breaks, in words: msgspec's messages are for programmers, and show regular expressions.

The rule of a pattern stands beside it, ``Meta(pattern=…, description="what it must be")``, and is the description
in the OpenAPI document as well.
"""

from __future__ import annotations

import enum
import re
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec

_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_NAMES: Final = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_BOUNDS: Final = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_PLAIN: Final = {
    "Invalid UUID": "must be a UUID, such as 7f1d7b5e-1c1f-4b62-9d8c-3f1f0e7f9a11",
    "Invalid RFC3339 encoded datetime": "must be a time of RFC 3339, such as 2026-11-21T07:05:09Z",
    "Expected `datetime` with a timezone component": "must be a time with an offset, such as Z or +02:00",
    "Integer value out of range": "must be an integer of at most 64 bits",
    "Number out of range": "must be a number of double precision",
}


def describe(error: msgspec.ValidationError, kind: Any, *, textual: bool = False) -> tuple[str, str | None]:
    """Say which rule of ``kind`` was broken, and name the member that broke it (None: the whole), as ``tags[3]``.

    ``textual`` is for what comes as text whatever it means (query, path), of which no type is told.
    """
    fact, _, place = str(error).partition(" - at ")
    path = place.strip("`").removeprefix("$").removeprefix(".")
    member = re.fullmatch(r"Object (missing required|contains unknown) field `(.*)`", fact)
    if member:
        name = f"{path}.{member[2]}" if path else member[2]
        return f"{name} is {'missing' if member[1] != 'contains unknown' else 'not known here'}", name
    words = _words(fact, list(_reach(kind, path)), textual=textual)
    return f"{path} {words}", path or None


def _words(fact: str, reached: list[tuple[Any, tuple[msgspec.Meta, ...]]], *, textual: bool) -> str:
    if fact in _PLAIN:
        return _PLAIN[fact]
    if fact.startswith("Invalid enum value"):
        values = [value for kind, _ in reached for value in _values(kind)]
        return f"must be one of {', '.join(values)}" if values else "must be one of the values that are known here"
    if " matching regex " in fact:
        rules = [meta.description for _, metas in reached for meta in metas if meta.pattern and meta.description]
        return f"must be {rules[0]}" if rules else "does not have the form that is asked for"
    if length := re.fullmatch(r"Expected `(\w+)` of length (>=|<=) (\d+)", fact):
        noun = "character" if length[1] == "str" else "item" if length[1] == "array" else "member"
        return f"must have {_BOUNDS[length[2]]} {length[3]} {noun}{'' if length[3] == '1' else 's'}"
    if bound := re.fullmatch(r"Expected `\w+` (>=|<=|>|<) (.+)", fact):
        return f"must be {_BOUNDS[bound[1]]} {bound[2]}"
    if wrong := re.fullmatch(r"Expected `(.+?)`, got `(.+)`", fact):
        return f"must be {_names(wrong[1])}" + ("" if textual else f", not {_names(wrong[2])}")
    return "is not valid"


def _names(alternatives: str) -> str:
    return " or ".join(_NAMES.get(each, f"a {each}") for each in alternatives.split(" | "))


def _values(kind: Any) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return [str(each.value) for each in kind]
    return [str(each) for each in typing.get_args(kind)] if typing.get_origin(kind) is Literal else []


def _reach(kind: Any, path: str) -> Iterator[tuple[Any, tuple[msgspec.Meta, ...]]]:
    """Give the types that may stand at ``path``, each with what is said of it."""
    reached = list(_alternatives(kind))
    for name, index in _STEP.findall(path):
        inner = [_inside(each, name, index) for each, _ in reached]
        reached = [found for each in inner if each is not None for found in _alternatives(each)]
    yield from reached


def _inside(kind: Any, name: str, index: str) -> Any:
    if name and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return next((field.type for field in msgspec.structs.fields(kind) if field.encode_name == name), None)
    arguments = typing.get_args(kind)
    if not arguments:
        return None
    return arguments[0] if index.isdigit() else arguments[-1]


def _alternatives(
    kind: Any, metas: tuple[msgspec.Meta, ...] = ()
) -> Iterator[tuple[Any, tuple[msgspec.Meta, ...]]]:
    origin = typing.get_origin(kind)
    if origin is Annotated:
        said = tuple(each for each in kind.__metadata__ if isinstance(each, msgspec.Meta))
        yield from _alternatives(kind.__origin__, (*metas, *said))
    elif origin is typing.Union or isinstance(kind, types.UnionType):
        for each in typing.get_args(kind):
            yield from _alternatives(each, metas)
    else:
        yield kind, metas
