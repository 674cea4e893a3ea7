"""Reconciliation over HTTP: lost events are found by their kind, and mended when told."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg

from infra.local.state import StackFile
from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator

RECONCILE = "/api/v1/maintenance/reconcile"


def reconcile(archive: Archive, **asked: Any) -> dict[str, Any]:
    """Reconcile, and give the report."""
    started = archive.request("POST", RECONCILE, json=asked)
    assert started.status_code == 202, started.text
    assert started.json()["kind"] == "reconcile"

    def over() -> dict[str, Any] | None:
        job: dict[str, Any] = archive.request("GET", f"/api/v1/maintenance/{started.headers['Location']}").json()
        return job if job["finished_at"] else None

    job = eventually(over, seconds=120)
    assert job["status"] == "COMPLETED", job
    result: dict[str, Any] = job["result"]
    return result


def places(report: dict[str, Any], kind: str) -> list[str]:
    return [each["place"] for each in report["differences"][kind]["samples"]]


def test_a_document_that_the_index_lost_is_found_and_brought_back_when_told(
    archive: Archive, operator: Operator, stack: StackFile
) -> None:
    file_id = archive.store(uuid.uuid4().bytes)
    shown = archive.request("GET", f"/api/v1/files/{file_id}").json()
    key = f"{shown['storage_path']}{shown['storage_filename']}"
    place = f"s3://{operator.edit_bucket}/{key}"

    def lost() -> dict[str, Any] | None:
        """Lose the row, until no event brings it back any more."""
        with psycopg.connect(stack.database_url, autocommit=True) as index:
            index.execute("DELETE FROM documents WHERE object_key = %s", [key])
        report = reconcile(archive, element_id="edit-01", grace_seconds=0)
        return report if place in places(report, "not_indexed") else None

    assert not eventually(lost, seconds=120)["agree"]
    assert archive.request("GET", f"/api/v1/files/{file_id}").status_code == 404, "a report repairs nothing"
    assert reconcile(archive, element_id="edit-01", grace_seconds=0, repair=True)["asked"] >= 1
    archive.wait_for(file_id)
    assert place not in places(reconcile(archive, element_id="edit-01", grace_seconds=0), "not_indexed")


def test_what_other_tools_broke_is_named_by_its_kind(archive: Archive, operator: Operator) -> None:
    damaged, missing = (archive.store(uuid.uuid4().bytes) for _ in range(2))
    keys = {}
    for file_id in (damaged, missing):
        shown = archive.request("GET", f"/api/v1/files/{file_id}").json()
        keys[file_id] = f"{shown['storage_path']}{shown['storage_filename']}"
    operator.s3.put_object(Bucket=operator.edit_bucket, Key=keys[damaged] + ".attr.json", Body=b"no JSON")
    operator.s3.delete_object(Bucket=operator.edit_bucket, Key=keys[missing])

    def told() -> bool | None:
        answer = archive.request("GET", f"/api/v1/files/{missing}")
        gone = archive.request("GET", f"/api/v1/files/{damaged}").status_code == 404
        return True if gone and answer.json()["status"] == "MISSING" else None

    eventually(told)
    report = reconcile(archive, grace_seconds=0)
    assert f"s3://{operator.edit_bucket}/{keys[damaged]}" in places(report, "damaged")
    assert f"s3://{operator.edit_bucket}/{keys[missing]}" in places(report, "object_missing")
    assert {"edit-01", "rw-01"} <= {each["element_id"] for each in report["elements"]}


def test_what_is_asked_wrongly_is_refused_by_name(archive: Archive) -> None:
    for asked, field in (({"element_id": "No!"}, "element_id"), ({"grace_seconds": -1}, "grace_seconds")):
        refused = archive.request("POST", RECONCILE, json=asked)
        assert (refused.status_code, refused.json()["field"]) == (400, field), refused.text
