"""Retention schedules over their routes, on real tables and a real index: named, due, decided."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest

from artstore import attributes as attr
from artstore.attributes import Retention
from artstore.aws.audit_table import AuditTable
from artstore.aws.job_table import JobTable
from artstore.http import create_app
from artstore.http.app import ArtStoreApp
from artstore.index.postgres import PostgresIndex
from artstore.security import Principal, Scope
from artstore.tables import UploadRecord, bind
from functions.upload import app as upload
from functions.upload.documents import app as documents
from functions.upload.retention import due
from tests.fakes.documents import make_attributes, make_projection
from tests.support.gateway import Answer, call
from tests.support.walk import PREFIX, walking

ALL = frozenset(map(str, Scope))
WRITER = frozenset({"files:read", "files:write"})
CALLERS = {
    "root": Principal("sa_root", "root", ALL, {"*": ALL}),
    "chief": Principal("sa_chief", "chief", ALL, {"press": ALL}),
    "writer": Principal("sa_writer", "writer", WRITER),
}
ENDPOINTS = (*documents.ENDPOINTS, *upload.ENDPOINTS)
PATHS = sorted({each.path for each in ENDPOINTS}, key=len, reverse=True)
TAX = {"name": "tax", "period": "P10Y", "trigger": "created", "action": "delete"}


@pytest.fixture
def app(
    aws: None, postgres_index: PostgresIndex, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ArtStoreApp]:
    with walking(postgres_index, database_url, monkeypatch):
        yield create_app("retention", ENDPOINTS, CALLERS.__getitem__)


def ask(
    app: ArtStoreApp, method: str, path: str, payload: object = None, by: str = "root", **headers: str
) -> Answer:
    bare = path.partition("?")[0].split("/")
    resource = next(
        each
        for each in PATHS
        if len(parts := each.split("/")) == len(bare)
        and all(part.startswith("{") or part == given for part, given in zip(parts, bare, strict=True))
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(app, method, path, resource, token=by, headers=named, payload=payload)


def schedules(app: ArtStoreApp, method: str, path: str = "", payload: object = None, **named: str) -> Answer:
    return ask(app, method, f"/api/v1/retention-schedules{path}", payload, **named)


def put(index: PostgresIndex, days: float, bucket: str = "edit", **said: Any) -> UUID:
    """Put a document that is so old into bucket and index."""
    retention = said.pop("retention", {"policy": "permanent", "schedule": "tax"})
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)
    told = {"file_id": uuid4(), "created_at": at, "updated_at": at, "of": b"x", **said}
    described = make_attributes(retention=Retention(**retention), **told)
    s3: Any = boto3.client("s3")
    key = described.storage_path + described.storage_filename
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    etag = s3.put_object(Bucket=bucket, Key=key + ".attr.json", Body=attr.dump(described))["ETag"]
    values = {name: getattr(described, name) for name in described.__struct_fields__}
    index.project(make_projection(key=key, etag=etag, bucket=bucket, **values))
    return described.file_id


def test_a_schedule_is_made_shown_changed_and_deleted_and_each_act_is_audited(app: ArtStoreApp) -> None:
    made = schedules(app, "POST", payload=TAX)
    assert (made.status, made.headers["Location"], made.headers["ETag"]) == (201, "retention-schedules/tax", '"1"')
    assert (made.json["period"], made.json["automatic"], made.json["revision"]) == ("P10Y", False, 1)
    assert schedules(app, "GET", "/tax", by="writer").json == made.json
    assert [each["name"] for each in schedules(app, "GET", by="writer").json["items"]] == ["tax"]
    assert schedules(app, "PATCH", "/tax", {"period": "P6Y"}).status == 428
    changed = schedules(app, "PATCH", "/tax", {"period": "P6Y", "description": "law 12"}, If_Match='"1"')
    assert (changed.status, changed.headers["ETag"], changed.json["period"]) == (200, '"2"', "P6Y")
    assert schedules(app, "PATCH", "/tax", {"period": "P7Y"}, If_Match='"1"').status == 412
    assert schedules(app, "DELETE", "/tax", If_Match='"1"').status == 412
    assert schedules(app, "DELETE", "/tax", If_Match='"2"').status == 204
    assert schedules(app, "GET", "/tax").json["code"] == "schedule_not_found"
    told = [(each.action, each.object, each.outcome) for each in AuditTable(PREFIX).entries(0, 10)]
    about = "retention-schedule/tax"
    assert told == [(f"retention_schedule.{verb}", about, "success") for verb in ("created", "updated", "deleted")]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"period": "ten years"}, "invalid_body"),
        ({"period": "PT5M"}, "invalid_body"),
        ({"trigger": "attribute:"}, "invalid_body"),
        ({"trigger": "someday"}, "invalid_body"),
        ({"action": "burn"}, "invalid_body"),
        ({"name": "Tax"}, "invalid_body"),
        ({"colour": "red"}, "invalid_body"),
        ({"action": "review", "automatic": True}, "automatic_without_delete"),
    ],
)
def test_what_is_no_schedule_is_refused(app: ArtStoreApp, said: dict[str, Any], code: str) -> None:
    refused = schedules(app, "POST", payload=TAX | said)
    assert (refused.status, refused.json["code"]) == (400, code)


def test_making_one_again_meets_the_first_under_the_same_key_alone(app: ArtStoreApp) -> None:
    assert schedules(app, "POST", payload=TAX, Idempotency_Key="k1").status == 201
    assert schedules(app, "POST", payload=TAX, Idempotency_Key="k1").status == 200
    assert schedules(app, "POST", payload=TAX).json["code"] == "schedule_exists"
    assert schedules(app, "POST", payload=TAX | {"period": "P1Y"}, Idempotency_Key="k1").status == 409


def test_only_who_sees_every_space_administers_schedules(app: ArtStoreApp) -> None:
    assert schedules(app, "POST", payload=TAX, by="chief").json["code"] == "exceeds_own_spaces"
    assert schedules(app, "POST", payload=TAX, by="writer").json["code"] == "insufficient_scope"
    schedules(app, "POST", payload=TAX)
    assert schedules(app, "DELETE", "/tax", by="chief").status == 403
    assert schedules(app, "PATCH", "/tax", {"period": "P1Y"}, by="chief", If_Match="*").status == 403


def test_automatic_belongs_to_delete_also_after_a_change(app: ArtStoreApp) -> None:
    schedules(app, "POST", payload=TAX | {"automatic": True})
    refused = schedules(app, "PATCH", "/tax", {"action": "review"}, If_Match="*")
    assert refused.json["code"] == "automatic_without_delete"
    assert schedules(app, "PATCH", "/tax", {"action": "review", "automatic": False}, If_Match="*").status == 200


def test_a_schedule_that_is_named_is_not_deleted(app: ArtStoreApp, postgres_index: PostgresIndex) -> None:
    schedules(app, "POST", payload=TAX)
    file_id = put(postgres_index, 1)
    assert schedules(app, "DELETE", "/tax").json["code"] == "schedule_in_use"
    patched = ask(app, "PATCH", f"/api/v1/files/{file_id}", {"retention": {"schedule": None}}, If_Match="*")
    assert patched.status == 200, patched.text
    postgres_index.remove("edit", "elsewhere", None)
    ask(app, "POST", "/api/v1/spaces", {"space": "kept", "retention_schedule": "tax"})
    assert schedules(app, "DELETE", "/tax").json["code"] == "schedule_in_use"


def test_an_upload_names_its_schedule_or_that_of_its_space(app: ArtStoreApp) -> None:
    schedules(app, "POST", payload=TAX)
    schedules(app, "POST", payload=TAX | {"name": "case"})
    assert ask(app, "POST", "/api/v1/spaces", {"space": "kept", "retention_schedule": "gone"}).status == 404
    made = ask(app, "POST", "/api/v1/spaces", {"space": "kept", "retention_schedule": "tax"})
    assert (made.status, made.json["retention_schedule"]) == (201, "tax")

    def named(**said: Any) -> str | None:
        asked = {"filename": "a.txt", "size": 3, "sha256": "ab" * 32, "retention_policy": "temporary"} | said
        started = ask(app, "POST", "/api/v1/files", asked)
        assert started.status == 201, started.text
        found: str | None = bind(UploadRecord, PREFIX).get(started.json["file_id"]).retention_schedule
        return found

    assert named() is None
    assert named(retention={"schedule": "case"}) == "case"
    assert named(space="kept") == "tax"
    assert named(space="kept", retention={"schedule": "case"}) == "case"
    assert named(space="kept", retention={"schedule": None}) is None
    asked = {"filename": "a.txt", "size": 3, "sha256": "ab" * 32, "retention": {"schedule": "gone"}}
    refused = ask(app, "POST", "/api/v1/files", asked)
    assert (refused.status, refused.json["code"], refused.json["field"]) == (
        404,
        "schedule_not_found",
        "retention.schedule",
    )
    changed = ask(app, "PATCH", "/api/v1/spaces/kept", {"retention_schedule": None}, If_Match="*")
    assert (changed.status, changed.json["retention_schedule"]) == (200, None)


def test_where_documents_are_kept_only_who_administers_takes_a_schedule_away(
    app: ArtStoreApp, postgres_index: PostgresIndex
) -> None:
    for name in ("tax", "case"):
        schedules(app, "POST", payload=TAX | {"name": name})
    file_id = put(postgres_index, 1, bucket="kept", retention={"policy": "permanent"})

    def patch(schedule: str | None, by: str = "writer") -> Answer:
        path = f"/api/v1/files/{file_id}"
        return ask(app, "PATCH", path, {"retention": {"schedule": schedule}}, by=by, If_Match="*")

    assert patch("gone").json["code"] == "schedule_not_found"
    assert patch("tax").json["retention"]["schedule"] == "tax"
    assert patch("case").json["code"] == "schedule_kept"
    assert patch(None).json["code"] == "schedule_kept"
    assert patch("tax").status == 200
    assert patch("case", by="root").json["retention"]["schedule"] == "case"


def due_list(app: ArtStoreApp, query: str = "", by: str = "root") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = ask(app, "GET", f"/api/v1/retention/due?limit=2{query}{cursor}", by=by)
        assert answer.status == 200, answer.text
        assert len(answer.json["items"]) <= 2
        found += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer.json['next_cursor']}"


def test_what_is_due_is_listed_with_why_and_what_cannot_be_computed_with_the_reason(
    app: ArtStoreApp, postgres_index: PostgresIndex
) -> None:
    schedules(app, "POST", payload=TAX)
    schedules(app, "POST", payload=TAX | {"name": "case", "trigger": "attribute:closed", "action": "review"})
    held = {"policy": "permanent", "schedule": "tax", "legal_hold": True, "hold_reason": "case 7"}
    waits = datetime.now(UTC).replace(microsecond=0) + timedelta(days=90)
    case = {"policy": "permanent", "schedule": "case"}
    ids = {
        "old": put(postgres_index, 4000),
        "held": put(postgres_index, 4001, retention=held),
        "locked": put(postgres_index, 4002, retention=case | {"schedule": "tax", "expires_at": waits}),
        "young": put(postgres_index, 3600),
        "closed": put(postgres_index, 30, retention=case, custom_attributes={"closed": "2001-05-17"}),
        "unsaid": put(postgres_index, 31, retention=case),
        "wrong": put(postgres_index, 32, retention=case, custom_attributes={"closed": "17.5.2001"}),
        "unknown": put(postgres_index, 33, retention=case | {"schedule": "Of another tool"}),
        "press": put(postgres_index, 4100, space="press"),
    }
    names = {str(file_id): name for name, file_id in ids.items()}
    found = {names[each["file_id"]]: each for each in due_list(app)}
    assert set(found) == set(ids) - {"young"}
    assert found["old"]["why"].endswith("+ P10Y")
    assert found["old"]["action"] == "delete"
    assert (found["held"]["held"], found["held"]["hold_reason"]) == (True, "case 7")
    assert found["locked"]["waits_until"] == waits.isoformat().replace("+00:00", "Z")
    assert found["closed"]["due_at"] == "2011-05-17T00:00:00Z"
    codes = {name: each["code"] for name, each in found.items() if each["state"] == "not_computable"}
    assert codes == {"unsaid": "attribute_absent", "wrong": "attribute_no_date", "unknown": "schedule_unknown"}
    only_due = {names[each["file_id"]] for each in due_list(app, "&state=due")}
    assert only_due == {"old", "held", "locked", "closed", "press"}
    assert {names[each["file_id"]] for each in due_list(app, "&schedule=case")} == {"closed", "unsaid", "wrong"}
    assert {names[each["file_id"]] for each in due_list(app, "&space=press")} == {"press"}
    assert {names[each["file_id"]] for each in due_list(app, by="chief")} == {"press"}
    later = (datetime.now(UTC) + timedelta(days=100)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert "young" in {names[each["file_id"]] for each in due_list(app, f"&before={later}")}


def test_a_page_asks_the_index_so_often_and_no_more(
    app: ArtStoreApp, postgres_index: PostgresIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "MOST_QUESTIONS", 2)
    for number in range(6):
        schedules(app, "POST", payload=TAX | {"name": f"s{number}"})
        put(postgres_index, 4000 + number, retention={"policy": "permanent", "schedule": f"s{number}"})
    first = ask(app, "GET", "/api/v1/retention/due?limit=100").json
    assert len(first["items"]) == 2
    assert first["next_cursor"] is not None
    assert [each["schedule"] for each in due_list(app)] == [f"s{number}" for number in range(6)]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("before=yesterday", "invalid_parameter"),
        ("before=2026-01-01T00:00:00", "invalid_parameter"),
        ("state=late", "invalid_parameter"),
        ("cursor=abc", "invalid_cursor"),
        ("limit=0", "invalid_parameter"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(app: ArtStoreApp, query: str, code: str) -> None:
    refused = ask(app, "GET", f"/api/v1/retention/due?{query}")
    assert (refused.status, refused.json["code"]) == (400, code)


DECISIONS = "/api/v1/retention/decisions"


def test_a_decision_is_a_job_that_its_maker_can_follow(app: ArtStoreApp) -> None:
    asked = {"ids": [str(uuid4())] * 2, "decision": "approve", "reason": "list 12"}
    started = ask(app, "POST", DECISIONS, asked, by="chief")
    assert (started.status, started.json["kind"], started.json["status"]) == (202, "retention", "WAITING")
    job_id = started.json["job_id"]
    assert started.headers["Location"] == f"decisions/{job_id}"
    shown = ask(app, "GET", f"{DECISIONS}/{job_id}", by="chief").json
    assert (shown["documents"], shown["reason"], shown["items"]) == (1, "list 12", [])
    assert ask(app, "GET", f"{DECISIONS}/{job_id}").status == 200
    other = ask(app, "POST", DECISIONS, asked).json["job_id"]
    assert ask(app, "GET", f"{DECISIONS}/{other}", by="chief").json["code"] == "job_not_found"
    assert ask(app, "GET", f"{DECISIONS}/{uuid4()}").json["code"] == "job_not_found"
    job = JobTable(PREFIX).find(UUID(job_id))
    assert job is not None
    assert job.request["spaces"] == ["press"]


def test_the_same_decision_under_the_same_key_is_one(app: ArtStoreApp) -> None:
    asked = {"ids": [str(uuid4())], "decision": "keep", "reason": "deed"}
    first = ask(app, "POST", DECISIONS, asked, Idempotency_Key="k1")
    again = ask(app, "POST", DECISIONS, asked, Idempotency_Key="k1")
    assert (first.status, again.status) == (202, 200)
    assert first.json["job_id"] == again.json["job_id"]
    reused = ask(app, "POST", DECISIONS, asked | {"reason": "another"}, Idempotency_Key="k1")
    assert reused.json["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"decision": "extend"}, "invalid_body"),
        ({"until": "2100-01-01T00:00:00Z"}, "invalid_body"),
        ({"decision": "extend", "until": "2001-01-01T00:00:00Z"}, "retention_out_of_range"),
        ({"decision": "extend", "until": "2100-01-01T00:00:00"}, "invalid_body"),
        ({"ids": []}, "invalid_body"),
        ({"reason": " "}, "invalid_body"),
        ({"decision": "burn"}, "invalid_body"),
    ],
)
def test_a_decision_that_cannot_be_meant_is_refused(app: ArtStoreApp, said: dict[str, Any], code: str) -> None:
    refused = ask(app, "POST", DECISIONS, {"ids": [str(uuid4())], "decision": "approve", "reason": "x"} | said)
    assert (refused.status, refused.json["code"]) == (400, code)


def test_who_only_writes_neither_sees_what_is_due_nor_decides(app: ArtStoreApp) -> None:
    assert ask(app, "GET", "/api/v1/retention/due", by="writer").status == 403
    asked = {"ids": [str(uuid4())], "decision": "approve", "reason": "x"}
    assert ask(app, "POST", DECISIONS, asked, by="writer").status == 403
