"""The hourly export, as EventBridge asks for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from artstore.audit import AuditEvent
from functions.auth import dependencies, scheduled
from tests.support.authorization.deployment import PREFIX, deployed

EXPORT = {"task": "export-audit"}


@pytest.fixture
def bucket() -> Iterator[str]:
    """A deployment with a bucket for exports and two entries."""
    with deployed(ARTSTORE_AUDIT_BUCKET="locked"):
        boto3.client("s3").create_bucket(Bucket="locked")
        write(2)
        yield "locked"


def write(count: int) -> None:
    for number in range(count):
        dependencies.audit_log().append(
            AuditEvent(
                action="service_account.changed",
                actor="sa_admin",
                object="service-account/sa_1",
                outcome="success",
                source_ip="192.0.2.1",
                request_id=f"req-{number}",
            )
        )


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_what_is_new_is_exported_and_counted(bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = scheduled.handler(EXPORT, None)
    assert (said["task"], said["entries"], said["problem"]) == ("export-audit", 2, None)
    assert [key.rpartition("/")[2] for key in said["keys"]] == ["000000000001-000000000002.jsonl"]
    metrics = next(line for line in lines_of(capsys) if "AuditProblems" in line)
    assert (metrics["AuditEntriesExported"], metrics["AuditProblems"]) == ([2.0], [0.0])
    assert scheduled.handler(EXPORT, None)["entries"] == 0
    write(1)
    assert scheduled.handler(EXPORT, None)["entries"] == 1


def test_a_broken_log_is_an_error_in_the_log_and_a_metric(
    bucket: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    client = boto3.client("dynamodb")
    key = {"log": {"S": "audit"}, "seq": {"N": "1"}}
    client.delete_item(TableName=f"{PREFIX}-audit", Key=key)
    said = scheduled.handler(EXPORT, None)
    assert (said["problem"]["seq"], said["problem"]["kind"]) == (1, "missing")
    assert [record.__dict__["problem"]["seq"] for record in caplog.records if record.levelname == "ERROR"] == [1]
    assert [line["AuditProblems"] for line in lines_of(capsys) if "AuditProblems" in line] == [[1.0]]


def test_without_a_bucket_there_is_nothing_to_do() -> None:
    with deployed():
        write(1)
        assert scheduled.handler(EXPORT, None)["reason"] == "no_bucket"
