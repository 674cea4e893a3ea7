"""Seeing the calls to AWS that a piece of code makes, whichever client makes them."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session

from artstore.aws.wire import Incoming, Wire

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to AWS: the service as it is signed for, the operation, and the body of a JSON protocol."""

    service: str
    operation: str
    parameters: dict[str, Any]


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


def read_request(method: str, url: str, headers: Mapping[str, Any], body: object) -> Call:
    """Tell from a signed request, its headers' names in lower case, which call it is."""
    scope = _SCOPE.search(_text(headers.get("authorization")))
    target = _text(headers.get("x-amz-target"))
    operation = target.rpartition(".")[2] or f"{method} {url}"
    text = _text(body) if target else ""
    return Call(scope.group(1) if scope else "unsigned", operation, json.loads(text) if text else {})


@contextlib.contextmanager
def recording() -> Iterator[list[Call]]:
    """Record every request that leaves inside the block, by botocore or without it, retries included."""
    calls: list[Call] = []
    send, opened = URLLib3Session.send, Wire.open

    def record(self: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        calls.append(read_request(request.method, request.url, headers, request.body))
        return send(self, request)

    def record_ours(
        self: Wire, method: str, path: str, headers: Mapping[str, str], body: bytes, **limits: float
    ) -> Incoming:
        calls.append(read_request(method, self.url, headers, body))
        return opened(self, method, path, headers, body, **limits)

    with patch.object(URLLib3Session, "send", record), patch.object(Wire, "open", record_ours):
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
