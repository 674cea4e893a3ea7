"""Fixity over HTTP: what is not what it was is found, told, shown, and left as it is.

Storage itself cannot be made to rot through S3: whoever writes other bytes has written them, and the archive
follows, attr.json and all (an edit element), or goes on naming the verified version (one that keeps versions).
What an operator's client can do is let the attr.json of the latter say something else than the version has.
Disks that fail are in tests/unit/maintenance/test_fixity.py.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator

FIXITY = "/api/v1/maintenance/fixity"


def check(archive: Archive, **asked: Any) -> dict[str, Any]:
    """Start a job, and give its report."""
    started = archive.request("POST", FIXITY, json=asked)
    assert started.status_code == 202, started.text
    assert started.json()["kind"] == "fixity"

    def over() -> dict[str, Any] | None:
        job: dict[str, Any] = archive.request("GET", f"/api/v1/maintenance/{started.headers['Location']}").json()
        return job if job["finished_at"] else None

    job = eventually(over, seconds=120)
    assert job["status"] == "COMPLETED", job
    result: dict[str, Any] = job["result"]
    return result


def shown(archive: Archive, file_id: str) -> dict[str, Any]:
    document: dict[str, Any] = archive.request("GET", f"/api/v1/files/{file_id}").json()
    return document


def recorded(archive: Archive, file_id: str) -> list[dict[str, Any]]:
    """Wait for what the audit log says of a failure."""
    asked = {"object": f"file/{file_id}", "action": "fixity.failed"}
    return eventually(
        lambda: archive.request("GET", "/api/v1/audit", params=asked).json()["items"] or None, seconds=120
    )


def test_documents_that_are_what_they_were_show_when_that_was_seen(archive: Archive) -> None:
    kept = [archive.store(uuid.uuid4().bytes, retention_policy=each) for each in ("temporary", "permanent")]
    for file_id in kept:
        assert shown(archive, file_id)["fixity"] is None
        assert check(archive, file_id=file_id)["counts"] == {"ok": 1}
        assert shown(archive, file_id)["fixity"]["outcome"] == "ok"
    report = check(archive, element_id="rw-01", share=1)
    assert report["checked"] + sum(report["passed_over"].values()) >= 1


def test_a_document_whose_bytes_are_not_what_it_says_is_found_and_left_as_it_is(
    archive: Archive, operator: Operator
) -> None:
    """Where versions are kept, who edits the attr.json is believed: the version that it names cannot change."""
    bucket = operator.rw_bucket
    file_id = archive.store(uuid.uuid4().bytes, retention_policy="permanent")
    before = shown(archive, file_id)
    key = f"{before['storage_path']}{before['storage_filename']}"
    described = eventually(lambda: _described(operator, bucket, key))
    told = json.dumps(described | {"checksum": "ab" * 32, "revision": described["revision"] + 1}).encode()
    operator.s3.put_object(Bucket=bucket, Key=f"{key}.attr.json", Body=told)
    eventually(lambda: shown(archive, file_id)["checksum"] == "ab" * 32 or None, seconds=60)
    report = check(archive, file_id=file_id)
    assert report["counts"] == {"mismatch": 1}
    assert report["failures"] == [{"file_id": file_id, "outcome": "mismatch", "place": f"s3://{bucket}/{key}"}]
    assert shown(archive, file_id)["fixity"]["outcome"] == "mismatch"
    assert shown(archive, file_id)["status"] == "STORED"
    assert _described(operator, bucket, key) == json.loads(told), "nothing is repaired"
    [entry] = recorded(archive, file_id)
    assert (entry["reason"], entry["after"]["sha256"]) == ("mismatch", described["checksum"])


def test_bytes_that_are_gone_are_told_as_missing(archive: Archive, operator: Operator) -> None:
    file_id = archive.store(uuid.uuid4().bytes)
    document = shown(archive, file_id)
    key = f"{document['storage_path']}{document['storage_filename']}"
    operator.s3.delete_object(Bucket=operator.edit_bucket, Key=key)
    assert check(archive, file_id=file_id)["counts"] == {"missing": 1}
    assert [each["reason"] for each in recorded(archive, file_id)] == ["missing"]
    assert shown(archive, file_id)["fixity"]["outcome"] == "missing"


def test_bytes_that_are_written_over_are_the_documents_and_no_damage(archive: Archive, operator: Operator) -> None:
    file_id = archive.store(b"monday " + uuid.uuid4().bytes)
    document = shown(archive, file_id)
    key = f"{document['storage_path']}{document['storage_filename']}"
    operator.s3.put_object(Bucket=operator.edit_bucket, Key=key, Body=b"tuesday, and longer")
    report = check(archive, file_id=file_id)
    assert report["counts"] in ({}, {"ok": 1}), "its event is on its way, or has come"
    eventually(lambda: shown(archive, file_id)["file_size"] == len(b"tuesday, and longer") or None, seconds=60)
    assert check(archive, file_id=file_id)["counts"] == {"ok": 1}


def test_a_job_is_started_once_under_an_idempotency_key(archive: Archive) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    file_id = archive.store(uuid.uuid4().bytes)
    first = archive.request("POST", FIXITY, json={"file_id": file_id}, headers=key).json()
    assert (
        archive.request("POST", FIXITY, json={"file_id": file_id}, headers=key).json()["job_id"] == first["job_id"]
    )
    refused = archive.request("POST", FIXITY, json={"share": 1}, headers=key)
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_key_reused")
    wrong = archive.request("POST", FIXITY, json={"file_id": file_id, "share": 1})
    assert (wrong.status_code, wrong.json()["field"]) == (400, "file_id")


def _described(operator: Operator, bucket: str, key: str) -> dict[str, Any] | None:
    found = operator.s3.list_objects_v2(Bucket=bucket, Prefix=f"{key}.attr.json")
    if not found.get("Contents"):
        return None
    document: dict[str, Any] = json.loads(
        operator.s3.get_object(Bucket=bucket, Key=f"{key}.attr.json")["Body"].read()
    )
    return document


def test_a_job_is_cancelled_and_one_that_is_over_is_not(archive: Archive) -> None:
    started = archive.request("POST", FIXITY, json={"share": 1}).json()
    path = f"/api/v1/maintenance/jobs/{started['job_id']}"
    cancelled = archive.request("POST", f"{path}/cancel")
    if cancelled.status_code == 202:  # it may have been quicker
        assert cancelled.json()["cancelled_by_id"]
        assert archive.request("POST", f"{path}/cancel").status_code in (202, 409)

    def over() -> dict[str, Any] | None:
        job: dict[str, Any] = archive.request("GET", path).json()
        return job if job["finished_at"] else None

    job = eventually(over, seconds=120)
    assert job["status"] == ("CANCELLED" if cancelled.status_code == 202 else "COMPLETED")
    if cancelled.status_code == 202:
        listed = archive.request("GET", "/api/v1/maintenance/jobs", params={"status": "CANCELLED"}).json()
        assert started["job_id"] in [each["job_id"] for each in listed["items"]]
    file_id = archive.store(uuid.uuid4().bytes)
    done = archive.request("POST", FIXITY, json={"file_id": file_id}).json()
    path = f"/api/v1/maintenance/jobs/{done['job_id']}"
    eventually(over, seconds=120)
    refused = archive.request("POST", f"{path}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "job_over")
