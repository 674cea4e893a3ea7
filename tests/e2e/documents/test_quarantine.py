"""A document in quarantine as infected exists for those who administer its space, until one of them releases it.

The stack under test has no scanner; that the verdict comes true is shown by one that has
(tests/integration/storage_events/test_scanning.py). Here its word is put into attr.json, as a tool can.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import requests

from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator
from tests.e2e.service_accounts import ServiceAccounts

SINCE = "2026-03-01T12:00:00Z"


@pytest.fixture(scope="module")
def user(archive: Archive, accounts: ServiceAccounts) -> Archive:
    client = accounts.create("USER")
    return Archive(archive.api_url, client.client_id, client.client_secret)


def word() -> str:
    return f"numbat{uuid.uuid4().hex[:10]}"


def release(client: Archive, file_id: str) -> requests.Response:
    return client.request("POST", f"/api/v1/files/{file_id}/release", json={"reason": "a false alarm"})


def infect(archive: Archive, operator: Operator, file_id: str) -> None:
    """Have the attr.json say what a scanner would, and wait until the index follows."""
    shown = archive.request("GET", f"/api/v1/files/{file_id}").json()
    key = f"{shown['storage_path']}{shown['storage_filename']}.attr.json"
    described = json.loads(operator.s3.get_object(Bucket=operator.edit_bucket, Key=key)["Body"].read())
    described["quarantine"] = {"reason": "infected", "at": SINCE}
    described["scan"] = {"status": "infected", "at": SINCE, "signature": "Eicar-Test-Signature"}
    operator.s3.put_object(Bucket=operator.edit_bucket, Key=key, Body=json.dumps(described).encode())
    eventually(lambda: status(archive, file_id) == "QUARANTINED" or None)


def status(client: Archive, file_id: str) -> str | None:
    answer = client.request("GET", f"/api/v1/files/{file_id}")
    return str(answer.json()["status"]) if answer.status_code == 200 else None


def test_what_is_infected_is_there_for_its_administrators_alone_and_for_all_once_it_is_released(
    archive: Archive, user: Archive, operator: Operator
) -> None:
    unique = word()
    content = f"invoice {unique}".encode()
    file_id = user.store(content, f"{unique}.txt")
    infect(archive, operator, file_id)

    path = f"/api/v1/files/{file_id}"
    of_user: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", path, {}),
        ("GET", f"{path}/download", {}),
        ("GET", f"{path}/versions", {}),
        ("PATCH", path, {"json": {"description": "x"}, "headers": {"If-Match": "*"}}),
        ("DELETE", path, {}),
        ("POST", f"{path}/finalize", {}),
    ]
    for method, each, arguments in of_user:
        answer = user.request(method, each, **arguments)
        assert (answer.status_code, answer.json()["code"]) == (404, "document_not_found"), each
    assert user.search(unique) == []
    assert release(user, file_id).status_code == 403
    again = user.start(content, f"{unique}.txt")
    assert again.get("duplicate_of") is None

    assert archive.search(unique) == [file_id]
    shown = archive.request("GET", path).json()
    assert shown["quarantine"]["reason"] == "infected"
    assert shown["scan"]["signature"] == "Eicar-Test-Signature"
    refused = archive.request("GET", f"{path}/download")
    assert (refused.status_code, refused.json()["code"]) == (409, "document_quarantined")

    released = release(archive, file_id)
    assert released.status_code == 200, released.text
    assert released.json()["scan"]["released_by_id"] == archive.client_id
    assert status(user, file_id) == "STORED"
    assert user.search(unique) == [file_id]
    link = user.request("GET", f"{path}/download")
    assert requests.get(link.headers["Location"], timeout=30).content == content
    assert release(archive, file_id).json() == released.json()

    def recorded() -> list[dict[str, Any]] | None:
        asked = {"object": f"file/{file_id}", "action": "document.released"}
        return archive.request("GET", "/api/v1/audit", params=asked).json()["items"] or None

    [entry] = eventually(recorded)
    assert (entry["actor"], entry["reason"]) == (archive.client_id, "a false alarm")


def test_a_scan_of_an_archive_without_a_scanner_says_so(archive: Archive) -> None:
    started = archive.request("POST", "/api/v1/maintenance/scan", json={"which": "all"})
    assert started.status_code == 202, started.text
    job = f"/api/v1/maintenance/{started.headers['Location']}"

    def ended() -> dict[str, Any] | None:
        shown: dict[str, Any] = archive.request("GET", job).json()
        return shown if shown["status"] in ("COMPLETED", "FAILED") else None

    assert eventually(ended)["error"]["code"] == "scanning_off"
