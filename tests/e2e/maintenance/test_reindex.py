"""A rebuild of the index over HTTP: what the index lost comes back from the buckets alone, while others go on."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg

from infra.local.state import StackFile
from tests.e2e.archive import Archive, eventually

REINDEX = "/api/v1/maintenance/reindex"


def test_what_the_index_lost_comes_back_and_a_second_rebuild_at_once_is_refused(
    archive: Archive, stack: StackFile
) -> None:
    word = f"w{uuid.uuid4().hex}"
    lost = archive.store(f"the word is {word}".encode())
    eventually(lambda: archive.search(word) == [lost] or None)
    with psycopg.connect(stack.database_url, autocommit=True) as index:
        index.execute("DELETE FROM documents WHERE file_id = %s", [lost])
    key = {"Idempotency-Key": uuid.uuid4().hex}
    started = archive.request("POST", REINDEX, headers=key)
    assert started.status_code == 202, started.text
    repeated = archive.request("POST", REINDEX, headers=key)
    assert (repeated.status_code, repeated.json()["job_id"]) == (202, started.json()["job_id"]), repeated.text
    assert started.json()["kind"] == "reindex"
    again = archive.request("POST", REINDEX)
    assert (again.status_code, again.json()["code"]) == (409, "job_running"), again.text
    meanwhile = archive.store(b"stored meanwhile")

    def over() -> dict[str, Any] | None:
        job: dict[str, Any] = archive.request("GET", f"/api/v1/maintenance/{started.headers['Location']}").json()
        assert archive.request("GET", f"/api/v1/files/{meanwhile}").status_code == 200, "nobody notices"
        return job if job["finished_at"] else None

    job = eventually(over, seconds=180)
    assert job["status"] == "COMPLETED", job
    assert job["result"]["documents"] >= 2
    assert archive.wait_for(lost)["file_id"] == lost
    eventually(lambda: archive.search(word) == [lost] or None, 60)
    with psycopg.connect(stack.database_url, autocommit=True) as index:
        left = index.execute("SELECT relname FROM pg_class WHERE relname LIKE 'reindex%'").fetchall()
    assert left == []
