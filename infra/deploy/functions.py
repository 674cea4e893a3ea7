"""What a deployer asks of the functions and queues it has deployed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from infra.deploy.account import Account
from infra.deploy.errors import DeploymentFailed


def invoke(account: Account, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Call a function and give its answer. Raises DeploymentFailed when it raised."""
    answer = account.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    body = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError") or not isinstance(body, dict):
        raise DeploymentFailed(f"{function} failed: {json.dumps(body)[:2000]}")
    return body


def await_idle_queue(account: Account, url: str, timeout_seconds: float = 10) -> None:
    """Wait until nobody is at work on a message of the queue, S3's test events after a creation among them.

    One that is being worked on when its function is stopped comes again only after the visibility timeout.
    """
    sqs = account.client("sqs")
    states = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=states)["Attributes"]
        if not any(int(found[name]) for name in states):
            return
        time.sleep(0.1)
