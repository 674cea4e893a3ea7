"""Two applications in one archive: neither sees the other's documents, and each knows what its own amount to."""

from __future__ import annotations

import uuid

import pytest

from tests.e2e.archive import Archive
from tests.e2e.service_accounts import ServiceAccounts, TestClient


@pytest.fixture
def space(archive: Archive) -> str:
    """A space of this test's own."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    made = archive.request("POST", "/api/v1/spaces", json={"space": name})
    assert made.status_code == 201, made.text
    return name


def acting(archive: Archive, client: TestClient) -> Archive:
    """The archive, as another client."""
    return Archive(archive.api_url, client.client_id, client.client_secret)


def test_what_one_application_stores_does_not_exist_for_the_other(
    archive: Archive, accounts: ServiceAccounts, space: str
) -> None:
    press = acting(archive, accounts.create(spaces={space: None}))
    other = acting(archive, accounts.create())
    content = uuid.uuid4().bytes
    file_id = press.store(content, "release.txt", retention_policy="temporary")

    for path in ("", "/download", "/upload", "/versions"):
        there = other.request("GET", f"/api/v1/files/{file_id}{path}")
        nowhere = other.request("GET", f"/api/v1/files/{uuid.uuid4()}{path}")
        assert (there.status_code, nowhere.status_code) == (404, 404)
        assert there.json()["code"] == nowhere.json()["code"]
    assert other.request("GET", f"/api/v1/files?space={space}").json()["items"] == []
    assert other.request("GET", f"/api/v1/usage?by=space&space={space}").json()["total"]["documents"] == 0

    shown = press.request("GET", f"/api/v1/files/{file_id}").json()
    assert shown["space"] == space
    assert [each["file_id"] for each in press.request("GET", "/api/v1/files").json()["items"]] == [file_id]
    used = press.request("GET", "/api/v1/usage?by=space").json()
    assert (used["items"][0]["key"], used["total"]["documents"], used["total"]["bytes"]) == (
        space,
        1,
        len(content),
    )


def test_a_space_is_full_and_takes_more_again_once_its_limit_is_raised(
    archive: Archive, accounts: ServiceAccounts, space: str
) -> None:
    press = acting(archive, accounts.create(spaces={space: None}))

    def limit(documents: int) -> None:
        changed = archive.request(
            "PATCH", f"/api/v1/spaces/{space}", json={"max_documents": documents}, headers={"If-Match": "*"}
        )
        assert changed.status_code == 200, changed.text

    def begin() -> int:
        document = {"filename": "a.txt", "size": 1, "sha256": "ab" * 32, "retention_policy": "temporary"}
        return press.request("POST", "/api/v1/files", json=document).status_code

    limit(1)
    assert begin() == 201
    assert begin() == 409
    limit(2)
    assert begin() == 201
