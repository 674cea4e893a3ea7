"""upload: POST /api/v1/files, warm, alone and a hundred at once, beside one PutItem of the same record."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import json
import statistics
import uuid
from typing import Any

import psycopg

from artstore.index import statements
from artstore.spaces import Reach
from benchmarks import by_hand, complete_upload, limited_start
from benchmarks.calls import exactly_one, recording, summary
from benchmarks.issue_token import token_issuer
from benchmarks.measure import Row, Samples, measure
from benchmarks.report import Result, own_share
from benchmarks.stack import Stack, invoke, rest_event

PATH = "/api/v1/files"
BATCH = "/api/v1/files/batch"


def run(stack: Stack, rounds: int) -> Result:
    """Measure the whole function, from event to answer; the records it writes are removed afterwards."""
    token = token_issuer(stack)()
    handler = importlib.import_module("functions.upload.app").app
    body = {
        "filename": "Отчёт за май.pdf",
        "size": 48_211,
        "sha256": hashlib.sha256(b"benchmark").hexdigest(),
        "content_type": "application/pdf",
        "description": "A record that a benchmark wrote",
        "tags": ["benchmark", "report"],
    }
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def start_one(announced: dict[str, Any], own_token: str = token) -> dict[str, Any]:
        with contextlib.redirect_stdout(io.StringIO()):
            return invoke(handler, event(PATH, announced, Authorization=f"Bearer {own_token}"), 201)

    def complete(file_id: str) -> object:
        parameters = {"file_id": file_id}
        asked = rest_event("POST", complete_upload.COMPLETE, headers=headers, body="", parameters=parameters)
        with contextlib.redirect_stdout(io.StringIO()):
            return invoke(handler, asked, 200)

    def event(path: str, payload: object, **more: str) -> dict[str, Any]:
        return rest_event("POST", path, headers=headers | more, body=json.dumps(payload, ensure_ascii=False))

    alone, many = event(PATH, body), {"items": [body | {"filename": f"{number}.pdf"} for number in range(100)]}
    written: list[str] = []

    def start() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            written.append(invoke(handler, alone, 201)["file_id"])

    def start_many(**more: str) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            items = invoke(handler, event(BATCH, many, **more), 200)["items"]
        if [each["status"] for each in items] != [201] * 100:
            raise RuntimeError("not every upload of a batch was started")
        written.extend(each["started"]["file_id"] for each in items)

    start()
    with recording() as calls:
        start()
    failures = exactly_one(calls, "dynamodb")
    dynamodb = stack.client("dynamodb")
    table = f"{stack.file.prefix}-uploads"
    if failures:
        _remove(dynamodb, table, written)
        return Result("upload", [], failures=failures)
    record = calls[0].parameters

    def another() -> dict[str, Any]:
        file_id = str(uuid.uuid4())
        written.append(file_id)
        return {**record, "Item": {**record["Item"], "file_id": {"S": file_id}}}

    call, call_together = by_hand.caller(stack), by_hand.together(stack, 4)

    def put_many() -> None:
        puts = [{"PutRequest": {"Item": another()["Item"]}} for _ in range(100)]
        call_together("BatchWriteItem", [{"RequestItems": {table: puts[part::4]}} for part in range(4)])

    def look_and_put_many() -> None:
        new = {"ConditionExpression": "attribute_not_exists(file_id)"}
        puts = [{"TableName": table, "Item": another()["Item"], **new} for _ in range(100)]
        keys = [{"file_id": each["Item"]["file_id"]} for each in puts]
        call("BatchGetItem", {"RequestItems": {table: {"Keys": keys, "ConsistentRead": True}}})
        items = [{"Put": each} for each in puts]
        call("TransactWriteItems", {"TransactItems": items, "ClientRequestToken": str(uuid.uuid4())})

    reach = Reach(None)
    statement, values = statements.with_checksum(reach), statements.within(reach) | {"checksums": [body["sha256"]]}
    try:
        with psycopg.connect(stack.file.database_url, autocommit=True, prepare_threshold=None) as connection:

            def by_hand_alone() -> None:
                connection.execute(statement, values).fetchall()
                call("PutItem", another())

            steps = {
                "case": start,
                "floor": lambda: dynamodb.put_item(**another()),
                "by hand": by_hand_alone,
            }
            samples = measure(steps, rounds, warm_up=20)
            batches = {
                "batch": start_many,
                "keyed": lambda: start_many(**{"Idempotency-Key": str(uuid.uuid4())}),
                "batch by hand": put_many,
                "keyed by hand": look_and_put_many,
                "floor": steps["floor"],
            }
            hundreds = measure(batches, max(5, rounds // 10), warm_up=2)
        limited, limited_remark = limited_start.rows(stack, rounds, token, start_one, body, written)
        arriving = body | {
            "size": len(complete_upload.CONTENT),
            "sha256": hashlib.sha256(complete_upload.CONTENT).hexdigest(),
            "content_type": "text/plain",
            "retention_policy": "temporary",
        }
        completed, completed_remark = complete_upload.rows(
            stack, max(5, rounds // 10), lambda: start_one(arriving), complete
        )
    finally:
        _remove(dynamodb, table, written)
    case, floor, least = samples["case"], samples["floor"], samples["by hand"]
    return Result(
        "upload",
        [
            Row.measured("POST /api/v1/files, warm", case, floor),
            Row.measured("the same PutItem and lookup by hand", least, floor),
            Row.measured("POST /api/v1/files/batch, 100 uploads", hundreds["batch"], hundreds["floor"]),
            Row.measured("the same writes by hand", hundreds["batch by hand"], hundreds["floor"]),
            Row.measured("100 uploads under an Idempotency-Key", hundreds["keyed"], hundreds["floor"]),
            Row.measured("the same look and writes by hand", hundreds["keyed by hand"], hundreds["floor"]),
            *limited,
            *completed,
        ],
        remarks=[
            f"calls of one warm request: {summary(calls)}",
            "floor: one PutItem of the same record through botocore, without the lookup of duplicates",
            "by hand: signed, over http.client, and the lookup by a plain connection",
            own_share(case, least),
            _beyond("a batch", hundreds["batch"], hundreds["batch by hand"]),
            _beyond("a batch under a key", hundreds["keyed"], hundreds["keyed by hand"]),
            limited_remark,
            completed_remark,
        ],
    )


def _beyond(name: str, whole: Samples, least: Samples) -> str:
    beyond = statistics.median(whole.wall_ms) - statistics.median(least.wall_ms)
    return f"{name}, beyond the same by hand: {beyond:.1f} ms on the clock"


def _remove(dynamodb: Any, table: str, file_ids: list[str]) -> None:
    for first in range(0, len(file_ids), 25):
        doomed = [{"DeleteRequest": {"Key": {"file_id": {"S": name}}}} for name in file_ids[first : first + 25]]
        dynamodb.batch_write_item(RequestItems={table: doomed})
