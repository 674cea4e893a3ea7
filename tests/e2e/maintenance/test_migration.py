"""An administrator has attr.json files of the first ArtStore rewritten, and its documents stay what they were."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator
from tests.support.ingesting.first_archive import DIALECT, V1


def done(archive: Archive, **asked: Any) -> dict[str, Any]:
    """Migrate, and give the report."""
    answer = archive.request("POST", "/api/v1/maintenance/migrate", json=asked)
    assert answer.status_code == 202, answer.text

    def report() -> dict[str, Any] | None:
        job = archive.request("GET", f"/api/v1/maintenance/jobs/{answer.json()['job_id']}").json()
        assert job["status"] not in ("FAILED", "DEAD"), job
        return job["result"] if job["status"] == "COMPLETED" else None

    return eventually(report, 60)


@pytest.mark.alone
def test_what_is_older_is_rewritten_when_somebody_asks(archive: Archive, operator: Operator) -> None:
    lefts = {}
    for left in (V1[0], DIALECT[0]):
        was, file_id = left.attributes["file_id"], str(uuid4())
        key = f"migrated-{uuid4()}/{left.key.replace(was, file_id)}"
        raw = left.raw.decode().replace(was, file_id).encode()
        operator.s3.put_object(Bucket=operator.edit_bucket, Key=f"{key}.attr.json", Body=raw)
        operator.s3.put_object(Bucket=operator.edit_bucket, Key=key, Body=left.body)
        lefts[file_id] = (key, raw)
    before = {file_id: archive.wait_for(file_id) for file_id in lefts}

    def raw_of(file_id: str) -> bytes:
        place = {"Bucket": operator.edit_bucket, "Key": f"{lefts[file_id][0]}.attr.json"}
        found: bytes = operator.s3.get_object(**place)["Body"].read()
        return found

    told = done(archive, dry_run=True)
    assert told["counts"]["migrated"] >= 2
    assert all(raw_of(file_id) == raw for file_id, (_, raw) in lefts.items()), "nothing is written by asking"
    assert done(archive)["counts"]["migrated"] == told["counts"]["migrated"]
    for file_id in lefts:
        assert json.loads(raw_of(file_id))["schema_version"] == "2.0"
        assert archive.request("GET", f"/api/v1/files/{file_id}").json() == before[file_id]
    assert "migrated" not in done(archive)["counts"]
