"""Storage that knows no queue tells of its events over HTTP."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import requests

from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator

MINIO = Path(__file__).parents[2] / "events" / "minio_object_created_put.json"


def tell(archive: Archive, token: str, message: Any, source: str = "minio") -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return archive.anonymous("POST", f"/api/v1/events/{source}", json=message, headers=headers)


def token_of(operator: Operator) -> str:
    return operator.secret(f"{operator.prefix}/webhook-token")


def test_an_event_that_is_told_is_handled_and_its_id_leads_to_what_became_of_it(
    archive: Archive, operator: Operator
) -> None:
    key = f"told/{uuid.uuid4().hex}.txt"
    message = json.loads(MINIO.read_text("utf-8"))
    message["Records"][0]["s3"] |= {"bucket": {"name": operator.edit_bucket}, "object": {"key": key}}
    answer = tell(archive, token_of(operator), message)
    assert answer.status_code == 200, answer.text
    message_id = answer.json()["message_id"]
    [line] = eventually(lambda: operator.log_lines("storage-events", message_id) or None)
    assert (line["key"], line["outcome"]) == (key, "gone"), "it was looked at: nothing lies there"


def test_a_filer_tells_too(archive: Archive, operator: Operator) -> None:
    path = f"/buckets/{operator.edit_bucket}/told/{uuid.uuid4().hex}.txt"
    entry = {"name": path.rpartition("/")[2], "content": "aGVsbG8="}
    message = {"key": path, "event_type": "create", "message": {"new_entry": entry}}
    answer = tell(archive, token_of(operator), message, "seaweedfs")
    assert answer.status_code == 200, answer.text
    [line] = eventually(lambda: operator.log_lines("storage-events", answer.json()["message_id"]) or None)
    assert line["outcome"] == "gone"
    assert path.endswith(line["key"])


def test_a_probe_needs_the_token_and_a_token_of_the_api_is_none(archive: Archive, operator: Operator) -> None:
    for path in ("/api/v1/events/minio", "/api/v1/events/seaweedfs"):
        headers = {"Authorization": f"Bearer {token_of(operator)}"}
        assert archive.anonymous("HEAD", path, headers=headers).status_code == 200
        assert archive.anonymous("HEAD", path).status_code == 401
        refused = archive.request("POST", path, json={})
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
