"""Calling an application as API Gateway does, with a proxy event."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Context:
    """As much of a Lambda context as the applications look at."""

    aws_request_id = "req-1"
    function_name = "test"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:test"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def event(
    method: str,
    url: str,
    resource: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: str | bytes | None = None,
) -> dict[str, Any]:
    """Build a REST proxy event for ``url`` on the route ``resource``."""
    target = urlsplit(url)
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", resource)
    matched = re.fullmatch(pattern, target.path)
    return {
        "httpMethod": method,
        "path": target.path,
        "resource": resource,
        "headers": dict(headers or {}),
        "multiValueHeaders": {},
        "multiValueQueryStringParameters": parse_qs(target.query, keep_blank_values=True) or None,
        "pathParameters": (matched.groupdict() if matched else None) or None,
        "stageVariables": None,
        "isBase64Encoded": False,
        "body": body,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": resource,
            "requestId": "req-1",
            "identity": {"sourceIp": "192.0.2.1"},
        },
    }


def call(
    app: Any,
    method: str,
    url: str,
    resource: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    body: str | bytes | None = None,
    payload: object = None,
    token: str | None = None,
) -> Answer:
    """Send a request to ``app``; ``payload`` is sent as JSON, ``token`` as a bearer token."""
    sent = dict(headers or {})
    if payload is not None:
        body = json.dumps(payload)
        sent.setdefault("Content-Type", "application/json")
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    answer = app(event(method, url, resource or urlsplit(url).path, headers=sent, body=body), Context())
    return Answer(answer["statusCode"], answer["headers"], answer["body"])
