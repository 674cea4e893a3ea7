"""What a user sees after other tools have touched the buckets: always what lies there, and one document a time."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

import pytest
import requests

from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator
from tests.e2e.storage_events.test_events import await_drained


class Tool:
    """An S3 tool in one bucket, and the archive that is watched."""

    def __init__(self, archive: Archive, operator: Operator) -> None:
        self.archive = archive
        self.s3 = operator.s3
        self.operator = operator
        self.bucket = operator.edit_bucket
        self.word = f"tool{uuid.uuid4().hex[:8]}"
        self.key = f"inbox {self.word}/{self.word}.txt"

    def put(self, body: bytes, key: str | None = None) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key or self.key, Body=body, ContentType="text/plain")

    def delete(self, *keys: str) -> None:
        for key in keys:
            self.s3.delete_object(Bucket=self.bucket, Key=key)

    def copy(self, key: str, to: str) -> None:
        self.s3.copy_object(Bucket=self.bucket, Key=to, CopySource={"Bucket": self.bucket, "Key": key})

    def attributes(self, key: str | None = None) -> dict[str, Any]:
        answer = self.s3.get_object(Bucket=self.bucket, Key=f"{key or self.key}.attr.json")
        found: dict[str, Any] = json.loads(answer["Body"].read())
        return found

    def found(self, query: str | None = None) -> list[str]:
        return self.archive.search(query or self.word)

    def arrives(self, query: str | None = None) -> str:
        """Wait until one document is found, and give its id."""
        [file_id] = eventually(lambda: self.found(query) or None)
        return file_id

    def vanishes(self, query: str | None = None) -> None:
        eventually(lambda: self.found(query) == [] or None)

    def show(self, file_id: str) -> dict[str, Any]:
        document: dict[str, Any] = self.archive.request("GET", f"/api/v1/files/{file_id}").json()
        return document

    def download(self, file_id: str) -> bytes:
        redirect = self.archive.request("GET", f"/api/v1/files/{file_id}/download")
        assert redirect.status_code == 307, redirect.text
        return requests.get(redirect.headers["Location"], timeout=30).content


@pytest.fixture
def tool(archive: Archive, operator: Operator) -> Tool:
    return Tool(archive, operator)


def test_an_object_that_comes_back_under_a_deleted_ones_key_is_found_again(tool: Tool) -> None:
    tool.put(b"monday")
    tool.arrives()
    tool.delete(f"{tool.key}.attr.json", tool.key)
    tool.vanishes()
    tool.put(b"tuesday")
    assert tool.download(tool.arrives()) == b"tuesday"


def test_an_attr_json_that_is_put_back_is_shown_and_so_is_an_older_one(tool: Tool) -> None:
    tool.put(b"monday")
    file_id = tool.arrives()
    saved = tool.attributes()
    for revision in (1, 7, 0):
        tool.delete(f"{tool.key}.attr.json")
        tool.vanishes()
        tool.put(json.dumps(saved | {"revision": revision}).encode(), f"{tool.key}.attr.json")
        assert tool.arrives() == file_id
        assert tool.show(file_id)["revision"] == revision


def test_an_object_that_is_overwritten_is_described_anew_and_stays_its_owners(
    archive: Archive, tool: Tool
) -> None:
    file_id = archive.store(f"draft{tool.word}".encode(), f"{tool.word}.txt", description="kept", tags=["kept"])
    before = tool.show(file_id)
    body = f"final{tool.word}, and longer".encode()
    tool.put(body, before["storage_path"] + before["storage_filename"])
    assert tool.arrives(f"final{tool.word}") == file_id
    after = tool.show(file_id)
    assert (after["file_size"], after["checksum"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert after["revision"] == before["revision"] + 1
    for name in ("created_by_id", "created_at", "original_filename", "description", "tags", "retention"):
        assert after[name] == before[name]
    assert tool.found(f"draft{tool.word}") == []
    assert tool.download(file_id) == body


def test_a_document_whose_object_is_gone_is_missing_and_is_stored_again_when_it_returns(tool: Tool) -> None:
    tool.put(b"monday")
    file_id = tool.arrives()
    tool.delete(tool.key)
    eventually(lambda: tool.show(file_id)["status"] == "MISSING" or None)
    assert tool.found() == [file_id]
    answer = tool.archive.request("GET", f"/api/v1/files/{file_id}/download")
    assert (answer.status_code, answer.json()["code"]) == (410, "document_missing")
    tool.put(b"monday")
    eventually(lambda: tool.show(file_id)["status"] == "STORED" or None)
    assert tool.download(file_id) == b"monday"


def test_a_copy_leaves_one_document_and_takes_over_when_the_original_goes(tool: Tool) -> None:
    tool.put(b"monday")
    file_id = tool.arrives()
    copy = f"backup {tool.word}/{tool.word}.txt"
    tool.copy(f"{tool.key}.attr.json", f"{copy}.attr.json")
    tool.copy(tool.key, copy)
    await_drained(tool.operator)
    assert tool.found() == [file_id]
    tool.delete(tool.key, f"{tool.key}.attr.json")
    await_drained(tool.operator)
    assert tool.found() == [file_id]
    assert tool.download(file_id) == b"monday"


@pytest.mark.parametrize("first", ["", ".attr.json"], ids=["object first", "attr.json first"])
def test_a_document_that_moves_is_one_document_at_its_new_place(tool: Tool, first: str) -> None:
    tool.put(b"monday")
    file_id = tool.arrives()
    new = f"moved {tool.word}/{tool.word}.txt"
    for suffix in (first, ".attr.json" if first == "" else ""):
        tool.copy(tool.key + suffix, new + suffix)
        tool.delete(tool.key + suffix)
    await_drained(tool.operator)
    assert tool.found() == [file_id]
    assert tool.show(file_id)["status"] == "STORED"
    assert tool.download(file_id) == b"monday"


def test_a_foreign_version_over_a_permanent_document_is_not_served(archive: Archive, operator: Operator) -> None:
    tool = Tool(archive, operator)
    file_id = archive.store(b"as verified", f"{tool.word}.txt", retention_policy="permanent")
    document = tool.show(file_id)
    key = document["storage_path"] + document["storage_filename"]
    operator.s3.put_object(Bucket=operator.rw_bucket, Key=key, Body=b"foreign")
    await_drained(operator)
    assert tool.show(file_id) == document
    assert tool.download(file_id) == b"as verified"


@pytest.mark.parametrize(
    ("name", "encoding", "is_shown"),
    [
        ("saved by an editor", "utf-8-sig", True),
        ("saved by another", "utf-16", True),
        ("revision", "utf-8", False),
        ("depth", "utf-8", False),
    ],
)
def test_an_edit_by_hand_is_shown_or_told_and_never_tried_again(
    tool: Tool, name: str, encoding: str, is_shown: bool
) -> None:
    tool.put(b"monday")
    file_id = tool.arrives()
    good = tool.attributes()
    deep: Any = 1
    for _ in range(600):
        deep = {"a": deep}
    changes = {"revision": {"revision": 2**63}, "depth": {"custom_attributes": deep}}.get(name, {})
    text = json.dumps(good | {"description": "byhand"} | changes)
    tool.put(text.encode(encoding), f"{tool.key}.attr.json")
    await_drained(tool.operator)
    answer = tool.archive.request("GET", f"/api/v1/files/{file_id}")
    assert answer.status_code == (200 if is_shown else 404)
    tool.put(json.dumps(good | {"description": "mended"}).encode(), f"{tool.key}.attr.json")
    eventually(lambda: tool.found(f"{tool.word} mended") or None)


def test_custom_attributes_within_their_limit_are_stored_or_refused_at_once(archive: Archive) -> None:
    for custom in ({"p": [1] * 8000}, {"xy": [[1, 2]] * 2600}):
        file_id = archive.store(b"x", custom_attributes=custom)
        assert archive.request("GET", f"/api/v1/files/{file_id}").json()["custom_attributes"] == custom


def test_a_key_that_leaves_no_room_for_an_attr_json_is_an_outcome(tool: Tool) -> None:
    tool.put(tool.word.encode(), f"{tool.word}/".ljust(1024, "x"))
    tool.put(tool.word.encode(), f"{tool.word}/".ljust(1014, "x"))
    await_drained(tool.operator)
    assert len(tool.found()) == 1
