"""Events come twice, late, or for objects that are gone, and the archive stays the same."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator


def object_created(bucket: str, key: str, region: str) -> str:
    """Give the body that S3 sends when an object was put (S3 User Guide, "Event message structure")."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": "2026-01-01T00:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": quote(key), "size": 1, "eTag": "0", "sequencer": "00"},
        },
    }
    return json.dumps({"Records": [record]})


def waiting(operator: Operator) -> dict[str, dict[str, str]]:
    """Tell how many messages wait, or are being worked on, in the queue and in its dead letters."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return {
        url: operator.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        for url in (operator.events_queue_url, operator.dead_letter_queue_url)
    }


def await_drained(operator: Operator) -> None:
    """Wait until nothing is left in the queue, nor in its dead letters."""

    def empty() -> bool | None:
        return all(count == "0" for queue in waiting(operator).values() for count in queue.values()) or None

    try:
        eventually(empty)
    except AssertionError as error:
        raise AssertionError(f"{error}: {waiting(operator)}") from error


def test_an_event_delivered_twice_changes_nothing(archive: Archive, operator: Operator) -> None:
    word = f"twice{uuid.uuid4().hex[:8]}"
    file_id = archive.store(b"delivered twice", f"{word}.txt")
    before = archive.request("GET", f"/api/v1/files/{file_id}")
    key = before.json()["storage_path"] + before.json()["storage_filename"]
    for _ in range(2):
        body = object_created(operator.edit_bucket, key, operator.region)
        operator.sqs.send_message(QueueUrl=operator.events_queue_url, MessageBody=body)
    await_drained(operator)
    after = archive.request("GET", f"/api/v1/files/{file_id}")
    assert after.json() == before.json()
    assert after.headers["ETag"] == before.headers["ETag"]
    assert archive.search(word) == [file_id]
    versions = operator.s3.list_object_versions(Bucket=operator.edit_bucket, Prefix=key).get("Versions", [])
    assert len(versions) == 2, "the document and its attributes, each written once"


def test_an_event_whose_object_is_gone_leaves_nothing_behind(archive: Archive, operator: Operator) -> None:
    word = f"vanished{uuid.uuid4().hex[:8]}"
    body = object_created(operator.edit_bucket, f"inbox/{word}.txt", operator.region)
    operator.sqs.send_message(QueueUrl=operator.events_queue_url, MessageBody=body)
    await_drained(operator)
    assert archive.search(word) == []
    assert "Contents" not in operator.s3.list_objects_v2(Bucket=operator.edit_bucket, Prefix=f"inbox/{word}")


def dead_letters(archive: Archive) -> list[dict[str, Any]] | None:
    shown = archive.request("GET", "/api/v1/maintenance/dead-letters?limit=100")
    assert shown.status_code == 200, shown.text
    items: list[dict[str, Any]] = shown.json()["items"]
    return items or None


def redrive(archive: Archive, **asked: Any) -> dict[str, Any]:
    """Have dead letters sent back; give what came of it."""
    started = archive.request("POST", "/api/v1/maintenance/redrive", json=asked)
    assert started.status_code == 202, started.text
    assert started.json()["kind"] == "redrive"

    def over() -> dict[str, Any] | None:
        job: dict[str, Any] = archive.request("GET", f"/api/v1/maintenance/jobs/{started.json()['job_id']}").json()
        return job if job["finished_at"] else None

    job = eventually(over, seconds=60)
    assert job["status"] == "COMPLETED", job
    result: dict[str, Any] = job["result"]
    return result


@pytest.mark.alone
def test_a_poison_message_does_not_hold_up_the_others_and_is_given_up_with_its_reason(
    archive: Archive, operator: Operator
) -> None:
    operator.sqs.send_message(QueueUrl=operator.events_queue_url, MessageBody='{"not": "an S3 event"}')
    word = f"behind{uuid.uuid4().hex[:8]}"
    assert archive.search(word) == []
    assert [archive.store(b"behind a poison message", f"{word}.txt")] == archive.search(word)
    [letter] = eventually(lambda: dead_letters(archive))
    assert (letter["reason"], letter["body"]) == ("unknown_message", '{"not": "an S3 event"}')
    assert redrive(archive, only_untried=True) == {"sent": 0, "kept": 1}
    operator.sqs.purge_queue(QueueUrl=operator.dead_letter_queue_url)


@pytest.mark.alone
def test_an_event_that_was_given_up_is_handled_when_it_is_sent_back(archive: Archive, operator: Operator) -> None:
    word = f"givenup{uuid.uuid4().hex[:8]}"
    key = f"inbox/{word}.txt"
    body = object_created(operator.edit_bucket, key, operator.region)
    operator.sqs.send_message(QueueUrl=operator.dead_letter_queue_url, MessageBody=body)
    [letter] = eventually(lambda: dead_letters(archive))
    assert (letter["key"], letter["reason"]) == (key, "never_finished")
    assert redrive(archive) == {"sent": 1, "kept": 0}
    await_drained(operator)
