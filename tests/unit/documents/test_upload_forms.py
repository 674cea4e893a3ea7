"""A form permits exactly one file, and says all that is sent with it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from functions.upload.uploads.rules import SHA256_OF_NOTHING
from tests.support.uploading import Clock, UploadWorld

NOW = datetime(2026, 11, 21, 7, 5, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def world(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> UploadWorld:
    return UploadWorld(clock, monkeypatch)


def policy(fields: dict[str, str]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(base64.b64decode(fields["policy"]))
    return read


def test_a_form_has_every_field_that_a_browser_sends(world: UploadWorld) -> None:
    answer = world.start(method="form")
    target = answer.json["upload"]
    assert (answer.status, target["method"], target["headers"]) == (201, "POST", {})
    assert target["url"] == "http://127.0.0.1:4566/rw-b/"
    assert target["expires_at"] == "2026-11-21T07:15:09Z"
    fields = target["fields"]
    assert fields["key"].startswith("docs/2026/11/21/07/report_robot_20261121T070509_")
    assert fields["Content-Type"] == "application/pdf"
    assert fields["x-amz-checksum-sha256"] == "LCa0a2j/xo/5m0U8HTBBNBNCLXBkg7+g+YpeiGJm564="
    assert fields["success_action_status"] == "201"
    assert {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "policy", "x-amz-signature"} < set(fields)
    assert world.records.kept[answer.json["file_id"]].kind == "form"


def test_the_policy_holds_each_field_to_its_value_and_the_file_to_its_size(world: UploadWorld) -> None:
    fields = world.start(method="form", content_type="text/plain; charset=utf-8").json["upload"]["fields"]
    stated = policy(fields)
    assert stated["expiration"] == "2026-11-21T07:15:09.000Z"
    conditions = stated["conditions"]
    assert {"bucket": "rw-b"} in conditions
    assert ["content-length-range", 3, 3] in conditions
    exact = {name: value for each in conditions if isinstance(each, dict) for name, value in each.items()}
    assert exact == {"bucket": "rw-b"} | {
        name: value for name, value in fields.items() if name not in ("policy", "x-amz-signature")
    }


def test_a_form_is_signed_as_botocore_signs_it(world: UploadWorld) -> None:
    fields = world.start(method="form").json["upload"]["fields"]
    signing_key = SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), "s3", "eu-north-1")
    request = AWSRequest()
    request.context["timestamp"] = fields["x-amz-date"]
    assert fields["x-amz-signature"] == signing_key.signature(fields["policy"], request)


def test_a_name_that_storage_would_replace_does_not_get_into_the_key(world: UploadWorld) -> None:
    answer = world.start(method="form", filename="${filename}.pdf")
    assert answer.status == 201
    assert "${" not in answer.json["upload"]["fields"]["key"]
    assert world.records.kept[answer.json["file_id"]].original_filename == "${filename}.pdf"


def test_an_empty_file_can_come_by_a_form(world: UploadWorld) -> None:
    fields = world.start(method="form", size=0, sha256=SHA256_OF_NOTHING).json["upload"]["fields"]
    assert ["content-length-range", 0, 0] in policy(fields)["conditions"]


@pytest.mark.parametrize("method", ["put", "form"])
def test_what_is_too_large_for_one_request_is_refused(world: UploadWorld, method: str) -> None:
    answer = world.start(method=method, size=5 * 1024**3 + 1)
    assert (answer.status, answer.json["code"], answer.json["field"]) == (413, "too_large_for_method", "size")
    assert world.start(method=method, size=5 * 1024**3).status == 201


def test_a_form_is_renewed_as_a_form(world: UploadWorld, clock: Clock) -> None:
    first = world.start(method="form").json
    clock.pass_(hours=1)
    again = world.renew(first["file_id"]).json
    assert again["upload"]["method"] == "POST"
    assert again["upload"]["fields"]["key"] == first["upload"]["fields"]["key"]
    assert again["upload"]["expires_at"] == "2026-11-21T08:15:09Z"
