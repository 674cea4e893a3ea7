"""One contract for both ways to DynamoDB: our own calls and botocore's mean the same to any pynamodb model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from pynamodb.attributes import (
    BinaryAttribute,
    BinarySetAttribute,
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    NumberSetAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.exceptions import DeleteError, PutError, QueryError, TransactWriteError
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite

from artstore.aws import dynamodb
from artstore.aws.dynamodb import LIMITS, OneConnection, connect, refusal_code
from artstore.aws.json_service import JsonService
from artstore.aws.wire import Wire


class Part(MapAttribute[str, Any]):
    B = UnicodeAttribute()
    """As binary attributes are marked in an answer."""
    bytes = BinaryAttribute(legacy_encoding=False)

    def __init__(self, **attributes: Any) -> None:
        untyped: Any = super().__init__
        untyped(**attributes)


class _Sample(Model):
    class Meta:
        table_name = "clients"
        prefix = "clients"
        connect_timeout_seconds = LIMITS["connect_timeout_seconds"]
        read_timeout_seconds = LIMITS["read_timeout_seconds"]
        max_retry_attempts = LIMITS["max_retry_attempts"]

    name = UnicodeAttribute(hash_key=True)
    number = NumberAttribute(range_key=True)
    flag = BooleanAttribute(null=True)
    json = JSONAttribute(null=True)
    bytes = BinaryAttribute(legacy_encoding=False, null=True)
    old_bytes = BinaryAttribute(legacy_encoding=True, null=True)
    BS = BinarySetAttribute(legacy_encoding=False, null=True)
    texts = UnicodeSetAttribute(null=True)
    numbers = NumberSetAttribute(null=True)
    moment = UTCDateTimeAttribute(null=True)
    B = Part(null=True)
    parts: ListAttribute[Part] = ListAttribute(of=Part, null=True)


class Sample(OneConnection, _Sample):
    pass


@pytest.fixture(autouse=True, params=["ours", "botocore"])
def _client(request: pytest.FixtureRequest, aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param == "botocore":
        monkeypatch.setattr(JsonService, "of", lambda _service: None)
    client: Any = boto3.client("dynamodb")
    client.create_table(
        TableName="clients",
        AttributeDefinitions=[
            {"AttributeName": "name", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "name", "KeyType": "HASH"},
            {"AttributeName": "number", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    ours = isinstance(connect("clients").client, dynamodb._QuickClient)
    assert ours == (request.param == "ours")
    yield
    Sample._connection = None  # it is of the client of this test


def sample(number: int = 1) -> Sample:
    part = {"B": "text", "bytes": b"\x00\x01"}
    return Sample(
        "имя \u2028 \"'\\",
        number,
        flag=True,
        json={"a": [1, None, "ü"]},
        bytes=b"\x00\xff",
        old_bytes=b"\x00\xfe",
        BS={b"\x00", b"\xff\xfe"},
        texts={"a", "b"},
        numbers={1, 2.5},
        B=part,
        parts=[part, part],
    )


def comparable(model: Model) -> dict[str, Any]:
    """The attributes as they are stored; a set has no order."""
    stored = model.serialize()
    return {
        name: {kind: sorted(held) if kind in ("SS", "NS", "BS") else held for kind, held in attribute.items()}
        for name, attribute in stored.items()
    }


def test_every_kind_of_attribute_comes_back_as_it_was() -> None:
    sample().save()
    found = Sample.get(sample().name, 1, consistent_read=True)
    assert comparable(found) == comparable(sample())
    assert found.parts[1].bytes == b"\x00\x01"
    [queried] = Sample.query(sample().name, Sample.number > 0)
    assert comparable(queried) == comparable(sample())
    [scanned] = Sample.scan()
    assert {b"\x00", b"\xff\xfe"} == scanned.BS


def test_an_update_gives_back_the_item_and_a_deletion_takes_it() -> None:
    sample().save()
    answer = sample().update([Sample.bytes.set(b"\x07"), Sample.numbers.delete([1])])
    assert answer["Attributes"]["bytes"] == {"B": b"\x07"}
    sample().delete(condition=Sample.bytes == b"\x07")
    with pytest.raises(Sample.DoesNotExist):
        Sample.get(sample().name, 1)


def test_batches() -> None:
    with Sample.batch_write() as batch:
        for number in range(30):
            batch.save(sample(number))
    found = list(Sample.batch_get([(sample().name, number) for number in range(30)]))
    assert sorted(each.number for each in found) == list(range(30))


def test_a_condition_that_does_not_hold_is_told_by_its_code() -> None:
    sample().save()
    with pytest.raises(PutError) as refused:
        sample().save(condition=Sample.name.does_not_exist())
    assert refusal_code(refused.value) == "ConditionalCheckFailedException"
    with pytest.raises(DeleteError) as kept:
        sample().delete(condition=Sample.flag == False)  # noqa: E712  # an expression of pynamodb
    assert refusal_code(kept.value) == "ConditionalCheckFailedException"


def test_a_transaction_that_is_cancelled_says_which_write_was_why() -> None:
    sample().save()
    writing = TransactWrite(connection=connect("clients"))
    writing.save(sample(2))
    writing.save(sample(1), condition=Sample.name.does_not_exist())
    with pytest.raises(TransactWriteError) as cancelled:
        writing.__exit__(None, None, None)
    first, second = cancelled.value.cancellation_reasons
    assert first is None
    assert second is not None
    assert second.code == "ConditionalCheckFailed"
    with TransactGet(connection=connect("clients")) as reading:
        future = reading.get(Sample, sample().name, 1)
    assert future.get().bytes == b"\x00\xff"


def test_a_table_that_is_not_there_and_one_that_is_described() -> None:
    assert Sample.exists()
    boto3.client("dynamodb").delete_table(TableName="clients")
    with pytest.raises(QueryError) as refused:
        list(Sample.query("x"))
    assert refusal_code(refused.value) == "ResourceNotFoundException"
    assert not Sample.exists()


def test_a_transaction_carries_a_token_so_that_a_try_that_is_repeated_happens_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[bytes] = []
    opened = Wire.open

    def ours(self: Wire, method: str, path: str, headers: Any, body: bytes, **limits: float) -> Any:
        sent.append(body)
        return opened(self, method, path, headers, body, **limits)

    def observed(**event: Any) -> None:
        sent.append(event["request"].data)

    monkeypatch.setattr(Wire, "open", ours)
    shared: Any = connect("clients")
    shared.botocore_client.meta.events.register("before-sign", observed)
    with TransactWrite(connection=connect("clients")) as writing:
        writing.save(sample())
    [body] = sent
    assert len(json.loads(body)["ClientRequestToken"]) == 36
