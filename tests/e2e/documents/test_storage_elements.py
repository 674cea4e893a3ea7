"""Storage elements through the API, and what storage itself refuses.

Each element of these tests takes documents of one media type that nobody else sends, so that no other test's
documents come to lie in it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.e2e.archive import Archive, eventually, put
from tests.e2e.operator import Operator

ELEMENTS = "/api/v1/storage-elements"
CACHED_SECONDS = 40
"""Ten seconds, and what a busy machine adds."""
CHANGED_SECONDS = 180


class Element:
    """A storage element of a test's own."""

    def __init__(self, archive: Archive, operator: Operator, mode: str) -> None:
        self.archive = archive
        self.operator = operator
        self.id = f"test-{uuid.uuid4().hex[:10]}"
        self.prefix = f"{self.id}/"
        self.type = f"application/x-{self.id}"
        self.retention = "temporary" if mode == "edit" else "permanent"
        request = {
            "element_id": self.id,
            "mode": mode,
            "prefix": self.prefix,
            "priority": 0,
            "capacity_bytes": 10**15,
            "limits": {"allowed_types": [self.type]},
        }
        answer = archive.request("POST", ELEMENTS, json=request)
        assert answer.status_code == 201, answer.text
        eventually(lambda: self.prefix in self.start(b"probe")["upload"]["url"] or None, CACHED_SECONDS)

    def start(self, content: bytes) -> dict[str, Any]:
        return self.archive.start(content, content_type=self.type, retention_policy=self.retention)

    def store(self, content: bytes) -> str:
        def attempt() -> dict[str, Any] | None:
            started = self.start(content)
            return started if self.prefix in started["upload"]["url"] else None

        started = eventually(attempt, CACHED_SECONDS)
        assert put(started["upload"], content).status_code == 200
        self.archive.wait_for(started["file_id"])
        return str(started["file_id"])

    def show(self) -> dict[str, Any]:
        answer = self.archive.request("GET", f"{ELEMENTS}/{self.id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def change_mode(self, mode: str) -> None:
        answer = self.archive.request("POST", f"{ELEMENTS}/{self.id}/mode", json={"mode": mode})
        assert answer.status_code == 202, answer.text
        assert answer.json()["transition"]["to"] == mode

        def changed() -> bool | None:
            tend(self.operator)
            return self.show()["mode"] == mode or None

        eventually(changed, CHANGED_SECONDS)


@pytest.fixture(scope="module")
def element(archive: Archive, operator: Operator) -> Callable[[str], Element]:
    return lambda mode: Element(archive, operator, mode)


def invoke(operator: Operator, function: str, task: str) -> dict[str, Any]:
    """Do now what the clock does soon."""
    answer = operator.functions.invoke(
        FunctionName=operator.function_names[function], Payload=json.dumps({"task": task})
    )
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    outcome: dict[str, Any] = said
    return outcome


def tend(operator: Operator) -> dict[str, Any]:
    return invoke(operator, "maintenance-worker", "tend-elements")


without_policies = pytest.mark.lacking("localstack", "bucket policies are stored and not enforced", harmful=True)


@without_policies
def test_a_mode_change_is_enforced_by_storage_itself(
    archive: Archive, operator: Operator, element: Callable[[str], Element]
) -> None:
    """A URL that was signed before is refused; what had arrived is there; nothing can be made undone."""
    closing = element("rw")
    kept = closing.store(b"kept for good")
    late = eventually(lambda: closing_start(closing), CACHED_SECONDS)
    closing.change_mode("ro")

    refused = put(late["upload"], b"too late")
    assert refused.status_code == 403, refused.text
    assert archive.request("GET", f"/api/v1/files/{late['file_id']}").status_code == 404
    assert archive.request("GET", f"/api/v1/files/{kept}").json()["status"] == "STORED"
    link = archive.request("GET", f"/api/v1/files/{kept}/download", headers={"Accept": "application/json"})
    assert requests.get(link.json()["url"], timeout=30).content == b"kept for good"

    audit = archive.request("GET", "/api/v1/audit", params={"object": f"storage-element/{closing.id}"}).json()
    assert [each["action"] for each in audit["items"]] == [
        "storage_element.mode_changed",
        "storage_element.mode_change_requested",
        "storage_element.created",
    ]
    back = archive.request("POST", f"{ELEMENTS}/{closing.id}/mode", json={"mode": "ro"})
    assert (back.status_code, back.json()["code"]) == (409, "mode_change_not_allowed")

    # A deployment, or a mistake, that puts the bucket's policy back is made good by the guard.
    policy = json.loads(operator.s3.get_bucket_policy(Bucket=operator.rw_bucket)["Policy"])
    stripped = [one for one in policy["Statement"] if not one.get("Sid", "").startswith("ArtStore")]
    operator.s3.put_bucket_policy(Bucket=operator.rw_bucket, Policy=json.dumps({**policy, "Statement": stripped}))
    invoke(operator, "storage-guard", "guard-storage")
    again = put(late["upload"], b"too late")
    assert again.status_code == 403, again.text

    keep_a_rule_of_another_s(operator)
    closing.change_mode("ar")
    rules = operator.s3.get_bucket_lifecycle_configuration(Bucket=operator.rw_bucket)["Rules"]
    [archiving] = [one for one in rules if one["ID"].endswith(closing.id)]
    assert archiving["Transitions"][0]["StorageClass"] == "GLACIER"
    assert archiving["Filter"]["And"]["Prefix"] == closing.prefix
    assert any("AbortIncompleteMultipartUpload" in one for one in rules), "rules of others stay"
    assert archive.request("GET", f"/api/v1/files/{kept}").status_code == 200


def keep_a_rule_of_another_s(operator: Operator) -> None:
    """Have the bucket keep the template's rule, which not every emulator makes."""
    rule = {
        "ID": "abort-stale-multiparts",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    try:
        rules = operator.s3.get_bucket_lifecycle_configuration(Bucket=operator.rw_bucket)["Rules"]
    except ClientError:
        rules = []
    if not any(one["ID"] == rule["ID"] for one in rules):
        operator.s3.put_bucket_lifecycle_configuration(
            Bucket=operator.rw_bucket, LifecycleConfiguration={"Rules": [*rules, rule]}
        )


def closing_start(closing: Element) -> dict[str, Any] | None:
    started = closing.start(b"too late")
    return started if closing.prefix in started["upload"]["url"] else None


def test_use_is_counted_and_corrected(
    archive: Archive, operator: Operator, element: Callable[[str], Element]
) -> None:
    counted = element("edit")
    content = b"twelve bytes"
    counted.store(content)

    def is_counted() -> bool | None:
        tend(operator)
        return counted.show()["file_count"] == 1 or None

    eventually(is_counted)
    assert counted.show()["used_bytes"] == len(content)
    assert counted.show()["fill"] == "OK"

    answer = archive.request("POST", "/api/v1/maintenance/reconcile", json={"element_id": counted.id})
    assert answer.status_code == 202, answer.text

    def report() -> dict[str, Any] | None:
        job = archive.request("GET", f"/api/v1/maintenance/jobs/{answer.json()['job_id']}").json()
        return job if job["status"] == "COMPLETED" else None

    [found] = eventually(report, 90)["result"]["elements"]
    assert (found["stored"]["objects"], found["stored"]["attributes"]) == (1, 1)
    assert found["indexed"] == {"documents": 1, "bytes": len(content)}
    assert found["bytes_beyond_documents"] > 0, "the attr.json takes room, too"
    tend(operator)
    assert counted.show()["used_bytes"] == found["stored"]["bytes"]


def test_an_element_is_made_changed_and_unmade(archive: Archive, element: Callable[[str], Element]) -> None:
    mine = element("edit")
    path = f"{ELEMENTS}/{mine.id}"
    shown = archive.request("GET", path)
    assert shown.json()["prefix"] == mine.prefix
    assert archive.request("PATCH", path, json={"status": "PAUSED"}).status_code == 428
    etag = {"If-Match": shown.headers["ETag"]}
    assert archive.request("PATCH", path, json={"status": "PAUSED"}, headers=etag).status_code == 200
    assert archive.request("PATCH", path, json={"priority": 1}, headers=etag).status_code == 412
    assert archive.request("DELETE", path).status_code == 204
    assert archive.request("GET", path).status_code == 404
    assert mine.id not in [one["element_id"] for one in archive.request("GET", ELEMENTS).json()["items"]]


def test_a_reader_sees_what_there_is_and_not_where(archive: Archive) -> None:
    reader = archive.session("files:read")
    items = reader.get(archive.api_url + ELEMENTS, timeout=30).json()["items"]
    assert {"rw-01", "edit-01"} <= {one["element_id"] for one in items}
    hidden = {"bucket", "prefix", "health", "used_bytes", "file_count", "fill"}
    assert not any(hidden & set(one) for one in items)
    refused = reader.post(archive.api_url + ELEMENTS, json={}, timeout=30)
    assert refused.status_code == 403


@without_policies
def test_archived_bytes_are_asked_back_shown_on_their_way_and_downloaded(
    archive: Archive, operator: Operator, element: Callable[[str], Element]
) -> None:
    cold = element("rw")
    key, content = f"{cold.prefix}cold-{cold.id}.txt", b"bytes that lie in the archive"
    where = {"Bucket": operator.rw_bucket, "Key": key}
    sent = where | {"Body": content, "ContentType": "text/plain", "StorageClass": "GLACIER"}
    operator.s3.put_object(**sent, ChecksumAlgorithm="SHA256")
    [file_id] = eventually(lambda: archive.search(f"cold-{cold.id}") or None)
    cold.change_mode("ro")
    cold.change_mode("ar")
    path = f"/api/v1/files/{file_id}"

    def download() -> requests.Response:
        return archive.request("GET", f"{path}/download", headers={"Accept": "application/json"})

    def refused_or_closed() -> requests.Response | None:
        answer = download()
        return answer if answer.status_code == 409 else None

    refused = eventually(refused_or_closed, CACHED_SECONDS)
    assert refused.json()["code"] == "archived"
    before = archive.request("GET", path)
    assert before.json()["restore"] is None
    asked = archive.request("POST", f"{path}/restore", json={"days": 3, "tier": "Bulk"})
    assert (asked.status_code, asked.json()["status"]) in ((202, "restoring"), (200, "readable"))  # there at once
    shown = archive.request("GET", path)
    if shown.json()["restore"]["status"] == "in_progress":  # not over already
        assert shown.headers["ETag"] != before.headers["ETag"]
        assert download().status_code == 409
    again = archive.request("POST", f"{path}/restore", json={"days": 3})
    assert again.status_code in (200, 202)

    def restored() -> dict[str, Any] | None:
        found: dict[str, Any] = archive.request("GET", path).json()["restore"]
        return found if found["status"] == "restored" else None

    until = eventually(restored)["until"]
    assert requests.get(download().json()["url"], timeout=30).content == content
    there = archive.request("POST", f"{path}/restore", json={"days": 1})
    assert (there.status_code, there.json()) == (200, {"status": "readable", "restored_until": until})
    longer = archive.request("POST", f"{path}/restore", json={"days": 30})
    assert longer.status_code == 200
    assert longer.json()["restored_until"] > until
    wrong = archive.request("POST", f"{path}/restore", json={"days": 3, "tier": "Express"})
    assert (wrong.status_code, wrong.json()["field"]) == (400, "tier")
