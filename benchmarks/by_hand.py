"""A call to DynamoDB with nothing around it: signed, sent over http.client, its answer read."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import msgspec

from artstore.sigv4 import Credentials, signed_headers
from benchmarks.stack import Stack


def caller(stack: Stack) -> Callable[[str, dict[str, Any]], None]:
    """Give what calls an operation over a connection of its own, which it keeps."""
    host = urlsplit(stack.file.aws_endpoint).netloc
    connection = http.client.HTTPConnection(host)
    credentials = Credentials(stack.file.aws_access_key_id, stack.file.aws_secret_access_key)

    def call(operation: str, arguments: dict[str, Any]) -> None:
        body = msgspec.json.encode(arguments)
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "host": host,
            "x-amz-target": f"DynamoDB_20120810.{operation}",
        }
        signed = signed_headers(
            "POST",
            "/",
            headers,
            body,
            credentials=credentials,
            region=stack.file.region,
            service="dynamodb",
            timestamp=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        )
        connection.request("POST", "/", body, signed)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{operation} answered {answer.status}: {content.decode()}")
        msgspec.json.decode(content)

    return call


def together(stack: Stack, count: int) -> Callable[[str, Sequence[dict[str, Any]]], None]:
    """Give what calls an operation several times side by side, at most ``count``, each over its own connection."""
    callers = [caller(stack) for _ in range(count)]
    threads = ThreadPoolExecutor(count)

    def call(operation: str, several: Sequence[dict[str, Any]]) -> None:
        for done in [threads.submit(each, operation, one) for each, one in zip(callers, several, strict=False)]:
            done.result()

    return call
