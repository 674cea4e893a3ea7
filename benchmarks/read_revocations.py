"""revocations: what a new process reads of the revoked tokens before its first request."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from artstore.security.revocations import Revocations
from benchmarks.measure import Row, interleave
from benchmarks.report import Result
from benchmarks.stack import Stack
from benchmarks.tables import own_tables

MANY = 100_000
MOST_OF_ONE_CLIENT = 2_000
"""One client may add a thousand in the life of a token, and two such spans overlap."""
LIVES_SECONDS = 1800
_BATCH = 25


def run(stack: Stack, rounds: int) -> Result:
    """Measure the first reading of a table in which so many were revoked; the floor reads the same entries."""
    stack.become()
    rows: list[Row] = []
    remarks = ["floor: the same Queries by a plain client, nothing done with what they give"]
    for name, number, ended in (
        ("nothing was revoked", 0, False),
        (f"{MANY:,} revoked tokens have ended", MANY, True),
        (f"one client revoked all it may, {MOST_OF_ONE_CLIENT:,}", MOST_OF_ONE_CLIENT, False),
        (f"{MANY:,} revoked tokens live", MANY, False),
    ):
        with own_tables(stack, "RevocationsTable") as prefix:
            _fill(stack, prefix, number, ended=ended)
            processor: list[float] = []
            steps = {"case": _first_reading(prefix, processor), "floor": _floor(stack, prefix)}
            times = interleave(steps, max(3, rounds // 10 if number == MANY and not ended else rounds), warm_up=1)
        rows.append(Row.of(name, times["case"], times["floor"]))
        remarks.append(f"{name}: {sorted(processor)[len(processor) // 2]:.0f} ms of the processor")
    return Result("revocations", rows, remarks=remarks)


def _first_reading(prefix: str, processor: list[float]) -> Callable[[], object]:
    def read() -> None:
        began = time.process_time()
        assert not Revocations(prefix).is_revoked("another", "sa_another", time.time())
        processor.append((time.process_time() - began) * 1000)

    return read


def _floor(stack: Stack, prefix: str) -> Callable[[], object]:
    client = stack.client("dynamodb")
    names = {"#p": "partition", "#e": "expires_at_epoch", "#id": "id"}

    def read() -> None:
        asked: dict[str, Any] = {
            "TableName": f"{prefix}-revocations",
            "IndexName": "by-expiry",
            "KeyConditionExpression": "#p = :p AND #e > :now",
            "ProjectionExpression": "#id, #e",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {":p": {"S": "revoked"}, ":now": {"N": str(int(time.time()))}},
        }
        while True:
            page = client.query(**asked)
            if "LastEvaluatedKey" not in page:
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    return read


def _fill(stack: Stack, prefix: str, number: int, *, ended: bool) -> None:
    """Write entries as revoking writes them, an hour ago or within the life of their tokens."""
    now = time.time()
    written_at = now - (3600 if ended else LIVES_SECONDS / 2)
    expires_at = int(written_at + LIVES_SECONDS + 60)
    table, client = f"{prefix}-revocations", stack.client("dynamodb")

    def put(first: int) -> None:
        items = []
        for place in range(first, min(first + _BATCH, number)):
            jti = str(uuid.uuid4())
            milliseconds = int(written_at * 1000) + place // 100
            items.append(
                {
                    "partition": {"S": "revoked"},
                    "id": {"S": f"{milliseconds:013d}#jti#{jti}"},
                    "jti": {"S": jti},
                    "expires_at_epoch": {"N": str(expires_at + place % 60)},
                }
            )
        client.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}} for item in items]})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(0, number, _BATCH)))
