"""The tables of a deployment, made from the template itself, and a count of the calls to AWS."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import botocore.client
import pytest

from artstore.aws.json_service import JsonService
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


Around = Callable[[str, str, Callable[[], Any]], Any]


def intercept(patched: pytest.MonkeyPatch, around: Around) -> None:
    """Let ``around(service, operation, call)`` stand in for every call to AWS, whichever client makes it."""
    botocore_client: Any = botocore.client.BaseClient
    by_botocore, by_us = botocore_client._make_api_call, JsonService.ask

    def through_botocore(self: Any, operation: str, arguments: Any) -> Any:
        service = self.meta.service_model.service_name
        return around(service, operation, lambda: by_botocore(self, operation, arguments))

    def through_us(self: JsonService, operation: str, arguments: Any) -> Any:
        return around(self.name, operation, lambda: by_us(self, operation, arguments))

    patched.setattr(botocore_client, "_make_api_call", through_botocore)
    patched.setattr(JsonService, "ask", through_us)


@contextlib.contextmanager
def count_calls() -> Iterator[list[str]]:
    """Collect ``service.Operation`` for every call to AWS inside the block."""
    calls: list[str] = []

    def counted(service: str, operation: str, call: Callable[[], Any]) -> Any:
        calls.append(f"{service}.{operation}")
        return call()

    with pytest.MonkeyPatch.context() as patched:
        intercept(patched, counted)
        yield calls


@contextlib.contextmanager
def one_call_at_a_time() -> Iterator[None]:
    """Let each call to AWS inside the block end before the next one begins, whatever thread it comes from.

    moto checks a condition and then writes, and another thread may write in between; a failed transaction it
    undoes by putting back what the tables were before, other callers' writes included.
    """
    lock = threading.RLock()

    def called(_service: str, _operation: str, call: Callable[[], Any]) -> Any:
        with lock:
            return call()

    with pytest.MonkeyPatch.context() as patched:
        intercept(patched, called)
        yield
