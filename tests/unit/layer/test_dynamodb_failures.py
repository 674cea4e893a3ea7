"""What DynamoDB's refusals mean: an answer, a store that is away, or a call that we should not have made."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)
from pynamodb.exceptions import GetError

from artstore.aws.dynamodb import reaching_dynamodb
from artstore.errors import ArtStoreError, Unavailable


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetItem")


def wrapped(code: str) -> GetError:
    """As pynamodb raises it."""
    return GetError("no", cause=refused(code))


AWAY = [
    refused("ProvisionedThroughputExceededException"),
    wrapped("InternalServerError"),
    wrapped("RequestLimitExceeded"),
    EndpointConnectionError(endpoint_url="https://dynamodb.example"),
    GetError("no", cause=ReadTimeoutError(endpoint_url="https://dynamodb.example")),
    GetError("no", cause=ConnectTimeoutError(endpoint_url="https://dynamodb.example")),
    GetError("no"),
]
OURS = [
    wrapped("ValidationException"),
    refused("ValidationException"),
    wrapped("SerializationException"),
    ParamValidationError(report="Invalid type for parameter Key"),
]


@pytest.mark.parametrize("error", AWAY, ids=repr)
def test_a_store_that_is_away_may_be_asked_again(error: Exception) -> None:
    with pytest.raises(Unavailable) as raised, reaching_dynamodb():
        raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", OURS, ids=repr)
def test_a_call_that_is_malformed_is_our_fault_and_no_reason_to_try_again(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, reaching_dynamodb():
        raise error
    assert not isinstance(raised.value, ArtStoreError), "it ends as an unexpected error, logged whole"


def test_a_condition_that_does_not_hold_is_an_answer() -> None:
    with pytest.raises(GetError), reaching_dynamodb():
        raise wrapped("ConditionalCheckFailedException")
