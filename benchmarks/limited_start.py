"""A start in a space with limits, beside the same calls to DynamoDB through botocore.

A space of the benchmark's own, whose entry is removed afterwards together with what it has reserved.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import requests

from benchmarks.calls import Call, recording, summary
from benchmarks.measure import Row, measure
from benchmarks.stack import Stack

Start = Callable[[dict[str, Any], str], dict[str, Any]]
"""Starts an upload in this process, from event to answer: what is announced, and the token."""


def rows(
    stack: Stack, rounds: int, token: str, start: Start, body: dict[str, Any], written: list[str]
) -> tuple[list[Row], str]:
    """Measure it; give the row and what was called. The records' ids are added to ``written``."""
    dynamodb = stack.client("dynamodb")
    with _space(stack, dynamodb, token) as (space, its_token):

        def case() -> None:
            written.append(start(body | {"space": space}, its_token)["file_id"])

        case()
        with recording() as calls:
            case()
        samples = measure({"case": case, "floor": lambda: _repeat(dynamodb, calls, written)}, rounds, warm_up=10)
    row = Row.measured("POST /api/v1/files in a space with limits, warm", samples["case"], samples["floor"])
    return [row], f"in a space with limits: {summary(calls)}; floor: these through botocore, without the index"


def _repeat(dynamodb: Any, calls: list[Call], written: list[str]) -> None:
    """Make the calls of a start again, for another upload."""
    file_id = str(uuid.uuid4())
    written.append(file_id)
    for call in calls:
        text = json.dumps(call.parameters).replace(_written_in(call), file_id)
        parameters = json.loads(text)
        if call.operation == "TransactWriteItems":
            dynamodb.transact_write_items(**parameters | {"ClientRequestToken": str(uuid.uuid4())})
        else:
            dynamodb.get_item(**parameters)


def _written_in(call: Call) -> str:
    """Give the id of the upload that a transaction writes; of another call, what is nowhere in it."""
    puts = [each["Put"]["Item"] for each in call.parameters.get("TransactItems", []) if "Put" in each]
    return str(puts[0]["file_id"]["S"]) if puts else "\x00"


@contextlib.contextmanager
def _space(stack: Stack, dynamodb: Any, token: str) -> Iterator[tuple[str, str]]:
    """Give a space with limits, and a token of an account that writes there."""
    name, api = f"bench-{uuid.uuid4().hex[:8]}", f"{stack.file.api_url}/api/v1"
    limits = {"space": name, "max_documents": 1_000_000, "max_bytes": 10**15}
    administrator = requests.Session()
    administrator.headers["Authorization"] = f"Bearer {token}"
    administrator.post(f"{api}/spaces", json=limits, timeout=30).raise_for_status()
    account = {"name": name, "role": "USER", "spaces": {name: None}}
    made = administrator.post(f"{api}/service-accounts", json=account, timeout=30).json()
    try:
        pair = (made["client_id"], made["client_secret"])
        asked = {"grant_type": "client_credentials"}
        given = requests.post(f"{api}/auth/token", data=asked, auth=pair, timeout=30).json()
        yield name, given["access_token"]
    finally:
        administrator.delete(f"{api}/service-accounts/{made['client_id']}", timeout=30).raise_for_status()
        dynamodb.delete_item(TableName=f"{stack.file.prefix}-spaces", Key={"space": {"S": name}})
