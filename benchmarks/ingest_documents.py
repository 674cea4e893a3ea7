"""ingest: the whole handler on a batch of ten events, warm, beside the same calls to storage and index made raw.

A bucket of the benchmark's own, whose events nobody else handles. A document costs the handler a HEAD, a GetItem
for its upload record, what the index knows of the place, a ranged GET, reading it in the confined process, the PUT
of its attr.json, its row, and the UpdateItem that settles the record. Processor time is that of this process and
of the helper that reads documents, with all of their threads and children.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
import io
import json
import os
import statistics
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from artstore.tables import UploadRecord, bind
from benchmarks.measure import Row
from benchmarks.report import Result
from benchmarks.stack import Stack

BATCH = 10
BODY = b"minutes of the harbour board\n" * 35  # 1 kB
LARGE = 1024**3
_VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isommp42"  # what a video begins with; nothing reads on
_TICK = os.sysconf("SC_CLK_TCK")
_FLOOR = """
INSERT INTO documents (bucket, object_key, file_id, revision, created_at, updated_at, attributes, attributes_etag,
    search_text, search, at_home, missing, space, shown, trashed)
VALUES {rows}
"""
_ROW = """
(%s, %s, %s, 1, now(), now(), %s, '"1"', %s, to_tsvector('simple', %s), true, false, 'default', true, false)
""".strip()


class _Bench:
    """The bucket, what lies in it, and the handler as Lambda calls it."""

    def __init__(self, stack: Stack) -> None:
        self.bucket = f"{stack.file.prefix}-bench-ingest-{uuid.uuid4().hex[:8]}"
        stack.become()
        element = {"element_id": "bench-edit", "bucket": self.bucket, "prefix": "", "mode": "edit", "priority": 1}
        os.environ["ARTSTORE_STORAGE_ELEMENTS"] = json.dumps([element])
        from functions.storage_events import app, dependencies

        self.handler = app.handler
        self.dependencies = dependencies
        self.s3 = stack.client("s3")
        self.s3.create_bucket(Bucket=self.bucket)
        self.prefix = stack.file.prefix
        self.database = psycopg.connect(stack.file.database_url, autocommit=True)
        self.records: list[str] = []

    def put(self, body: bytes) -> str:
        """Store an object that nobody announced; give its key."""
        key = f"inbox/{uuid.uuid4()}.txt"
        self.s3.put_object(
            Bucket=self.bucket, Key=key, Body=body, ContentType="text/plain", ChecksumAlgorithm="SHA256"
        )
        return key

    def announce(self, key: str, size: int, sha256: str) -> None:
        """Write the upload record of an object whose key ends in its id."""
        file_id = Path(key).stem
        bind(UploadRecord, self.prefix)(
            file_id,
            element_id="bench-edit",
            bucket=self.bucket,
            key=key,
            original_filename="minutes.txt",
            size=size,
            sha256=sha256,
            content_type="text/plain",
            retention_policy="temporary",
            created_at="2026-03-01T12:00:00.000Z",
            expires_at="2026-03-01T13:00:00.000Z",
            expires_at_epoch=int(time.time()) + 86_400,
            created_by_id="benchmark",
            created_by_username="benchmark",
        ).save()
        self.records.append(file_id)

    def handle(self, keys: list[str]) -> None:
        """Hand a batch to the handler. Raises RuntimeError unless each became a document."""
        context = SimpleNamespace(aws_request_id="bench", get_remaining_time_in_millis=lambda: 60_000)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            answer = self.handler({"Records": [self._record(key) for key in keys]}, context)
        told = [json.loads(line) for line in said.getvalue().splitlines()]
        stored = sum(each.get("DocumentsStored", [0])[0] for each in told if "_aws" in each)
        if answer != {"batchItemFailures": []} or stored != len(keys):
            raise RuntimeError(f"not every event became a document: {said.getvalue()[:2000]}")

    def forget(self, key: str) -> None:
        """Let an object be new again."""
        self.s3.delete_object(Bucket=self.bucket, Key=f"{key}.attr.json")
        self.database.execute("DELETE FROM documents WHERE bucket = %s AND object_key = %s", [self.bucket, key])

    def raw(self, keys: list[str]) -> None:
        """Make the same calls to storage and index, through botocore and psycopg, one after the other."""
        values: list[Any] = []
        for key in keys:
            self.s3.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
            self.s3.get_object(Bucket=self.bucket, Key=key, Range="bytes=0-262143")["Body"].read()
            beside = json.dumps({"file_id": str(uuid.uuid4()), "description": "x" * 800}).encode()
            self.s3.put_object(Bucket=self.bucket, Key=f"{key}.floor.json", Body=beside, IfNoneMatch="*")
            document, text = Jsonb(json.loads(beside)), BODY.decode()
            values += [self.bucket, f"{key}.floor", uuid.uuid4(), document, text, text]
        self.database.execute(_FLOOR.format(rows=", ".join([_ROW] * len(keys))), values)

    def remove(self) -> None:
        """Take all of it away."""
        self.database.execute("DELETE FROM documents WHERE bucket = %s", [self.bucket])
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            for each in page.get("Contents", []):
                self.s3.delete_object(Bucket=self.bucket, Key=each["Key"])
        self.s3.delete_bucket(Bucket=self.bucket)
        for file_id in self.records:
            bind(UploadRecord, self.prefix)(file_id).delete()

    def _record(self, key: str) -> dict[str, Any]:
        event = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": self.bucket}, "object": {"key": key}},
        }
        return {"messageId": key, "body": json.dumps({"Records": [event]}), "eventSource": "aws:sqs"}


def run(stack: Stack, rounds: int) -> Result:
    """Measure; what was written is removed afterwards."""
    bench = _Bench(stack)
    try:
        return _run(bench, rounds)
    finally:
        bench.remove()


def _run(bench: _Bench, rounds: int) -> Result:
    digest = hashlib.sha256(BODY).hexdigest()

    def strangers() -> list[str]:
        return [bench.put(BODY) for _ in range(BATCH)]

    def uploads() -> list[str]:
        keys = strangers()
        for key in keys:
            bench.announce(key, len(BODY), digest)
        return keys

    uploaded, floor = _Times(), _Times()
    foreign, foreign_floor = _Times(), _Times()
    for turn in range(-3, rounds):
        for make, case, raw in ((uploads, uploaded, floor), (strangers, foreign, foreign_floor)):
            keys, others = make(), strangers()
            case.take(functools.partial(bench.handle, keys), BATCH, counts=turn >= 0)
            raw.take(functools.partial(bench.raw, others), BATCH, counts=turn >= 0)
    rows = [
        uploaded.row("an uploaded document of 1 kB, in a batch of ten", floor),
        foreign.row("one of another tool, in a batch of ten", foreign_floor),
    ]
    remarks = [
        f"{case}: {1000 / statistics.median(times.cpu_ms):.0f} a second and core"
        for case, times in (("uploaded", uploaded), ("of another tool", foreign), ("the raw calls", floor))
    ]
    for name in ("video.mp4", "text.txt"):
        for size in (len(BODY), LARGE):
            title = f"{'1 GB' if size == LARGE else '1 kB'} alone, {name}"
            rows.append(_alone(bench, title, name, size, max(5, rounds // 6), rows[0]))
        ratio = (rows[-1].cpu_ms or 0) / (rows[-2].cpu_ms or 1)
        remarks.append(f"processor time of 1 GB beside 1 kB, {name}: {ratio:.2f}")
    return Result("ingest", rows, remarks)


def _alone(bench: _Bench, case: str, name: str, size: int, rounds: int, small: Row) -> Row:
    """Measure one object that is new again and again; its bytes are written once."""
    start, kind = (BODY, "text/plain") if name.endswith(".txt") else (_VIDEO, "video/mp4")
    with contextlib.ExitStack() as stack:
        path = Path(f"/tmp/artstore-bench-{uuid.uuid4().hex}")  # noqa: S108  # sparse, and gone in a moment
        stack.callback(path.unlink)
        with path.open("wb") as file:
            file.write(start)
            file.truncate(size)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256")
            file.seek(0)
            key = f"inbox/{uuid.uuid4()}{Path(name).suffix}"
            bench.s3.put_object(
                Bucket=bench.bucket, Key=key, Body=file, ContentType=kind, ChecksumAlgorithm="SHA256"
            )
    times = _Times()
    for turn in range(-2, rounds):
        bench.announce(key, size, sha256.hexdigest())
        times.take(functools.partial(bench.handle, [key]), 1, counts=turn >= 0)
        bench.forget(key)
    floor = _Times()
    floor.wall_ms, floor.cpu_ms = [small.floor_p50_ms], [small.floor_cpu_ms or 0.0]
    return times.row(case, floor)


class _Times:
    """Milliseconds for each document: on the clock, and of all processors."""

    def __init__(self) -> None:
        self.wall_ms: list[float] = []
        self.cpu_ms: list[float] = []

    def take(self, step: Callable[[], None], documents: int, *, counts: bool) -> None:
        gc.collect()
        cpu_began, began = _processor_seconds(), time.perf_counter()
        step()
        wall, cpu = time.perf_counter() - began, _processor_seconds() - cpu_began
        if counts:
            self.wall_ms.append(wall * 1000 / documents)
            self.cpu_ms.append(cpu * 1000 / documents)

    def row(self, case: str, floor: _Times) -> Row:
        return Row.of(case, self.wall_ms, floor.wall_ms, self.cpu_ms, floor.cpu_ms)


def _processor_seconds() -> float:
    """Give what this process and its living children, with theirs, have used."""
    used = time.process_time()
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            for child in (task / "children").read_text("ascii").split():
                fields = Path(f"/proc/{child}/stat").read_text("ascii").rpartition(")")[2].split()
                used += sum(int(each) for each in fields[11:15]) / _TICK
    return used
