"""A document is finalized over HTTP: found, shown and downloaded all the while, and locked afterwards."""

from __future__ import annotations

import gzip
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator
from tests.e2e.service_accounts import ServiceAccounts

OVER = ("completed", "failed", "rolled_back")


def finalize(archive: Archive, file_id: str, **arguments: Any) -> requests.Response:
    return archive.request("POST", f"/api/v1/files/{file_id}/finalize", **arguments)


def finished(archive: Archive, transaction_id: str) -> dict[str, Any]:
    """Wait until the finalization is over."""

    def look() -> dict[str, Any] | None:
        answer = archive.request("GET", f"/api/v1/finalizations/{transaction_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown if shown["state"] in OVER else None

    return eventually(look, 60)


def document(archive: Archive, file_id: str) -> dict[str, Any]:
    answer = archive.request("GET", f"/api/v1/files/{file_id}")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def moved(archive: Archive, file_id: str) -> dict[str, Any]:
    """Wait until the document is shown where it lies now: at once, or when its event has come."""

    def look() -> dict[str, Any] | None:
        shown = document(archive, file_id)
        return shown if shown["storage_element_id"] == "rw-01" else None

    return eventually(look)


def download(archive: Archive, file_id: str) -> bytes:
    redirect = archive.request("GET", f"/api/v1/files/{file_id}/download")
    assert redirect.status_code == 307, redirect.text
    return requests.get(redirect.headers["Location"], timeout=30).content


def test_a_finalized_document_is_the_same_and_lies_where_documents_are_kept(
    archive: Archive, operator: Operator
) -> None:
    word = f"wombat{uuid.uuid4().hex[:8]}"
    content = f"the {word} is kept".encode()
    file_id = archive.store(content, "wombat.txt", description="for good", tags=["kept"], ttl_days=3)
    before = document(archive, file_id)
    until = (datetime.now(UTC) + timedelta(days=4000)).replace(microsecond=0)

    begun = finalize(archive, file_id, json={"retain_until": until.isoformat()})
    assert begun.status_code == 202, begun.text
    assert begun.json()["state"] == "pending"
    transaction_id = begun.json()["transaction_id"]
    assert begun.headers["Location"].endswith(f"finalizations/{transaction_id}")
    ended = finished(archive, transaction_id)
    assert (ended["state"], ended["error"]) == ("completed", None)
    size = len(content)
    assert (ended["bytes_total"], ended["bytes_copied"], ended["bytes_verified"]) == (size, size, size)

    after = moved(archive, file_id)
    assert after["revision"] == before["revision"] + 2
    assert after["retention"]["policy"] == "permanent"
    assert datetime.fromisoformat(after["retention"]["expires_at"]) == until
    assert after["finalization"] is None
    same = ("checksum", "original_filename", "description", "tags", "created_at", "created_by_id", "content_type")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert archive.search(word) == [file_id]
    assert download(archive, file_id) == content

    key = after["storage_path"] + after["storage_filename"]
    version = {"Bucket": operator.rw_bucket, "Key": key, "VersionId": after["storage_version_id"]}
    retention = operator.s3.get_object_retention(**version)["Retention"]
    assert retention["RetainUntilDate"] == until
    with pytest.raises(ClientError):
        operator.s3.delete_object(**version)
    source = operator.s3.get_object(Bucket=operator.edit_bucket, Key=key + ".attr.json")
    assert json.loads(source["Body"].read())["finalization"] == transaction_id, "it stays for a day"

    again = finalize(archive, file_id)
    assert again.status_code == 200, again.text
    assert again.json()["transaction_id"] == transaction_id
    told = [each["action"] for each in entries(archive, file_id)]
    assert told[-2:] == ["finalization.requested", "finalization.completed"]


def entries(archive: Archive, file_id: str) -> list[dict[str, Any]]:
    """Give what the audit log has of a document, once the end of its finalization is there; the oldest first."""

    def look() -> list[dict[str, Any]] | None:
        answer = archive.request("GET", "/api/v1/audit", params={"object": f"file/{file_id}"})
        assert answer.status_code == 200, answer.text
        items = sorted(answer.json()["items"], key=lambda each: int(each["seq"]))
        return items if any(each["action"] == "finalization.completed" for each in items) else None

    return eventually(look, 90)


def test_many_documents_are_finalized_by_one_call(archive: Archive) -> None:
    file_ids = [archive.store(f"one of many {number}".encode(), f"many{number}.txt") for number in range(5)]
    kept = archive.store(b"kept from the beginning", "kept.txt", retention_policy="permanent")
    unknown = str(uuid.uuid4())
    asked = [*file_ids, unknown, kept, file_ids[0]]
    answer = archive.request("POST", "/api/v1/finalizations", json={"file_ids": asked})
    assert answer.status_code == 202, answer.text
    items = answer.json()["items"]
    assert [each["file_id"] for each in items] == asked[:-1]
    assert (answer.json()["accepted"], answer.json()["refused"]) == (5, 2)
    assert [(each["error"] or {}).get("code") for each in items[5:]] == ["document_not_found", "not_in_edit"]
    for each in items[:5]:
        assert finished(archive, each["transaction_id"])["state"] == "completed"
    for file_id in file_ids:
        moved(archive, file_id)
    listed = archive.request("GET", "/api/v1/finalizations", params={"status": "completed", "limit": 100}).json()
    assert set(file_ids) <= {each["file_id"] for each in listed["items"]}


def test_a_request_that_is_repeated_under_its_key_begins_nothing_twice(archive: Archive) -> None:
    file_id = archive.store(b"once", "once.txt")
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, second = (finalize(archive, file_id, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["transaction_id"] == second.json()["transaction_id"]
    other = finalize(archive, file_id, headers=key, json={"retain_until": "2040-01-01T00:00:00Z"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_what_cannot_be_finalized_stays_where_it_is(archive: Archive, operator: Operator) -> None:
    file_id = archive.store(b"there is no room for it", "occupied.txt")
    shown = document(archive, file_id)
    key = shown["storage_path"] + shown["storage_filename"] + ".attr.json"
    other = json.loads(operator.s3.get_object(Bucket=operator.edit_bucket, Key=key)["Body"].read())
    other["file_id"] = str(uuid.uuid4())
    operator.s3.put_object(Bucket=operator.rw_bucket, Key=key, Body=json.dumps(other), ChecksumAlgorithm="SHA256")
    ended = finished(archive, finalize(archive, file_id).json()["transaction_id"])
    assert (ended["state"], ended["error"]["code"]) == ("failed", "target_occupied")
    assert document(archive, file_id) == shown
    assert download(archive, file_id) == b"there is no room for it"


def test_what_is_not_there_or_asked_for_wrongly_is_refused(archive: Archive, accounts: ServiceAccounts) -> None:
    unknown = finalize(archive, str(uuid.uuid4()))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "document_not_found")
    nothing = archive.request("GET", f"/api/v1/finalizations/{uuid.uuid4()}")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "finalization_not_found")
    file_id = archive.store(gzip.compress(b"past"), "past.txt")
    past = finalize(archive, file_id, json={"retain_until": "2020-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["code"]) == (400, "retain_until_past")
    empty = archive.request("POST", "/api/v1/finalizations", json={"file_ids": []})
    assert empty.status_code == 400
