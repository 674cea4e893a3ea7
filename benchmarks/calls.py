"""Seeing the calls to AWS that a piece of code makes, whichever client makes them."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to AWS: the service as it is signed for, the operation, and the body of a JSON protocol."""

    service: str
    operation: str
    parameters: dict[str, Any]


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


def read_request(request: AWSPreparedRequest) -> Call:
    """Tell from a signed request which call it is."""
    scope = _SCOPE.search(_text(request.headers.get("Authorization")))
    target = _text(request.headers.get("X-Amz-Target"))
    operation = target.rpartition(".")[2] or f"{request.method} {request.url}"
    body = _text(request.body) if target else ""
    return Call(scope.group(1) if scope else "unsigned", operation, json.loads(body) if body else {})


@contextlib.contextmanager
def recording() -> Iterator[list[Call]]:
    """Record every request that leaves through botocore inside the block, retries included."""
    calls: list[Call] = []
    send = URLLib3Session.send

    def record(self: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        calls.append(read_request(request))
        return send(self, request)

    with patch.object(URLLib3Session, "send", record):
        yield calls


def summary(calls: list[Call]) -> str:
    """Say which calls were made: ``dynamodb PutItem x1``, or ``none``."""
    counted = Counter(f"{call.service} {call.operation}" for call in calls)
    return ", ".join(f"{name} x{count}" for name, count in sorted(counted.items())) or "none"


def exactly_one(calls: list[Call], service: str) -> list[str]:
    """What is wrong, if these calls are anything but a single one, to ``service``."""
    if [call.service for call in calls] == [service]:
        return []
    return [f"a warm request made these calls: {summary(calls)}; it should make one, to {service}"]
