"""POST …/upload/complete of bytes that have just arrived, and again, beside the calls that it makes.

The documents are temporary, and are deleted from their bucket afterwards.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import requests

from benchmarks.measure import Row, Samples, measure
from benchmarks.stack import Stack

COMPLETE = "/api/v1/files/{file_id}/upload/complete"
CONTENT = b"Bytes that a benchmark sent.\n" * 40

Started = dict[str, Any]


def rows(
    stack: Stack, rounds: int, start: Callable[[], Started], complete: Callable[[str], object]
) -> tuple[list[Row], str]:
    """Measure both. ``start`` starts an upload of ``CONTENT``, ``complete`` completes it, in this process."""
    dynamodb, functions, storage = (stack.client(each) for each in ("dynamodb", "lambda", "s3"))
    table, ingest = f"{stack.file.prefix}-uploads", f"{stack.file.prefix}-storage-events"
    arrived: list[str] = []
    cpu_ms: list[float] = []

    def first() -> float:
        started = start()
        target = started["upload"]
        requests.put(target["url"], CONTENT, headers=target["headers"], timeout=30).raise_for_status()
        arrived.append(started["file_id"])
        began, cpu_began = time.perf_counter(), time.thread_time()
        complete(arrived[-1])
        cpu_ms.append((time.thread_time() - cpu_began) * 1000)
        return (time.perf_counter() - began) * 1000

    def place_of(file_id: str) -> tuple[str, str]:
        item = dynamodb.get_item(TableName=table, Key={"file_id": {"S": file_id}}, ConsistentRead=True)["Item"]
        return item["bucket"]["S"], item["key"]["S"]

    def floor() -> None:
        bucket, key = place_of(arrived[-1])
        payload = json.dumps({"ingest": {"bucket": bucket, "key": key}}).encode()
        functions.invoke(FunctionName=ingest, Payload=payload)["Payload"].read()

    warm_up = 3
    try:
        samples = measure(
            {"first": first, "again": lambda: complete(arrived[-1]), "floor": floor}, rounds, warm_up=warm_up
        )
    finally:
        for bucket, key in map(place_of, arrived):
            for each in (key, f"{key}.attr.json"):
                storage.delete_object(Bucket=bucket, Key=each)
    fresh = Samples(samples["first"].wall_ms, cpu_ms[warm_up:])
    return [
        Row.measured("POST …/upload/complete, bytes that have just arrived", fresh, samples["floor"]),
        Row.measured("POST …/upload/complete, of a document", samples["again"], samples["floor"]),
    ], "complete, floor: GetItem, and Invoke of the function that describes, for a document, through botocore"
