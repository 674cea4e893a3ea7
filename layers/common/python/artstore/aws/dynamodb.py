"""Reaching DynamoDB: one connection for all tables of a deployment, and its failures as errors of ours.

pynamodb writes the calls; those on items go out through ``json_service`` where the environment allows it, and
through botocore's client elsewhere. Every call has a time limit: connect 2 s, read 3 s, three tries, and the
deadline of the request.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.session import Session
from pynamodb.attributes import Attribute, ListAttribute, MapAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.connection.base import MetaTable
from pynamodb.exceptions import AttributeNullError, PynamoDBException, TransactWriteError
from pynamodb.expressions.condition import Condition

from artstore import aws
from artstore.aws import json_service
from artstore.aws.json_service import DYNAMODB, JsonService
from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

LIMITS: dict[str, Any] = {"connect_timeout_seconds": 2, "read_timeout_seconds": 3, "max_retry_attempts": 2}
_OUR_AFFAIR = frozenset({"ConditionalCheckFailedException", "ValidationException", "SerializationException"})


_ON_ITEMS: Final = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)


class _SharedConnection(Connection):
    """A connection on the process's one session."""

    @property
    def session(self) -> Session:
        return aws.session()

    @property
    def client(self) -> Any:
        return self._quick_client or self.botocore_client

    @functools.cached_property
    def _quick_client(self) -> _QuickClient | None:
        service = JsonService.of(DYNAMODB)
        return None if service is None else _QuickClient(service, lambda: self.botocore_client)

    @property
    def botocore_client(self) -> Any:
        with aws.making_clients:
            return super().client

    def tell_of(self, table: MetaTable) -> None:
        """Learn a table's keys and indexes. Of several models of one table, not each knows of its indexes."""
        known = self._tables.get(table.table_name)
        if known is None or len(_indexes(known)) < len(_indexes(table)):
            self._tables[table.table_name] = table


def _indexes(table: MetaTable) -> Sequence[object]:
    return table.data.get("GlobalSecondaryIndexes") or ()


class _QuickClient:
    """What pynamodb uses of a botocore client: the calls on items made by us, all others by botocore."""

    def __init__(self, service: JsonService, other: Callable[[], Any]) -> None:
        self._service = service
        self._other = other

    def _make_api_call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if operation not in _ON_ITEMS:
            answer: dict[str, Any] = self._other()._make_api_call(operation, arguments)
            return answer
        if operation == "TransactWriteItems" and "ClientRequestToken" not in arguments:
            arguments = {**arguments, "ClientRequestToken": str(uuid.uuid4())}
        body = self._service.ask(operation, arguments)
        answer = json_service.decode(body)
        if b'"B"' in body or b'"BS"' in body:
            _decode_binary(answer)
        return answer


def _decode_binary(value: Any) -> None:
    """Turn binary attributes of an answer into bytes, in place; an attribute that is *called* B holds no text."""
    if isinstance(value, list):
        for each in value:
            _decode_binary(each)
    elif isinstance(value, dict):
        for name, held in value.items():
            if name == "B" and isinstance(held, str):
                value[name] = base64.b64decode(held)
            elif name == "BS" and isinstance(held, list):
                value[name] = [base64.b64decode(each) for each in held]
            elif isinstance(held, dict | list):
                _decode_binary(held)


@functools.cache
def connect(_prefix: str) -> _SharedConnection:
    """Give the one connection, and so the one client, of all tables of a deployment, named by its prefix.

    pynamodb by itself makes a client for each model.
    """
    return _SharedConnection(**LIMITS)


class OneConnection:
    """Mixed into a bound model: its calls go through the deployment's one connection.

    Items are made, written and read as pynamodb does, but without its descriptors, which every attribute passes
    several times there, those without a value too: half of all that Python did for the start of an upload.
    """

    Meta: Any
    attribute_values: dict[str, Any]
    get_attributes: Callable[[], dict[str, Attribute[Any]]]
    _discriminator: str | None

    def serialize(self, null_check: bool = True) -> dict[str, dict[str, Any]]:
        """Give the item. Raises pynamodb's AttributeNullError for an attribute that must have a value."""
        item: dict[str, dict[str, Any]] = {}
        values = self.attribute_values
        model: Any = type(self)
        for name, attr_name, attr_type, attribute, may_be_null in _attributes_of(model):
            value = values.get(name)
            if value is None or type(attribute) is UnicodeAttribute:
                written = value
            elif type(value) is int and type(attribute) is NumberAttribute:
                written = str(value)
            else:
                written = _serialize(name, attribute, value, null_check)
            if written is not None:
                item[attr_name] = {attr_type: written}
            elif null_check and not may_be_null:
                raise AttributeNullError(name)
        return item

    def _set_defaults(self, _user_instantiated: bool = True) -> None:
        model: Any = type(self)
        for name, default in _defaults_of(model, _user_instantiated):
            value = default() if callable(default) else default
            if value is not None:
                self.attribute_values[name] = value

    def deserialize(self, attribute_values: dict[str, dict[str, Any]]) -> None:
        """Take the values of an item."""
        if self._discriminator is not None:
            super().deserialize(attribute_values)  # type: ignore[misc]  # pynamodb's Model has it
            return
        self.attribute_values = held = {}
        for name, attribute in self.get_attributes().items():
            stored = attribute_values.get(attribute.attr_name)
            if stored and "NULL" not in stored:
                value = attribute.deserialize(attribute.get_value(stored))
            else:
                value = attribute.default() if callable(attribute.default) else attribute.default
            if value is not None:
                held[name] = value

    @classmethod
    def _get_connection(cls) -> TableConnection:
        table: TableConnection = super()._get_connection()  # type: ignore[misc]  # pynamodb's Model has it
        shared = connect(cls.Meta.prefix)
        if table.connection is not shared:
            shared.tell_of(table.get_meta_table())
            table.connection = shared
        return table


class _Held:
    """An attribute of a bound model, whose value is read and written where the instance holds it."""

    __slots__ = ("_attribute", "_name")

    def __init__(self, name: str, attribute: Attribute[Any]) -> None:
        self._name = name
        self._attribute = attribute

    def __get__(self, instance: Any, owner: object) -> Any:
        return self._attribute if instance is None else instance.attribute_values.get(self._name)

    def __set__(self, instance: Any, value: object) -> None:
        instance.attribute_values[self._name] = value


def hold_plainly(model: type[Any]) -> None:
    """Have the attributes of a bound model's instances read and written without pynamodb's descriptors."""
    for name, attribute in model.get_attributes().items():
        setattr(model, name, _Held(name, attribute))


@functools.cache
def _attributes_of(model: type[Any]) -> tuple[tuple[str, str, str, Attribute[Any], bool], ...]:
    """Give name, name in the item, type in the item, the attribute, and whether it may be without a value."""
    attributes = model.get_attributes().items()
    return tuple((name, each.attr_name, each.attr_type, each, bool(each.null)) for name, each in attributes)


@functools.cache
def _defaults_of(model: type[Any], is_new: bool) -> tuple[tuple[str, Any], ...]:
    """Give the defaults, or what makes them, of the attributes that have one."""
    defaults = (
        (name, each.default if each.default_for_new is None or not is_new else each.default_for_new)
        for name, each in model.get_attributes().items()
    )
    return tuple((name, default) for name, default in defaults if default is not None)


def _serialize(name: str, attribute: Attribute[Any], value: Any, null_check: bool) -> Any:
    if not isinstance(attribute, ListAttribute | MapAttribute):
        return attribute.serialize(value)
    try:
        if isinstance(value, MapAttribute) and not value.validate(null_check=null_check):
            raise ValueError(f"Attribute '{name}' is not correctly typed")
        return attribute.serialize(value, null_check=null_check)
    except AttributeNullError as error:
        error.prepend_path(name)
        raise


def write_together(prefix: str, writes: Callable[[TransactWrite], None]) -> bool:
    """Do all that ``writes`` adds to the transaction it is given, or nothing: one TransactWriteItems.

    False when a condition did not hold or others were writing the same items, so that it may be tried again.
    Raises Unavailable; the transaction may have happened all the same.
    """
    from pynamodb.transactions import TransactWrite

    with reaching_dynamodb():
        try:
            with TransactWrite(connection=connect(prefix), client_request_token=str(uuid.uuid4())) as transaction:
                writes(transaction)
        except TransactWriteError as error:
            codes = {reason.code if reason else None for reason in error.cancellation_reasons}
            if codes & {"ConditionalCheckFailed", "TransactionConflict"}:
                return False
            raise
    return True


def put_many(table: type[Any], items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write items of a bound model, as its instances serialize, up to 25: one BatchWriteItem, without conditions.

    Gives those that were not written, to be tried again. Raises Unavailable; some may be written all the same.
    """
    with reaching_dynamodb():
        connection: TableConnection = table._get_connection()
        answer = connection.batch_write_item(put_items=items)
    left = answer.get("UnprocessedItems", {}).get(connection.table_name, [])
    return [each["PutRequest"]["Item"] for each in left]


def put_together(table: type[Any], puts: Sequence[tuple[dict[str, Any], Condition | None]]) -> list[str | None]:
    """Write items of a bound model, as its instances serialize, each on its condition if it has one: all or none.

    One TransactWriteItems, which takes 100 items of 4 MB together. Gives nothing when it has written them, else
    what was in the way of each: ConditionalCheckFailed, TransactionConflict, another code or None. Raises
    Unavailable; the transaction may have happened all the same.
    """
    put_items = [_put(table.Meta.table_name, item, condition) for item, condition in puts]
    with reaching_dynamodb():
        try:
            connect(table.Meta.prefix).transact_write_items([], [], put_items, [], str(uuid.uuid4()))
        except TransactWriteError as error:
            codes = [reason.code if reason else None for reason in error.cancellation_reasons]
            if not set(codes) & {"ConditionalCheckFailed", "TransactionConflict"}:
                raise
            return codes
    return []


def _put(table: str, item: dict[str, Any], condition: Condition | None) -> dict[str, Any]:
    put: dict[str, Any] = {"TableName": table, "Item": item}
    if condition is None:
        return put
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    put["ConditionExpression"] = condition.serialize(names, values)
    if names:
        put["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in names.items()}
    if values:
        put["ExpressionAttributeValues"] = values
    return put


def refusal_code(error: PynamoDBException) -> str | None:
    """Give the code with which DynamoDB refused a call; None when it did not answer at all.

    pynamodb's own ``cause_response_code`` falls over where the connection ran out of time.
    """
    answer = getattr(error.cause, "response", None) or {}
    code: str | None = answer.get("Error", {}).get("Code")
    return code


@contextlib.contextmanager
def reaching_dynamodb() -> Iterator[None]:
    """Turn a failure of DynamoDB inside the block into Unavailable, its cause kept for the log.

    A conditional check that failed is an answer, not a failure, and passes through as it is. So does a call that
    DynamoDB refuses as malformed: it would be refused again, and is our fault, an unexpected error.
    """
    try:
        yield
    except PynamoDBException as error:
        if refusal_code(error) in _OUR_AFFAIR:
            raise
        raise Unavailable("the table store does not answer") from error
    except ParamValidationError:
        raise
    except ClientError as error:
        if error.response["Error"]["Code"] in _OUR_AFFAIR:
            raise
        raise Unavailable("the table store does not answer") from error
    except (BotoCoreError, DeadlineExceeded) as error:
        raise Unavailable("the table store does not answer") from error
