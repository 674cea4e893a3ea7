"""Exports of the audit log: whole, in order, never twice, and what they prove about the log they came from."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from artstore.audit import START, AuditEvent, Link
from artstore.audit.chain import ProblemKind, verify_lines
from artstore.aws.audit_table import AuditTable
from artstore.cursors import CursorSealer
from artstore.errors import Invalid, Unavailable
from artstore.objects import ObjectStore
from functions.auth.audit import exports as audit_exports
from functions.auth.audit import reading as audit_reading
from functions.auth.audit.exports import AuditExports, export_key
from functions.auth.audit.reading import AuditReader, VerificationRequest
from tests.support.dynamodb import create_tables

BUCKET = "locked"
AT = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)


class Clock:
    now = AT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(aws: None, clock: Clock) -> AuditTable:
    create_tables("moto")
    return AuditTable("moto", clock=clock)


@pytest.fixture
def s3(aws: None) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    return client


@pytest.fixture
def exports(s3: Any, clock: Clock) -> AuditExports:
    return AuditExports(ObjectStore(s3), BUCKET, clock)


@pytest.fixture
def reader(log: AuditTable, exports: AuditExports) -> AuditReader:
    return AuditReader(log=log, cursors=CursorSealer(lambda: [b"key"]), newest_export=exports.newest)


def write(log: AuditTable, count: int) -> None:
    for number in range(count):
        log.append(
            AuditEvent(
                action="service_account.changed",
                actor="sa_admin",
                object="service-account/sa_1",
                outcome="success",
                source_ip="192.0.2.1",
                request_id=f"req-{number}",
                after={"name": f"имя {number}"},
            )
        )


def keys(s3: Any) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def lines(s3: Any) -> list[bytes]:
    return [
        line
        for key in keys(s3)
        for line in s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().splitlines(keepends=True)
    ]


def tamper(seq: int, **members: Any) -> None:
    """Change an item of the table, or remove it."""
    client = boto3.client("dynamodb")
    key = {"log": {"S": "audit"}, "seq": {"N": str(seq)}}
    item = client.get_item(TableName="moto-audit", Key=key)["Item"]
    if members:
        client.put_item(TableName="moto-audit", Item=item | members)
    else:
        client.delete_item(TableName="moto-audit", Key=key)


def test_what_is_new_is_exported_and_verifies_without_the_log(
    log: AuditTable, exports: AuditExports, s3: Any, clock: Clock
) -> None:
    write(log, 3)
    assert exports.export(log).entries == 3
    clock.now += timedelta(hours=1)
    assert exports.export(log) == audit_exports.Exported(0, [], None)
    write(log, 2)
    assert exports.export(log).keys == [export_key(4, 5, clock.now)]
    assert keys(s3) == [
        ".artstore/audit/2026/11/21/000000000001-000000000003.jsonl",
        ".artstore/audit/2026/11/22/000000000004-000000000005.jsonl",
    ]
    assert exports.newest() == log.head()
    assert verify_lines(lines(s3), START, log.head()).checked == 5


def test_an_export_carries_its_checksum_and_a_type(log: AuditTable, exports: AuditExports, s3: Any) -> None:
    write(log, 1)
    (key,) = exports.export(log).keys
    stored = s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    digest = base64.b64encode(hashlib.sha256(lines(s3)[0]).digest()).decode()
    assert (stored["ChecksumSHA256"], stored["ContentType"]) == (digest, "application/x-ndjson")


def test_nothing_is_exported_of_an_empty_log(log: AuditTable, exports: AuditExports, s3: Any) -> None:
    assert exports.export(log) == audit_exports.Exported(0, [], None)
    assert (keys(s3), exports.newest()) == ([], None)


def test_a_long_log_fills_several_files_and_several_runs(
    log: AuditTable, exports: AuditExports, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_exports, "MAX_FILE_ENTRIES", 3)
    monkeypatch.setattr(audit_exports, "MAX_FILES", 2)
    write(log, 10)
    runs = [exports.export(log).entries for _ in range(3)]
    assert runs == [6, 4, 0]
    assert keys(s3) == [export_key(first, last, AT) for first, last in ((1, 3), (4, 6), (7, 9), (10, 10))]
    assert verify_lines(lines(s3), START, log.head()).checked == 10


def test_a_file_ends_before_it_gets_too_large(
    log: AuditTable, exports: AuditExports, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_exports, "MAX_FILE_BYTES", 1000)
    write(log, 5)
    exports.export(log)
    assert len(keys(s3)) == 3
    assert verify_lines(lines(s3), START, log.head()).checked == 5


def test_a_run_that_dies_between_two_files_is_continued(
    log: AuditTable, exports: AuditExports, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_exports, "MAX_FILE_ENTRIES", 2)
    write(log, 5)
    create = ObjectStore.create
    created: list[str] = []

    def die_at_the_second(self: ObjectStore, bucket: str, key: str, *rest: Any, **named: Any) -> Any:
        created.append(key)
        if len(created) == 2:
            raise Unavailable("killed")
        return create(self, bucket, key, *rest, **named)

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "create", die_at_the_second)
        with pytest.raises(Unavailable):
            exports.export(log)
    assert exports.newest() == Link(2, log.entries(1, 1)[0].hash)
    assert exports.export(log).entries == 3
    assert verify_lines(lines(s3), START, log.head()).checked == 5


def test_two_runs_at_once_leave_an_export_that_holds_everything(
    log: AuditTable, exports: AuditExports, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(log, 2)
    with monkeypatch.context() as patched:
        patched.setattr(exports, "newest", lambda: None)
        exports.export(log)
        exports.export(log)  # the same entries: the object is there already, and stays as it is
        write(log, 1)
        exports.export(log)
    assert len(keys(s3)) == 2
    assert exports.newest() == log.head()
    write(log, 1)
    assert exports.export(log).entries == 1


def test_a_gap_in_the_days_and_a_foreign_object_are_no_obstacle(
    log: AuditTable, exports: AuditExports, s3: Any
) -> None:
    write(log, 2)
    exports.export(log)
    for name in ("2027/01/01/notes.txt", "2028/01/", "x/y/z.jsonl", "readme"):
        s3.put_object(Bucket=BUCKET, Key=f".artstore/audit/{name}", Body=b"?")
    assert exports.newest() == log.head()


def test_a_forged_export_is_not_taken_for_the_end_of_the_log(exports: AuditExports, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=export_key(1, 9, AT), Body=b'{"seq": 9}\n')
    with pytest.raises(Unavailable) as refusal:
        exports.newest()
    assert refusal.value.code == "unreadable_export"


def test_a_broken_log_is_exported_as_it_is_and_the_run_says_so(
    log: AuditTable, exports: AuditExports, s3: Any
) -> None:
    write(log, 3)
    tamper(2, actor={"S": "somebody"})
    exported = exports.export(log)
    assert exported.entries == 3
    assert exported.problem is not None
    assert (exported.problem.seq, exported.problem.kind) == (2, ProblemKind.CHANGED)
    assert b"somebody" in lines(s3)[1]


def verified(reader: AuditReader) -> tuple[int, bool, tuple[int, str] | None]:
    """Verify from beginning to end."""
    cursor, checked = None, 0
    while True:
        answer = reader.verify(VerificationRequest(cursor=cursor))
        checked += answer.checked
        if answer.next_cursor is None:
            problem = answer.problem
            return checked, answer.valid, (problem.seq, str(problem.kind)) if problem else None
        assert answer.valid
        cursor = answer.next_cursor


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 8, 100])
def test_verifying_goes_on_where_it_stopped(
    log: AuditTable, reader: AuditReader, exports: AuditExports, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_reading, "VERIFIED_AT_ONCE", at_once)
    assert verified(reader) == (0, True, None)
    write(log, 5)
    exports.export(log)
    write(log, 2)
    assert verified(reader) == (7, True, None)
    tamper(6)
    assert verified(reader) == (5, False, (6, "missing"))
    tamper(4, actor={"S": "somebody"})
    assert verified(reader) == (3, False, (4, "changed"))


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_a_tail_cut_off_after_it_was_exported_is_missed(
    log: AuditTable, reader: AuditReader, exports: AuditExports, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_reading, "VERIFIED_AT_ONCE", at_once)
    write(log, 5)
    exports.export(log)
    tamper(5)
    tamper(4)
    assert verified(reader) == (3, False, (4, "missing"))
    problem = exports.export(log).problem
    assert problem is not None
    assert (problem.seq, problem.kind) == (4, ProblemKind.MISSING)
    write(log, 2)  # grown again to the same length: other entries in the places of the lost ones
    assert verified(reader) == (4, False, (5, "forked"))


def test_a_tail_cut_off_behind_a_cursor_is_missed_without_any_export(log: AuditTable, reader: AuditReader) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(audit_reading, "VERIFIED_AT_ONCE", 3)
        write(log, 5)
        cursor = reader.verify(VerificationRequest()).next_cursor
    for seq in (5, 4, 3):
        tamper(seq)
    problem = reader.verify(VerificationRequest(cursor=cursor)).problem
    assert problem is not None
    assert (problem.seq, problem.kind) == (3, ProblemKind.MISSING)


def test_a_cursor_of_another_query_or_of_reading_is_refused(log: AuditTable, reader: AuditReader) -> None:
    write(log, 3)
    cursor = reader.list(audit_reading.AuditListQuery(limit=1)).next_cursor
    assert cursor is not None
    assert [entry.seq for entry in reader.list(audit_reading.AuditListQuery(cursor=cursor)).items] == [2, 1]
    with pytest.raises(Invalid):
        reader.list(audit_reading.AuditListQuery(cursor=cursor, actor="sa_admin"))
    with pytest.raises(Invalid):
        reader.verify(VerificationRequest(cursor=cursor))
