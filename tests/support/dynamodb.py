"""The tables of a deployment, made from the template itself, and a count of the calls to AWS."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.client
import pytest

from infra.template import PATH, parse

_DEFINING = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")


@functools.cache
def _tables() -> list[dict[str, Any]]:
    """The properties of the template's tables; reading the template takes longer than making them."""
    resources = parse(PATH.read_text(encoding="utf-8"))["Resources"]
    return [one["Properties"] for one in resources.values() if one["Type"] == "AWS::DynamoDB::Table"]


def create_tables(prefix: str) -> None:
    """Create every DynamoDB table of the template under ``prefix``."""
    client: Any = boto3.client("dynamodb")
    for properties in _tables():
        client.create_table(
            TableName=properties["TableName"]["Fn::Sub"].replace("${Prefix}", prefix),
            **{name: properties[name] for name in _DEFINING if name in properties},
        )


@contextlib.contextmanager
def count_calls() -> Iterator[list[str]]:
    """Collect ``service.Operation`` for every call to AWS inside the block."""
    calls: list[str] = []
    client: Any = botocore.client.BaseClient
    original = client._make_api_call

    def counted(self: Any, operation: str, arguments: Any) -> Any:
        calls.append(f"{self.meta.service_model.service_name}.{operation}")
        return original(self, operation, arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(client, "_make_api_call", counted)
        yield calls


@contextlib.contextmanager
def one_call_at_a_time() -> Iterator[None]:
    """Let each call to AWS inside the block end before the next one begins, whatever thread it comes from.

    moto undoes a failed transaction by putting back what the tables were before, other callers' writes included.
    """
    client: Any = botocore.client.BaseClient
    original = client._make_api_call
    lock = threading.RLock()

    def called(self: Any, operation: str, arguments: Any) -> Any:
        with lock:
            return original(self, operation, arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(client, "_make_api_call", called)
        yield
