"""revocations: what a new process reads of the revoked tokens before its first request."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import botocore.session

from artstore.security.revocations import Revocations
from benchmarks.measure import Row, interleave
from benchmarks.report import Result
from benchmarks.stand_in import serving

MANY = 100_000
MOST_OF_ONE_CLIENT = 2_000
"""One client may add a thousand in the life of a token, and two such spans overlap."""
LIVES_SECONDS, ENDED_SECONDS = 1200, -1200
CASES = (
    ("nothing was revoked", 0, LIVES_SECONDS),
    (f"{MANY:,} revoked tokens have ended", MANY, ENDED_SECONDS),
    (f"one client revoked all it may, {MOST_OF_ONE_CLIENT:,}", MOST_OF_ONE_CLIENT, LIVES_SECONDS),
    (f"{MANY:,} revoked tokens live", MANY, LIVES_SECONDS),
)


def run(rounds: int) -> Result:
    """Measure the first reading of a table in which so many were revoked; the floor reads the same pages."""
    rows: list[Row] = []
    processor: list[str] = []
    for name, number, expires_in in CASES:
        with serving(number, expires_in) as address:
            _become(address)
            spent: list[float] = []
            steps = {"case": _first_reading(f"bench-{number}-{expires_in}", spent), "floor": _floor(address)}
            times = interleave(steps, max(3, rounds // 5) if number == MANY else rounds, warm_up=1)
        rows.append(Row.of(name, times["case"], times["floor"]))
        processor.append(f"{name}: {statistics.median(spent):.0f} ms")
    return Result(
        "revocations",
        rows,
        remarks=[
            "the table is a stand-in that answers at once, in pages of 1 MB",
            "floor: the same Query by a plain client, nothing done with what it gives",
            *(f"processor, {each}" for each in processor),
        ],
    )


def _become(address: str) -> None:
    os.environ |= {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def _first_reading(prefix: str, spent: list[float]) -> Callable[[], object]:
    from artstore import aws
    from artstore.aws import dynamodb

    aws.session.cache_clear()
    dynamodb.connect.cache_clear()

    def read() -> None:
        began = time.process_time()
        assert not Revocations(prefix).is_revoked("another", "sa_another", time.time())
        spent.append((time.process_time() - began) * 1000)

    return read


def _floor(address: str) -> Callable[[], object]:
    client: Any = botocore.session.Session().create_client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=address,
        aws_access_key_id="benchmark",
        aws_secret_access_key="benchmark",
    )

    def read() -> None:
        asked: dict[str, Any] = {
            "TableName": "bench-revocations",
            "IndexName": "by-expiry",
            "KeyConditionExpression": "#p = :p AND #e > :now",
            "ExpressionAttributeNames": {"#p": "partition", "#e": "expires_at_epoch"},
            "ExpressionAttributeValues": {":p": {"S": "revoked"}, ":now": {"N": str(int(time.time()))}},
        }
        while True:
            page = client.query(**asked)
            if "LastEvaluatedKey" not in page:
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    return read
