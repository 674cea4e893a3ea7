"""A bag of documents over HTTP, fetched from the bucket of exports and validated by another tool."""

from __future__ import annotations

import pathlib
import uuid
from typing import Any

import bagit
import pytest

from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator


def export(archive: Archive, **asked: Any) -> dict[str, Any]:
    """Run an export to its end, and give the job."""
    started = archive.request("POST", "/api/v1/maintenance/export", json=asked)
    assert started.status_code == 202, started.text
    assert started.json()["kind"] == "export"
    job_id = started.json()["job_id"]

    def over() -> dict[str, Any] | None:
        job: dict[str, Any] = archive.request("GET", f"/api/v1/maintenance/jobs/{job_id}").json()
        return job if job["finished_at"] else None

    return eventually(over, seconds=120)


def test_a_selection_leaves_as_a_bag_that_another_tool_validates(
    archive: Archive, operator: Operator, tmp_path: pathlib.Path
) -> None:
    edited, kept = uuid.uuid4().bytes, uuid.uuid4().bytes
    one = archive.store(edited, "Отчёт 100 %.txt")
    two = archive.store(kept, "kept.txt", retention_policy="permanent")
    nobody = str(uuid.uuid4())
    job = export(archive, ids=[one, two, nobody], description="Two of three")
    assert job["status"] == "COMPLETED", job
    assert job["result"]["counts"] == {"exported": 2, "not_found": 1}
    assert job["result"]["left_out"] == [{"file_id": nobody, "reason": "not_found"}]
    bucket, _, prefix = job["result"]["bag"].removeprefix("s3://").partition("/")
    for each in operator.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]:
        path = tmp_path / each["Key"].removeprefix(prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(operator.s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())
    bagit.Bag(str(tmp_path)).validate()
    assert (tmp_path / "data" / one / "Отчёт 100 _.txt").read_bytes() == edited
    assert (tmp_path / "data" / two / "kept.txt").read_bytes() == kept


@pytest.mark.parametrize("asked", [{}, {"ids": []}, {"format": "zip", "space": "default"}, {"search": {"q": "x"}}])
def test_what_cannot_be_meant_is_refused(archive: Archive, asked: dict[str, Any]) -> None:
    answer = archive.request("POST", "/api/v1/maintenance/export", json=asked)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "invalid_body"
