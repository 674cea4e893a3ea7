"""POST /api/v1/files writes the record, then permits exactly one upload."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from artstore.http.app import ArtStoreApp
from artstore.security import Principal, Scope
from functions.upload.uploads.rules import SHA256_OF_NOTHING
from tests.fakes.upload_records import MemoryRecords
from tests.support.gateway import Answer, call
from tests.support.uploading import Clock, UploadWorld

NOW = datetime(2026, 11, 21, 7, 5, 9, tzinfo=UTC)
SHA256 = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
PDF = "application/pdf"
DOCUMENT: dict[str, Any] = {
    "filename": "report.pdf",
    "size": 3,
    "sha256": SHA256,
    "content_type": "application/pdf",
}


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def world(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> UploadWorld:
    return UploadWorld(clock, monkeypatch)


@pytest.fixture
def records(world: UploadWorld) -> MemoryRecords:
    return world.records


@pytest.fixture
def app(world: UploadWorld) -> ArtStoreApp:
    return world.app


def start(app: ArtStoreApp, whose: str = "t", /, **changes: object) -> Answer:
    return call(app, "POST", "/api/v1/files", payload=DOCUMENT | changes, token=whose)


def test_the_answer_is_one_put_with_everything_signed(app: ArtStoreApp) -> None:
    answer = start(app)
    assert answer.status == 201
    assert answer.json["status"] == "PENDING"
    assert answer.headers["Location"] == f"files/{answer.json['file_id']}"
    target = answer.json["upload"]
    assert target["method"] == "PUT"
    assert target["expires_at"] == "2026-11-21T07:15:09Z"
    assert target["url"].startswith("http://127.0.0.1:4566/rw-b/docs/2026/11/21/07/report_robot_20261121T070509_")
    assert target["headers"] == {
        "Content-Length": "3",
        "Content-Type": "application/pdf",
        "If-None-Match": "*",
        "x-amz-checksum-sha256": "LCa0a2j/xo/5m0U8HTBBNBNCLXBkg7+g+YpeiGJm564=",
    }
    signed = "content-length;content-type;host;if-none-match;x-amz-checksum-sha256"
    assert parse_qs(urlsplit(target["url"]).query)["X-Amz-SignedHeaders"] == [signed]


def test_the_record_holds_what_was_meant_to_arrive(app: ArtStoreApp, records: MemoryRecords) -> None:
    file_id = start(
        app, description="d", tags=["a", "b", "a"], custom_attributes={"n": 1}, retention_policy="temporary"
    ).json["file_id"]
    record = records.kept[file_id]
    assert (record.status, record.element_id, record.bucket) == ("PENDING", "edit-01", "edit-b")
    assert record.key.endswith(f"_{file_id}.pdf")
    assert (record.size, record.sha256, record.content_type) == (3, SHA256, "application/pdf")
    assert (record.description, list(record.tags), record.custom_attributes) == ("d", ["a", "b"], {"n": 1})
    assert record.retention_policy == "temporary"
    assert record.ttl_days == 30
    assert (record.created_by_id, record.created_by_username) == ("sa_1", "robot")
    assert record.created_at == "2026-11-21T07:05:09.000Z"
    assert record.expires_at_epoch == (NOW + timedelta(seconds=600, days=30)).timestamp()


def test_documents_are_permanent_unless_said_otherwise(app: ArtStoreApp, records: MemoryRecords) -> None:
    record = records.kept[start(app).json["file_id"]]
    assert (record.retention_policy, record.element_id) == ("permanent", "rw-01")
    assert record.ttl_days is None


@pytest.mark.parametrize(("asked", "until"), [(1, "2026-11-21T07:05:10Z"), (3600, "2026-11-21T07:15:09Z")])
def test_a_url_may_be_asked_to_end_sooner_and_not_later(app: ArtStoreApp, asked: int, until: str) -> None:
    assert start(app, expires_in=asked).json["upload"]["expires_at"] == until


def test_without_a_record_no_url_is_handed_out(app: ArtStoreApp, records: MemoryRecords) -> None:
    records.down = True
    answer = start(app)
    assert answer.status == 503
    assert "url" not in answer.text


def nested(levels: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return dict(value)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"filename": ""}, "filename"),
        ({"filename": "   "}, "filename"),
        ({"filename": "a\x00b"}, "filename"),
        ({"filename": "a\nb"}, "filename"),
        ({"filename": "x" * 256}, "filename"),
        ({"size": -1}, "size"),
        ({"size": 5 * 1024**4 + 1}, "size"),
        ({"size": 1.5}, "size"),
        ({"size": "3"}, "size"),
        ({"sha256": SHA256[:-1]}, "sha256"),
        ({"sha256": SHA256 + "\n"}, "sha256"),
        ({"content_type": "pdf"}, "content_type"),
        ({"content_type": "text/plain; charset"}, "content_type"),
        ({"content_type": 'text/plain; charset="utf-8'}, "content_type"),
        ({"content_type": "text/plain;" + " ;" * 90 + "!"}, "content_type"),
        ({"content_type": "text / plain"}, "content_type"),
        ({"content_type": "текст/план"}, "content_type"),
        ({"content_type": "text/plain\r\nX: y"}, "content_type"),
        ({"retention_policy": "forever"}, "retention_policy"),
        ({"ttl_days": 5}, "ttl_days"),
        ({"tags": [""]}, "tags[0]"),
        ({"tags": ["x"] * 51}, "tags"),
        ({"description": "x" * 4001}, "description"),
        ({"custom_attributes": [1]}, "custom_attributes"),
    ],
    ids=str,
)
def test_a_wrong_field_is_400_and_named(app: ArtStoreApp, changes: dict[str, object], field: str) -> None:
    answer = start(app, **changes)
    assert (answer.status, answer.json["field"]) == (400, field)


@pytest.mark.parametrize(
    "given",
    [
        "text/plain",
        "TEXT/Plain;CHARSET=UTF-8",
        'text/plain; charset="utf-8"',
        "text/plain;  charset=utf-8 ;format=flowed",
        'multipart/related; boundary="a b"',
        r'application/x; name="a \"quoted\" one"',
        "text/plain;",
        "application/vnd.a+json; v='1'",
    ],
)
def test_a_media_type_is_taken_as_rfc_9110_writes_it_and_kept_as_it_is_given(
    app: ArtStoreApp, records: MemoryRecords, given: str
) -> None:
    answer = start(app, content_type=given)
    assert answer.status == 201
    assert answer.json["upload"]["headers"]["Content-Type"] == given
    assert records.kept[answer.json["file_id"]].content_type == given


def test_a_browser_that_knows_no_type_sends_an_empty_one(app: ArtStoreApp, records: MemoryRecords) -> None:
    assert records.kept[start(app, content_type="").json["file_id"]].content_type == "application/octet-stream"


def test_a_checksum_is_taken_in_either_case_and_kept_in_lowercase(
    app: ArtStoreApp, records: MemoryRecords
) -> None:
    answer = start(app, sha256=SHA256.upper())
    assert records.kept[answer.json["file_id"]].sha256 == SHA256
    assert answer.json["upload"]["headers"] == start(app).json["upload"]["headers"]


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"sha256": "x"}, "sha256 must be 64 hexadecimal digits, the SHA-256 of the bytes"),
        ({"content_type": "pdf"}, "content_type must be a media type as in RFC 9110"),
        ({"filename": "a\nb"}, "filename must be a name without control characters"),
        ({"retention_policy": "forever"}, "retention_policy must be one of temporary, permanent"),
        ({"tags": ["a", "b", "c", ""]}, "tags[3] must have at least 1 character"),
        ({"tags": ["x"] * 51}, "tags must have at most 50 items"),
        ({"size": "3"}, "size must be an integer, not a string"),
        ({"colour": "red"}, "colour is not known here"),
    ],
    ids=str,
)
def test_an_error_says_the_rule_in_words(app: ArtStoreApp, changes: dict[str, object], detail: str) -> None:
    answer = start(app, **changes)
    assert answer.status == 400
    assert answer.json["detail"].startswith(detail)


def repeat(app: ArtStoreApp, key: str = "key-1", whose: str = "t", /, **changes: object) -> Answer:
    headers = {"Idempotency-Key": key}
    return call(app, "POST", "/api/v1/files", payload=DOCUMENT | changes, headers=headers, token=whose)


def test_a_request_repeated_under_its_key_is_the_upload_that_was_started(
    app: ArtStoreApp, records: MemoryRecords, clock: Clock
) -> None:
    first = repeat(app)
    clock.now += timedelta(hours=2)
    again = repeat(app)
    assert (first.status, again.status) == (201, 200)
    assert first.json["file_id"] == again.json["file_id"]
    assert again.headers["Location"] == first.headers["Location"]
    before, after = (urlsplit(each.json["upload"]["url"]) for each in (first, again))
    assert before.path == after.path
    assert again.json["upload"]["expires_at"] == "2026-11-21T09:15:09Z"
    record = records.kept[first.json["file_id"]]
    assert record.expires_at == "2026-11-21T09:15:09.000Z"
    assert record.expires_at_epoch is None  # for good: the key would lead to the same id


def test_another_request_under_a_used_key_is_a_conflict(app: ArtStoreApp) -> None:
    repeat(app)
    answer = repeat(app, filename="another.pdf")
    assert (answer.status, answer.json["code"]) == (409, "idempotency_key_reused")


def test_a_key_is_its_accounts_own(app: ArtStoreApp, monkeypatch: pytest.MonkeyPatch) -> None:
    first = repeat(app)
    other = Principal("sa_2", "robot", frozenset({Scope.FILES_WRITE}))
    monkeypatch.setattr(app, "_authenticate", lambda _token: other)
    answer = repeat(app, filename="another.pdf")
    assert answer.status == 201
    assert answer.json["file_id"] != first.json["file_id"]


@pytest.mark.parametrize("status", ["STORED", "REJECTED"])
def test_what_is_over_is_told_and_not_permitted_again(
    app: ArtStoreApp, records: MemoryRecords, status: str
) -> None:
    file_id = repeat(app).json["file_id"]
    records.kept[file_id].status = status
    answer = repeat(app)
    assert (answer.status, answer.json) == (
        200,
        {"file_id": file_id, "status": status, "upload": None, "duplicate_of": None, "duplicates_checked": True},
    )


def test_bytes_that_arrive_while_a_request_is_repeated_are_not_forgotten(
    app: ArtStoreApp, records: MemoryRecords
) -> None:
    file_id = repeat(app).json["file_id"]

    def arrive() -> None:
        records.kept[file_id].status = "STORED"

    records.before_write = arrive
    assert repeat(app).json["status"] == "STORED"
    assert records.kept[file_id].status == "STORED"


@pytest.mark.parametrize("key", ["", "k" * 256, "ключ"])
def test_a_key_has_1_to_255_ascii_characters(app: ArtStoreApp, key: str) -> None:
    answer = repeat(app, key)
    assert (answer.status, answer.json["code"]) == (400, "invalid_header")


def test_custom_attributes_have_a_limit(app: ArtStoreApp) -> None:
    answer = start(app, custom_attributes={"x": "y" * 20_000})
    assert (answer.status, answer.json["code"]) == (413, "custom_attributes_too_large")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"custom_attributes": {"a": [[[[1]]]]}}, 201, None),
        ({"custom_attributes": {"p": [1] * 8000}}, 201, None),
        ({"custom_attributes": {"a": 2**63}}, 400, "custom_attributes_number"),
        ({"custom_attributes": {"a": "\0"}}, 400, "custom_attributes_nul"),
        ({"custom_attributes": nested(65)}, 400, "custom_attributes_too_deep"),
        ({"custom_attributes": nested(250)}, 400, "custom_attributes_too_deep"),
        ({"description": "a\0b"}, 400, "description_nul"),
        ({"tags": ["a\0"]}, 400, "tags_nul"),
        ({"description": "语" * 4000, "tags": [f"{number}" + "语" * 98 for number in range(50)]}, 201, None),
        (
            {"description": "\x01" * 4000, "tags": [f"{n}" + "\x02" * 98 for n in range(50)]},
            413,
            "attributes_too_large",
        ),
    ],
    ids=range(10),
)
def test_what_could_not_be_described_later_is_refused_now(
    app: ArtStoreApp, records: MemoryRecords, changes: dict[str, object], status: int, code: str | None
) -> None:
    answer = start(app, **changes)
    assert (answer.status, answer.json.get("code")) == (status, code)
    assert len(records.kept) == (status == 201)


def test_an_empty_file_and_a_cyrillic_name_are_welcome(app: ArtStoreApp, records: MemoryRecords) -> None:
    answer = start(app, filename="Договор №7.docx", size=0, sha256=SHA256_OF_NOTHING)
    assert answer.status == 201
    assert records.kept[answer.json["file_id"]].original_filename == "Договор №7.docx"


@pytest.mark.parametrize("wrong", [{"size": 0}, {"sha256": SHA256_OF_NOTHING.upper()}])
def test_a_checksum_that_no_file_of_that_size_has_is_refused_now(
    app: ArtStoreApp, records: MemoryRecords, wrong: dict[str, object]
) -> None:
    answer = start(app, **wrong)
    assert (answer.status, answer.json["code"], answer.json["field"]) == (400, "checksum_of_other_size", "sha256")
    assert records.kept == {}


def state(app: ArtStoreApp, file_id: str, whose: str = "t") -> Answer:
    return call(app, "GET", f"/api/v1/files/{file_id}/upload", "/api/v1/files/{file_id}/upload", token=whose)


def test_the_state_of_an_upload_is_shown(app: ArtStoreApp, records: MemoryRecords) -> None:
    file_id = start(app).json["file_id"]
    records.kept[file_id].status, records.kept[file_id].reason = "REJECTED", "size_mismatch"
    answer = state(app, file_id)
    assert (answer.status, answer.json["status"], answer.json["reason"]) == (200, "REJECTED", "size_mismatch")


@pytest.mark.parametrize(("seconds", "status"), [(599, "PENDING"), (600, "EXPIRED"), (86_400, "EXPIRED")])
def test_an_upload_is_expired_from_the_end_of_its_url_on(
    app: ArtStoreApp, clock: Clock, seconds: int, status: str
) -> None:
    file_id = start(app).json["file_id"]
    clock.now = NOW + timedelta(seconds=seconds)
    assert state(app, file_id).json["status"] == status


@pytest.mark.parametrize("settled", ["STORED", "REJECTED", "EXPIRED"])
def test_what_is_settled_does_not_expire(
    app: ArtStoreApp, records: MemoryRecords, clock: Clock, settled: str
) -> None:
    file_id = start(app).json["file_id"]
    records.kept[file_id].status = settled
    clock.now = NOW + timedelta(days=1)
    assert state(app, file_id).json["status"] == settled


def test_an_upload_nobody_started_is_404(app: ArtStoreApp) -> None:
    url = "/api/v1/files/7f1d7b5e-1c1f-4b62-9d8c-3f1f0e7f9a11/upload"
    answer = call(app, "GET", url, "/api/v1/files/{file_id}/upload", token="t")
    assert (answer.status, answer.json["code"]) == (404, "upload_not_found")


@pytest.mark.parametrize(
    ("token", "named", "space"),
    [
        ("t", None, None),
        ("t", "default", None),
        ("press", None, "press"),
        ("press,legal", "legal", "legal"),
        ("press,default", None, None),
        ("*", None, None),
        ("*", "press", "press"),
    ],
)
def test_a_document_goes_where_it_is_said_or_to_the_callers_only_space_or_to_the_default_one(
    app: ArtStoreApp, records: MemoryRecords, token: str, named: str | None, space: str | None
) -> None:
    answer = start(app, token, **({} if named is None else {"space": named}))
    assert answer.status == 201
    assert records.kept[answer.json["file_id"]].space == space


@pytest.mark.parametrize(("token", "named"), [("t", "press"), ("press", "default"), ("press,legal", None)])
def test_where_the_caller_may_not_write_no_space_is_found(
    app: ArtStoreApp, records: MemoryRecords, token: str, named: str | None
) -> None:
    answer = start(app, token, **({} if named is None else {"space": named}))
    assert (answer.status, answer.json["code"]) == (404, "space_not_found")
    assert not records.kept


def test_an_upload_of_another_space_is_404_like_one_nobody_started(app: ArtStoreApp) -> None:
    file_id = start(app, "press").json["file_id"]
    assert state(app, file_id, "press").status == 200
    there, nowhere = state(app, file_id), state(app, "7f1d7b5e-1c1f-4b62-9d8c-3f1f0e7f9a11")
    assert (there.status, there.json["code"]) == (404, "upload_not_found")
    assert there.json == nowhere.json


def test_a_repeated_request_gives_no_url_into_a_space_that_was_taken_from_the_caller(app: ArtStoreApp) -> None:
    assert repeat(app, "key-1", "press").status == 201
    answer = repeat(app, "key-1", "legal")
    assert (answer.status, answer.json["code"]) == (404, "space_not_found")
    assert "url" not in answer.text
