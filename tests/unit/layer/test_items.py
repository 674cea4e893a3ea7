"""Items are written and read as pynamodb itself does, for every model of the tables and any other."""

from __future__ import annotations

from typing import Any

import pytest
from pynamodb.attributes import (
    AttributeContainer,
    BinaryAttribute,
    DiscriminatorAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.exceptions import AttributeDeserializationError, AttributeNullError
from pynamodb.models import Model

from artstore import tables
from artstore.aws.dynamodb import OneConnection
from artstore.tables import AccountSecret, ServiceAccount, bind


class Part(MapAttribute[str, Any]):
    needed = UnicodeAttribute()
    other = NumberAttribute(null=True)

    def __init__(self, **attributes: Any) -> None:
        untyped: Any = super().__init__
        untyped(**attributes)


class _Thing(Model):
    class Meta:
        table_name = "things"

    name = UnicodeAttribute(hash_key=True)
    renamed = UnicodeAttribute(attr_name="object", null=True)
    number = NumberAttribute(default=7)
    words: ListAttribute[str] = ListAttribute(default=list)
    parts: ListAttribute[Part] = ListAttribute(of=Part, null=True)
    part = Part(null=True)
    json = JSONAttribute(null=True)
    bytes = BinaryAttribute(legacy_encoding=False, null=True)
    texts = UnicodeSetAttribute(null=True)


class Thing(OneConnection, _Thing):
    pass


VALUES: list[dict[str, Any]] = [
    {"name": "a"},
    {"name": "a", "renamed": "o", "number": 0, "words": ["x", "y"], "json": {"a": [1, None]}},
    {"name": "a", "part": Part(needed="n", other=2), "parts": [Part(needed="n"), Part(needed="m", other=1)]},
    {"name": "a", "bytes": b"\x00\xff", "texts": {"one"}, "words": []},
    {"name": "a", "texts": set(), "words": None, "number": None, "json": None},
    {"name": None},
    {"name": "a", "part": Part()},
    {"name": "a", "parts": [Part(needed="n"), Part()]},
    {"name": "a", "parts": ["not one"]},
    {"name": "a", "json": object()},
]


def outcome(call: Any) -> Any:
    try:
        return call()
    except (AttributeNullError, AttributeDeserializationError, TypeError, ValueError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("values", VALUES, ids=str)
@pytest.mark.parametrize("null_check", [True, False])
def test_an_item_is_written_as_pynamodb_writes_it(values: dict[str, Any], null_check: bool) -> None:
    thing = Thing(**values)
    expected = outcome(lambda: AttributeContainer._container_serialize(thing, null_check=null_check))
    assert outcome(lambda: thing.serialize(null_check=null_check)) == expected


ITEMS: list[dict[str, Any]] = [
    {"name": {"S": "a"}},
    {"name": {"S": "a"}, "object": {"S": "o"}, "number": {"N": "1.5"}, "words": {"L": [{"S": "x"}]}},
    {"name": {"S": "a"}, "number": {"NULL": True}, "words": {"NULL": True}, "json": {"S": "null"}},
    {"name": {"S": "a"}, "part": {"M": {"needed": {"S": "n"}}}, "parts": {"L": [{"M": {"needed": {"S": "n"}}}]}},
    {"name": {"S": "a"}, "bytes": {"B": b"\x00"}, "texts": {"SS": ["one"]}, "unknown": {"S": "x"}},
    {"name": {"N": "1"}},
    {},
]


@pytest.mark.parametrize("item", ITEMS, ids=str)
def test_an_item_is_read_as_pynamodb_reads_it(item: dict[str, Any]) -> None:
    ours, theirs = Thing("before", renamed="before"), Thing("before", renamed="before")
    refused = outcome(lambda: ours.deserialize(item))
    assert refused == outcome(lambda: AttributeContainer._container_deserialize(theirs, item))
    if refused is None:
        assert ours.serialize(null_check=False) == theirs.serialize(null_check=False)
        assert [getattr(ours, name) for name in ("name", "renamed", "number", "json", "words")] == [
            getattr(theirs, name) for name in ("name", "renamed", "number", "json", "words")
        ]


@pytest.mark.parametrize("model", tables._TABLES, ids=lambda model: model.__name__)
def test_the_models_of_the_tables_have_no_attribute_that_is_handled_otherwise(model: type[Model]) -> None:
    bound = bind(model, "unit")
    made = bound()
    assert outcome(made.serialize) == outcome(lambda: AttributeContainer._container_serialize(made))
    assert made.serialize(null_check=False) == AttributeContainer._container_serialize(made, null_check=False)


def test_an_account_with_secrets_comes_back() -> None:
    account = bind(ServiceAccount, "unit")("sa_1", username="robot", role="USER", created_at="x", scopes=["a"])
    account.secrets = [AccountSecret(hash="h", created_at="c"), AccountSecret(hash="i", created_at="d")]
    again = bind(ServiceAccount, "unit")()
    again.deserialize(account.serialize())
    assert [each.hash for each in again.secrets] == ["h", "i"]
    assert again.serialize() == account.serialize()


class _Kind(Model):
    class Meta:
        table_name = "kinds"

    name = UnicodeAttribute(hash_key=True)
    kind = DiscriminatorAttribute()


class Kind(OneConnection, _Kind, discriminator="kind"):
    pass


def test_a_model_with_kinds_is_read_by_pynamodb() -> None:
    made = Kind("a")
    assert made.serialize() == {"name": {"S": "a"}, "kind": {"S": "kind"}}
    again = Kind("b")
    again.deserialize({"name": {"S": "a"}, "kind": {"S": "kind"}})
    assert (again.name, again.kind) == ("a", Kind)
