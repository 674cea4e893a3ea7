"""A broken rule is told in words, with the member that broke it, whatever msgspec calls it."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from artstore.http.violations import describe
from infra.openapi import ENDPOINTS_OF


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Part(msgspec.Struct, forbid_unknown_fields=True):
    size: Annotated[int, Meta(ge=1)] = 1


class Whole(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    code: Annotated[str, Meta(pattern="^[a-z]+$", description="lowercase letters")] | None = None
    names: Annotated[list[Annotated[str, Meta(min_length=1, max_length=3)]], Meta(max_length=4)] = []
    colour: Colour | None = None
    way: Literal["in", "out"] = "in"
    parts: list[Part] = []
    free: dict[str, int] = {}
    id: UUID | None = None
    since: Annotated[datetime, Meta(tz=True)] | None = msgspec.field(default=None, name="from")
    ratio: float = 1.0
    needed: bool


CASES: list[tuple[Any, str, str | None]] = [
    ({}, "needed is missing", "needed"),
    ({"needed": 1}, "needed must be true or false, not an integer", "needed"),
    ({"code": "A"}, "code must be lowercase letters", "code"),
    ({"code": 5}, "code must be a string or null, not an integer", "code"),
    ({"names": ["a", "b", "c", ""]}, "names[3] must have at least 1 character", "names[3]"),
    ({"names": ["abcd"]}, "names[0] must have at most 3 characters", "names[0]"),
    ({"names": ["a"] * 5}, "names must have at most 4 items", "names"),
    ({"names": "a"}, "names must be an array, not a string", "names"),
    ({"colour": "green"}, "colour must be one of red, blue", "colour"),
    ({"way": "up"}, "way must be one of in, out", "way"),
    ({"parts": [{}, {"size": 0}]}, "parts[1].size must be at least 1", "parts[1].size"),
    ({"parts": [{"sise": 0}]}, "parts[0].sise is not known here", "parts[0].sise"),
    ({"free": {"a": "b"}}, "free[...] must be an integer, not a string", "free[...]"),
    ({"id": "x"}, "id must be a UUID, such as 7f1d7b5e-1c1f-4b62-9d8c-3f1f0e7f9a11", "id"),
    ({"from": "yesterday"}, "from must be a time of RFC 3339, such as 2026-11-21T07:05:09Z", "from"),
    ({"from": "2026-11-21T07:05:09"}, "from must be a time with an offset, such as Z or +02:00", "from"),
    ({"ratio": "x"}, "ratio must be a number, not a string", "ratio"),
    ([], " must be an object, not an array", None),
    (None, " must be an object, not null", None),
]


def broken(value: Any, model: Any = Whole) -> tuple[str, str | None]:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.json.decode(msgspec.json.encode(value), type=model)
    return describe(error.value, model)


@pytest.mark.parametrize(("value", "detail", "member"), CASES, ids=str)
def test_every_rule_has_its_words(value: Any, detail: str, member: str | None) -> None:
    assert broken(value) == (detail, member)


def test_of_what_comes_as_text_no_type_is_told() -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert({"size": "x"}, Part, strict=False)
    assert describe(error.value, Part, textual=True) == ("size must be an integer", "size")


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=2))
)
def test_nothing_of_msgspec_shows(value: Any) -> None:
    for name in ("code", "names", "colour", "parts", "free", "from", "ratio"):
        try:
            msgspec.json.decode(msgspec.json.encode({name: value, "needed": True}), type=Whole)
        except msgspec.ValidationError as error:
            detail, member = describe(error, Whole)
            assert "`" not in detail
            assert "regex" not in detail
            assert str(member).startswith(name)


def test_each_pattern_of_the_api_has_its_rule_in_words() -> None:
    models = [
        model for endpoints in ENDPOINTS_OF.values() for each in endpoints for model in each.parameters.values()
    ]
    schemas = msgspec.json.schema_components([model for model in models if _has_schema(model)])
    patterns = list(_patterns(schemas))
    assert len(patterns) > 4
    assert [each["pattern"] for each in patterns if not each.get("description")] == []


def _has_schema(model: Any) -> bool:
    return getattr(model, "__module__", "") not in ("artstore.http.request", "artstore.security")


def _patterns(schema: Any) -> Any:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema
        for each in schema.values():
            yield from _patterns(each)
    elif isinstance(schema, list | tuple):
        for each in schema:
            yield from _patterns(each)
