"""The functions' logs tell each request once, and never a token, a secret or a presigned URL."""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import Any

import pytest

from infra.local.commands.logs import log_groups_of
from infra.local.state import StackFile
from tests.e2e.archive import Archive, eventually, put
from tests.e2e.operator import Operator

SECRETS = re.compile(
    r"eyJ[\w-]{10,}\.|X-Amz-Signature|Authorization(?!-server)|client_secret|BEGIN (RSA )?PRIVATE", re.IGNORECASE
)


def lines_of(operator: Operator, function: str, since: float = 0) -> list[str]:
    """Give every line that a function has logged since a moment (epoch seconds)."""
    lines: list[str] = []
    for group in log_groups_of(operator.logs, operator.function_names[function]):
        asked = {"logGroupName": group, "startTime": int(since * 1000)}
        for page in operator.logs.get_paginator("filter_log_events").paginate(**asked):
            lines += [line for event in page["events"] for line in event["message"].splitlines()]
    return lines


def requests_in(lines: list[str]) -> list[dict[str, Any]]:
    parsed = [json.loads(line) for line in lines if line.startswith("{")]
    return [line for line in parsed if line.get("message") == "request"]


@pytest.mark.parametrize("function", ["auth", "upload", "query", "storage-events", "auth-bootstrap"])
def test_no_line_holds_a_token_a_secret_or_a_presigned_url(
    archive: Archive, operator: Operator, stack: StackFile, function: str
) -> None:
    started = archive.start(b"to be logged")
    put(started["upload"], b"to be logged")
    archive.wait_for(started["file_id"])
    archive.request("GET", f"/api/v1/files/{started['file_id']}/download")
    archive.anonymous(
        "POST", "/api/v1/auth/token", data={"grant_type": "x"}, auth=(archive.client_id, "wrong-secret")
    )
    lines = lines_of(operator, function)
    assert function == "auth-bootstrap" or lines, "the function has logged something"
    for line in lines:
        assert not SECRETS.search(line)
        assert stack.client_secret not in line
        assert stack.database_url not in line
        assert "wrong-secret" not in line


def test_a_request_is_one_line_with_its_id_client_operation_status_and_time(
    archive: Archive, operator: Operator
) -> None:
    begun = time.time() - 1
    answer = archive.request("GET", f"/api/v1/files/{uuid.uuid4()}")

    def logged() -> dict[str, Any] | None:
        found = [
            line
            for line in requests_in(lines_of(operator, "query", begun))
            if line["request_id"] == answer.headers["X-Request-Id"]
        ]
        assert len(found) < 2
        return found[0] if found else None

    line = eventually(logged)
    assert (line["client_id"], line["operation"], line["status"]) == (archive.client_id, "show_document", 404)
    assert line["code"] == "document_not_found"
    assert line["milliseconds"] > 0
