"""After any trouble bucket and index agree exactly, and equal a rebuild; nothing that was sent is lost.

500 documents are uploaded while every event comes three times in any order or, one in ten, never, while processes
of functions are killed, and while PostgreSQL is away for half a minute. What is measured is logged.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import requests

from artstore.naming import attributes_key, is_attributes_key
from infra.local.state import StackFile
from tests.chaos.troubles import Database, Deliveries, Killing
from tests.e2e.archive import Archive, eventually, put
from tests.e2e.operator import Operator

_LOG = logging.getLogger(__name__)
DOCUMENTS = 500
CLIENTS = 6
AWAY_SECONDS = 30
KILLED_SECONDS = 420
"""How long the messages of a killed process stay out of sight, and a little."""

ROWS = """
SELECT bucket, object_key, file_id, revision, attributes, attributes_etag, search_text, search::text, deleted_at,
    at_home, missing, shown, trashed, current, space, supersedes, object_etag, object_modified, object_version_id
FROM documents WHERE file_id IS NOT NULL ORDER BY bucket, object_key
"""


def send(archive: Archive, number: int) -> tuple[str, bytes]:
    """Upload a document, as a client does that tries again."""
    chance = random.Random(number)
    body = f"chaos number{number} ".encode() + chance.randbytes(chance.randrange(1_000, 50_000)).hex().encode()
    announced: dict[str, Any] = {
        "filename": f"chaos {number}.txt",
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "content_type": "text/plain",
        "retention_policy": "permanent" if number % 5 == 0 else "temporary",
    }
    headers = {"Idempotency-Key": f"chaos-{number}"}

    def started() -> dict[str, Any] | None:
        answer = _unbroken(lambda: archive.request("POST", "/api/v1/files", json=announced, headers=headers))
        return answer.json() if answer is not None and answer.status_code in (200, 201) else None

    upload = eventually(started, 120)
    if upload["upload"] is not None:
        assert put(upload["upload"], body).status_code in (200, 412)
    return str(upload["file_id"]), body


def _unbroken(call: Any) -> requests.Response | None:
    try:
        return call()  # type: ignore[no-any-return]
    except requests.RequestException:
        return None


def test_whatever_breaks_bucket_and_index_agree_in_the_end(
    stack: StackFile,
    archive: Archive,
    operator: Operator,
    database: Database,
    deliveries: Deliveries,
    killing: Killing,
) -> None:
    sent = _send_amid_killings(archive, range(DOCUMENTS // 2), killing)
    eventually(lambda: deliveries.are_over() or None, KILLED_SECONDS)
    sent |= _send_amid_an_outage(archive, range(DOCUMENTS // 2, DOCUMENTS), database, deliveries)
    _LOG.info(
        "%s processes killed; %s events lost, %s delivered", killing.killed, deliveries.lost, deliveries.delivered
    )

    assert _dead_letters(operator) == 0
    _reconcile(archive)
    found = _rows(stack)
    assert _claims(found) == _described(operator)
    assert {str(row[2]) for row in found} == set(sent)
    for file_id, body in random.Random(3).sample(sorted(sent.items()), 50):
        shown = archive.request("GET", f"/api/v1/files/{file_id}").json()
        assert (shown["status"], shown["checksum"]) == ("STORED", hashlib.sha256(body).hexdigest())
        assert archive.upload_state(file_id)["status"] == "STORED"

    _run_job(archive, "reindex", {})
    assert _rows(stack) == found


def _send_amid_killings(archive: Archive, numbers: range, killing: Killing) -> dict[str, bytes]:
    killing.begin()
    with ThreadPoolExecutor(CLIENTS) as pool:
        sent = dict(pool.map(lambda number: send(archive, number), numbers))
    killing.end()
    return sent


def _send_amid_an_outage(
    archive: Archive, numbers: range, database: Database, deliveries: Deliveries
) -> dict[str, bytes]:
    """Stop the database after some of the uploads, and start it again; tell how long the queue took to drain."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        under_way = [pool.submit(send, archive, number) for number in numbers]
        under_way[len(numbers) // 4].result()
        database.stop()
        time.sleep(AWAY_SECONDS)
        database.start()
        back = time.monotonic()
        sent = dict(each.result() for each in under_way)
        all_sent = time.monotonic()
        eventually(lambda: deliveries.are_over() or None, 300)
    drained = time.monotonic()
    _LOG.info("back: sent %.1f s later, drained %.1f s later", all_sent - back, drained - back)
    _LOG.info("drained %.1f s after the database was back and all was sent", drained - max(back, all_sent))
    return sent


def _reconcile(archive: Archive) -> None:
    """Have what events did not tell looked at, until nothing differs."""

    def agree() -> bool | None:
        report = _run_job(archive, "reconcile", {"repair": True, "grace_seconds": 0})
        counts = {kind: found["count"] for kind, found in report["differences"].items() if found["count"]}
        _LOG.info("reconciled: %s differ, %s asked", counts, report["asked"])
        return True if report["agree"] else None

    eventually(agree, 300)


def _run_job(archive: Archive, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Run a job of maintenance to its end, and give its report."""
    started = archive.request("POST", f"/api/v1/maintenance/{kind}", json=body)
    assert started.status_code == 202, started.text

    def over() -> dict[str, Any] | None:
        job: dict[str, Any] = archive.request("GET", f"/api/v1/maintenance/jobs/{started.json()['job_id']}").json()
        assert job["status"] not in ("FAILED", "DEAD"), job
        return job if job["status"] == "COMPLETED" else None

    report: dict[str, Any] = eventually(over, 180)["result"]
    return report


def _dead_letters(operator: Operator) -> int:
    told = operator.sqs.get_queue_attributes(
        QueueUrl=operator.dead_letter_queue_url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(told["Attributes"]["ApproximateNumberOfMessages"])


def _rows(stack: StackFile) -> list[tuple[Any, ...]]:
    """Give all that the index holds of documents."""
    with psycopg.connect(stack.database_url) as connection:
        return connection.execute(ROWS).fetchall()


def _claims(rows: list[tuple[Any, ...]]) -> dict[tuple[str, str], str]:
    return {(row[0], attributes_key(row[1])): row[5] for row in rows}


def _described(operator: Operator) -> dict[tuple[str, str], str]:
    """Give each attr.json of the buckets with its ETag, and see to it that each object has one."""
    found: dict[tuple[str, str], str] = {}
    objects: set[tuple[str, str]] = set()
    for bucket in (operator.edit_bucket, operator.rw_bucket):
        for page in operator.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for each in page.get("Contents", ()):
                if not is_attributes_key(each["Key"]):
                    objects.add((bucket, each["Key"]))
                else:
                    found[bucket, each["Key"]] = each["ETag"]
    assert {(bucket, attributes_key(key)) for bucket, key in objects} == set(found)
    return found
