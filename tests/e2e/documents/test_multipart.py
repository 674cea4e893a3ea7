"""Documents in parts: sent by clients that get lost, completed, proven in the background, or put in quarantine."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
from typing import Any
from uuid import uuid4

import pytest
import requests
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.e2e.archive import TIMEOUT_SECONDS, Archive, eventually, put
from tests.e2e.operator import Operator

MIB = 1024**2
READ_AT_ONCE = 32 * MIB


class Sender:
    """A client that has a file and, once it has begun, the id of its upload; nothing else survives it."""

    def __init__(self, archive: Archive, body: bytes, file_id: str | None = None, **fields: Any) -> None:
        self._archive = archive
        self._body = body
        announced = {"method": "multipart", "content_type": "application/x-film"} | fields
        self.file_id = file_id or str(archive.start(body, "film.bin", **announced)["file_id"])
        self.part_size = int(self.state()["part_size"])

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self._archive.upload_state(self.file_id)["multipart"]
        return found

    def missing(self) -> list[int]:
        state = self.state()
        there = {each["part_number"] for each in state["parts"]}
        return [number for number in range(1, state["part_count"] + 1) if number not in there]

    def bytes_of(self, number: int) -> bytes:
        return self._body[(number - 1) * self.part_size : number * self.part_size]

    def permit(self, *numbers: int) -> list[dict[str, Any]]:
        announced = [
            {
                "part_number": number,
                "size": len(self.bytes_of(number)),
                "sha256": hashlib.sha256(self.bytes_of(number)).hexdigest(),
            }
            for number in numbers
        ]
        path = f"/api/v1/files/{self.file_id}/upload/parts"
        answer = self._archive.request("POST", path, json={"parts": announced})
        assert answer.status_code == 200, answer.text
        targets: list[dict[str, Any]] = answer.json()["parts"]
        return targets

    def send(self, *numbers: int) -> None:
        for target in self.permit(*numbers):
            assert put(target, self.bytes_of(target["part_number"])).status_code == 200

    def send_all(self) -> None:
        for number in self.missing():
            self.send(number)

    def complete(self) -> requests.Response:
        return complete(self._archive, self.file_id)


def complete(archive: Archive, file_id: str) -> requests.Response:
    """Complete an upload; what takes longer than a request is asked for again, as the answer says."""

    def answer() -> requests.Response | None:
        came = archive.request("POST", f"/api/v1/files/{file_id}/upload/complete")
        return None if came.status_code == 202 else came

    return eventually(answer, 60)


def content(archive: Archive, file_id: str) -> bytes:
    path = f"/api/v1/files/{file_id}/download"
    link = archive.request("GET", path, headers={"Accept": "application/json"}).json()["url"]
    return requests.get(link, timeout=TIMEOUT_SECONDS).content


@pytest.mark.parametrize("policy", ["temporary", "permanent"])
def test_a_client_that_was_lost_goes_on_with_what_is_missing(archive: Archive, policy: str) -> None:
    body = os.urandom(25 * MIB)
    lost = Sender(archive, body, retention_policy=policy)
    numbers = lost.missing()
    assert numbers == [1, 2, 3, 4]
    random.Random(1).shuffle(numbers)
    lost.send(*numbers[:2])
    refused = lost.complete()
    assert (refused.status_code, refused.json()["code"]) == (409, "upload_incomplete")
    assert refused.json()["missing_parts"] == sorted(numbers[2:])
    another = Sender(archive, body, lost.file_id)
    assert another.missing() == sorted(numbers[2:])
    another.send_all()
    completed = another.complete()
    assert completed.status_code == 200, completed.text
    assert completed.json()["checksum"] == hashlib.sha256(body).hexdigest()
    assert completed.json()["checksum_verified"] is True
    shown = archive.request("GET", f"/api/v1/files/{lost.file_id}")
    assert shown.json() == completed.json()
    assert shown.headers["ETag"] == completed.headers["ETag"]
    assert content(archive, lost.file_id) == body
    again = another.complete()
    assert (again.status_code, again.json()) == (200, completed.json())


def test_storage_takes_no_other_bytes_for_a_part(archive: Archive) -> None:
    sender = Sender(archive, os.urandom(9 * MIB))
    first, second = sender.permit(1, 2)
    assert put(first, os.urandom(8 * MIB)).status_code == 400
    assert put(second, sender.bytes_of(2) + b"x").status_code == 403
    assert put(second, sender.bytes_of(1)).status_code == 403
    assert sender.missing() == [1, 2]


@pytest.mark.parametrize("policy", ["temporary", "permanent"])
def test_a_large_document_is_there_at_once_and_proven_in_the_background(archive: Archive, policy: str) -> None:
    body = os.urandom(READ_AT_ONCE + 1)
    sender = Sender(archive, body, retention_policy=policy)
    sender.send_all()
    completed = sender.complete()
    assert completed.status_code == 200, completed.text
    assert completed.json()["status"] == "STORED"

    def proven() -> dict[str, Any] | None:
        shown: dict[str, Any] = archive.wait_for(sender.file_id)
        return shown if shown["checksum_verified"] else None

    document = eventually(proven, 60)
    assert (document["status"], document["revision"]) == ("STORED", 2)
    assert content(archive, sender.file_id) == body


def test_a_large_object_of_another_tool_is_a_document_at_once_and_gets_its_checksum(
    archive: Archive, operator: Operator
) -> None:
    body, key = os.urandom(READ_AT_ONCE + 1), f"inbox/{uuid4().hex}.bin"
    parts = io.BytesIO(body)
    operator.s3.upload_fileobj(
        parts, operator.edit_bucket, key, Config=TransferConfig(multipart_chunksize=9 * MIB)
    )
    beside = {"Bucket": operator.edit_bucket, "Key": f"{key}.attr.json"}

    def described() -> dict[str, Any] | None:
        with contextlib.suppress(ClientError):
            found: dict[str, Any] = json.loads(operator.s3.get_object(**beside)["Body"].read())
            return found
        return None

    before = eventually(described, 60)
    file_id = before["file_id"]

    def hashed() -> dict[str, Any] | None:
        shown: dict[str, Any] = archive.wait_for(file_id)
        assert (shown["checksum"] is None) is not shown["checksum_verified"]
        return shown if shown["checksum_verified"] else None

    document = eventually(hashed, 60)
    assert document["checksum"] == hashlib.sha256(body).hexdigest()
    jobs = archive.request("GET", "/api/v1/maintenance/jobs", params={"kind": "hash"}).json()["items"]
    assert [job["state"] for job in jobs if job["object"] == f"file/{file_id}"] == ["found"]


def test_a_large_document_that_is_another_than_was_declared_is_quarantined(archive: Archive) -> None:
    body = os.urandom(READ_AT_ONCE + 1)
    word = f"quarantined{uuid4().hex}"
    sender = Sender(archive, body, sha256="ab" * 32, description=word)
    sender.send_all()
    assert sender.complete().status_code == 200

    def quarantined() -> dict[str, Any] | None:
        shown: dict[str, Any] = archive.wait_for(sender.file_id)
        return shown if shown["status"] == "QUARANTINED" else None

    document = eventually(quarantined, 60)
    assert document["quarantine"]["reason"] == "checksum_mismatch"
    assert document["checksum_verified"] is False
    refused = archive.request("GET", f"/api/v1/files/{sender.file_id}/download")
    assert (refused.status_code, refused.json()["code"]) == (409, "document_quarantined")
    assert archive.search(word) == [sender.file_id]

    def recorded() -> list[dict[str, Any]] | None:
        asked = {"object": f"file/{sender.file_id}", "action": "document.quarantined"}
        items: list[dict[str, Any]] = archive.request("GET", "/api/v1/audit", params=asked).json()["items"]
        return items or None

    [entry] = eventually(recorded, 120)
    assert (entry["reason"], entry["after"]["sha256"]) == ("checksum_mismatch", hashlib.sha256(body).hexdigest())


def test_a_small_document_that_is_another_than_was_declared_is_rejected(archive: Archive) -> None:
    sender = Sender(archive, os.urandom(9 * MIB), sha256="ab" * 32)
    sender.send_all()
    for _ in range(2):
        refused = sender.complete()
        assert (refused.status_code, refused.json()["code"]) == (409, "upload_rejected")
        assert refused.json()["reason"] == "checksum_mismatch"


def test_an_upload_that_is_given_up_takes_nothing_any_more(archive: Archive) -> None:
    sender = Sender(archive, os.urandom(9 * MIB))
    sender.send(1)
    [second] = sender.permit(2)
    for _ in range(2):
        assert archive.request("DELETE", f"/api/v1/files/{sender.file_id}/upload").status_code == 204
    assert put(second, sender.bytes_of(2)).status_code == 404
    assert archive.upload_state(sender.file_id)["status"] == "ABORTED"
    refused = sender.complete()
    assert (refused.status_code, refused.json()["code"]) == (409, "upload_over")


def test_a_put_that_arrives_after_its_upload_was_given_up_becomes_no_document(archive: Archive) -> None:
    started = archive.start(b"too late")
    assert archive.request("DELETE", f"/api/v1/files/{started['file_id']}/upload").status_code == 204
    assert put(started["upload"], b"too late").status_code == 200
    after = archive.store(b"after it")
    assert archive.request("GET", f"/api/v1/files/{after}").status_code == 200
    assert archive.request("GET", f"/api/v1/files/{started['file_id']}").status_code == 404
    assert archive.upload_state(started["file_id"])["status"] == "ABORTED"


def test_what_is_completed_is_found_by_the_very_next_search(archive: Archive) -> None:
    word = f"completed{uuid4().hex}"
    started = archive.start(word.encode())
    refused = complete(archive, started["file_id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "upload_incomplete")
    assert put(started["upload"], word.encode()).status_code == 200
    completed = complete(archive, started["file_id"])
    assert completed.status_code == 200, completed.text
    assert archive.search(word) == [started["file_id"]]
    assert archive.upload_state(started["file_id"])["status"] == "STORED"
    stored = archive.request("DELETE", f"/api/v1/files/{started['file_id']}/upload")
    assert (stored.status_code, stored.json()["code"]) == (409, "upload_over")
