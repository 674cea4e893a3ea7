"""Jobs and sweeps over HTTP, on what really lies in the buckets and tables."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.archive import Archive, eventually, put
from tests.e2e.operator import Operator

JOBS = "/api/v1/maintenance/jobs"
LONG_AGO = "2020-01-01T00:00:00.000Z"


def sweep(archive: Archive, name: str, *, dry_run: bool = False) -> dict[str, Any]:
    """Run a sweep to its end, and give the job."""
    asked = {"sweep": name, "dry_run": dry_run}
    started = archive.request("POST", "/api/v1/maintenance/sweep", json=asked)
    assert started.status_code == 202, started.text
    job_id = started.json()["job_id"]
    assert started.headers["Location"] == f"jobs/{job_id}"

    def over() -> dict[str, Any] | None:
        shown = archive.request("GET", f"{JOBS}/{job_id}")
        assert shown.status_code == 200, shown.text
        job: dict[str, Any] = shown.json()
        return job if job["finished_at"] else None

    return eventually(over, seconds=60)


def outcome(job: dict[str, Any], name: str) -> tuple[str, str | None] | None:
    assert job["status"] == "COMPLETED", job
    found = [each for each in job["result"]["items"] if each["name"] == name]
    return (found[0]["outcome"], found[0].get("reason")) if found else None


def place(archive: Archive, file_id: str) -> str:
    document = archive.request("GET", f"/api/v1/files/{file_id}").json()
    return str(document["storage_path"] + document["storage_filename"])


def is_there(operator: Operator, key: str) -> bool:
    try:
        operator.s3.head_object(Bucket=operator.edit_bucket, Key=key)
    except ClientError:
        return False
    return True


def say(operator: Operator, key: str, **changes: Any) -> None:
    """Change an attr.json with a tool."""
    beside = {"Bucket": operator.edit_bucket, "Key": key + ".attr.json"}
    before = json.loads(operator.s3.get_object(**beside)["Body"].read())
    after = before | changes | {"revision": before["revision"] + 1}
    operator.s3.put_object(**beside, Body=json.dumps(after).encode(), ContentType="application/json")


@pytest.mark.lacking("localstack", "a deletion on condition of an ETag is refused")
def test_a_temporary_document_goes_when_its_time_is_over_and_the_audit_log_knows(
    archive: Archive, operator: Operator
) -> None:
    content = uuid.uuid4().bytes
    file_id = archive.store(content)
    other = archive.store(uuid.uuid4().bytes)
    key = place(archive, file_id)
    assert outcome(sweep(archive, "temporary"), f"file/{file_id}") is None
    say(operator, key, retention={"policy": "temporary", "expires_at": LONG_AGO})

    def told() -> bool | None:
        shown = archive.request("GET", f"/api/v1/files/{file_id}").json()
        return True if shown["retention"]["expires_at"].startswith("2020") else None

    eventually(told)
    dry = sweep(archive, "temporary", dry_run=True)
    assert outcome(dry, f"file/{file_id}") == ("deleted", None)
    assert is_there(operator, key)
    assert outcome(sweep(archive, "temporary"), f"file/{file_id}") == ("deleted", None)
    assert not is_there(operator, key)
    assert not is_there(operator, key + ".attr.json")
    assert archive.request("GET", f"/api/v1/files/{file_id}").status_code == 404
    assert archive.request("GET", f"/api/v1/files/{other}").status_code == 200

    def logged() -> Any:
        asked = {"object": f"file/{file_id}", "action": "document.purged"}
        return archive.request("GET", "/api/v1/audit", params=asked).json()["items"] or None

    (entry,) = eventually(logged)
    assert (entry["actor"], entry["reason"]) == ("system", "expired")


def test_a_held_document_and_bytes_that_nobody_deleted_stay(archive: Archive, operator: Operator) -> None:
    held, overwritten = archive.store(uuid.uuid4().bytes), archive.store(uuid.uuid4().bytes)
    keys = {file_id: place(archive, file_id) for file_id in (held, overwritten)}
    hold = {"policy": "temporary", "legal_hold": True, "hold_reason": "lawsuit"}
    say(operator, keys[held], deleted_at=LONG_AGO, retention=hold)
    # Its bytes are younger than the deletion that the attr.json tells of.
    say(operator, keys[overwritten], deleted_at=LONG_AGO)
    for file_id in keys:
        eventually(lambda file_id=file_id: gone(archive, file_id))  # type: ignore[misc]
    job = sweep(archive, "trash")
    assert outcome(job, f"file/{held}") == ("kept", "legal_hold")
    assert outcome(job, f"file/{overwritten}") == ("reported", "object_changed")
    assert all(is_there(operator, key) for key in keys.values())


def gone(archive: Archive, file_id: str) -> bool | None:
    return True if archive.request("GET", f"/api/v1/files/{file_id}").status_code == 404 else None


def record(operator: Operator, file_id: str) -> dict[str, Any]:
    key = {"file_id": {"S": file_id}}
    found: dict[str, Any] = operator.dynamodb.get_item(TableName=f"{operator.prefix}-uploads", Key=key)["Item"]
    return found


def test_an_upload_of_which_nothing_came_is_expired_and_what_came_late_is_a_document(
    archive: Archive, operator: Operator
) -> None:
    content = uuid.uuid4().bytes
    started = archive.start(content)
    file_id = started["file_id"]
    operator.dynamodb.update_item(
        TableName=f"{operator.prefix}-uploads",
        Key={"file_id": {"S": file_id}},
        UpdateExpression="SET expires_at = :past",
        ExpressionAttributeValues={":past": {"S": LONG_AGO}},
    )
    assert outcome(sweep(archive, "uploads", dry_run=True), f"file/{file_id}") == ("expired", None)
    assert "awaited" in record(operator, file_id)
    assert outcome(sweep(archive, "uploads"), f"file/{file_id}") == ("expired", None)
    assert archive.upload_state(file_id)["status"] == "EXPIRED"
    assert "awaited" not in record(operator, file_id)
    assert put(started["upload"], content).status_code == 200
    archive.wait_for(file_id)


def test_every_sweep_ends_with_a_report(archive: Archive) -> None:
    for name in ("uploads", "temporary", "trash", "finalized", "orphans"):
        job = sweep(archive, name, dry_run=True)
        assert (job["status"], job["kind"], job["result"]["sweep"]) == ("COMPLETED", "sweep", name), job
        assert (
            sum(job["result"]["counts"].values()) == len(job["result"]["items"]) + job["result"]["items_left_out"]
        )


def test_jobs_are_listed_newest_first_page_by_page(archive: Archive) -> None:
    made = [sweep(archive, "finalized", dry_run=True)["job_id"] for _ in range(3)]

    def listed() -> list[str] | None:
        found: list[str] = []
        query: dict[str, Any] = {"kind": "sweep", "status": "COMPLETED", "limit": 2}
        while not set(made) <= set(found):
            page = archive.request("GET", JOBS, params=query).json()
            found += [each["job_id"] for each in page["items"]]
            if page["next_cursor"] is None:
                return None
            query["cursor"] = page["next_cursor"]
        return found

    found = eventually(listed)
    assert [each for each in found if each in made] == made[::-1]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"{JOBS}/{uuid.UUID(int=1)}", 404, "job_not_found"),
        ("POST", f"{JOBS}/{uuid.UUID(int=1)}/retry", 404, "job_not_found"),
        ("GET", f"{JOBS}?cursor=x", 400, "invalid_cursor"),
        ("GET", f"{JOBS}?status=ASLEEP", 400, "invalid_parameter"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    archive: Archive, method: str, path: str, status: int, code: str
) -> None:
    answer = archive.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_unknown_sweep_is_refused(archive: Archive) -> None:
    answer = archive.request("POST", "/api/v1/maintenance/sweep", json={"sweep": "chimneys"})
    assert (answer.status_code, answer.json()["field"]) == (400, "sweep")
