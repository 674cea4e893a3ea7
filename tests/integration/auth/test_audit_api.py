"""The audit log over HTTP, its entries in DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from artstore.audit import AuditEvent
from artstore.aws.audit_table import AuditTable
from artstore.cursors import CursorSealer
from artstore.http import create_app
from artstore.security import Principal
from functions.auth import dependencies
from functions.auth.audit import routes as audit_routes
from functions.auth.audit.reading import AuditReader
from tests.support.dynamodb import create_tables
from tests.support.gateway import Answer, call

AUDIT = "/api/v1/audit"
VERIFY = "/api/v1/audit/verify"
AT = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)

Ask = Callable[..., Answer]


def authenticate(token: str) -> Principal:
    """Take the token's text for its scopes."""
    return Principal(client_id="sa_auditor", username="auditor", scopes=frozenset(token.split("+")))


@pytest.fixture
def ask(aws: None, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask an archive with six entries of two actors, one in each second."""
    create_tables("moto")
    moments = iter(AT + timedelta(seconds=number) for number in range(100))
    log = AuditTable("moto", clock=lambda: next(moments))
    for number in range(6):
        log.append(
            AuditEvent(
                action="service_account.created" if number < 2 else "service_account.changed",
                actor=f"sa_{number % 2}",
                object=f"service-account/{number % 3}",
                outcome="success",
                source_ip="192.0.2.1",
                request_id=f"req-{number}",
                after={"name": f"имя {number}"},
            )
        )
    reader = AuditReader(log=log, cursors=CursorSealer(lambda: [b"key"]), newest_export=lambda: None)
    monkeypatch.setattr(dependencies, "audit_reader", lambda: reader)
    monkeypatch.setenv("ARTSTORE_PREFIX", "moto")
    app = create_app("auth", audit_routes.ENDPOINTS, authenticate)

    def send(method: str, path: str, scopes: str = "audit:read", payload: object = None, **query: Any) -> Answer:
        return call(app, method, f"{path}?{urlencode(query)}", path, token=scopes, payload=payload)

    return send


def seqs(answer: Answer) -> list[int]:
    assert answer.status == 200, answer.text
    return [item["seq"] for item in answer.json["items"]]


def test_entries_are_shown_whole_and_newest_first(ask: Ask) -> None:
    answer = ask("GET", AUDIT, limit=1)
    assert answer.headers["Cache-Control"] == "no-store"
    (item,) = answer.json["items"]
    assert item | {"hash": "", "prev_hash": ""} == {
        "seq": 6,
        "at": "2026-11-21T07:00:05.000Z",
        "action": "service_account.changed",
        "actor": "sa_1",
        "object": "service-account/2",
        "outcome": "success",
        "source_ip": "192.0.2.1",
        "request_id": "req-5",
        "before": None,
        "after": {"name": "имя 5"},
        "reason": None,
        "prev_hash": "",
        "hash": "",
    }


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [6, 5, 4, 3, 2, 1]),
        ({"actor": "sa_0"}, [5, 3, 1]),
        ({"object": "service-account/1"}, [5, 2]),
        ({"actor": "sa_0", "object": "service-account/1"}, [5]),
        ({"action": "service_account.created"}, [2, 1]),
        ({"from": "2026-11-21T07:00:03Z"}, [6, 5, 4]),
        ({"to": "2026-11-21T07:00:03Z"}, [3, 2, 1]),
        ({"from": "2026-11-21T10:00:01+03:00", "to": "2026-11-21T07:00:02.5Z"}, [3, 2]),
        ({"actor": "nobody"}, []),
    ],
)
def test_filters_narrow_the_list(ask: Ask, filters: dict[str, str], expected: list[int]) -> None:
    assert seqs(ask("GET", AUDIT, **filters)) == expected


def test_a_cursor_leads_through_all_pages_of_its_own_query(ask: Ask) -> None:
    found: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        answer = ask("GET", AUDIT, actor="sa_1", limit=2, **cursor)
        found += seqs(answer)
        if answer.json["next_cursor"] is None:
            break
        cursor = {"cursor": answer.json["next_cursor"]}
    assert found == [6, 4, 2]
    assert ask("GET", AUDIT, actor="sa_0", **cursor).json["code"] == "invalid_cursor"
    assert ask("POST", VERIFY, payload=cursor).json["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"actor": ""},
        {"actor": "x" * 257},
        {"actor": "a\x00b"},
        {"object": "a\x1fb"},
        {"from": "yesterday"},
        {"from": "2026-11-21T07:00:03"},
        {"to": "0001-01-01T00:00:00Z"},
        {"to": "9999-12-31T23:59:59Z"},
        {"cursor": "?"},
        {"cursor": "YWJj"},
        {"unknown": "x"},
    ],
)
def test_a_malformed_query_is_refused(ask: Ask, query: dict[str, Any]) -> None:
    assert ask("GET", AUDIT, **query).status == 400


@pytest.mark.parametrize("body", [[], {"cursor": 1}, {"cursor": "?"}, {"more": 1}])
def test_a_malformed_request_to_verify_is_refused(ask: Ask, body: object) -> None:
    assert ask("POST", VERIFY, payload=body).status == 400


def test_a_whole_log_is_valid(ask: Ask) -> None:
    answer = ask("POST", VERIFY, payload={}).json
    newest = ask("GET", AUDIT, limit=1).json["items"][0]
    assert answer == {
        "valid": True,
        "checked": 6,
        "last": {"seq": 6, "hash": newest["hash"]},
        "exported": None,
        "problem": None,
        "next_cursor": None,
    }


@pytest.mark.parametrize(("method", "path"), [("GET", AUDIT), ("POST", VERIFY)])
def test_only_who_may_read_the_audit_log_does(ask: Ask, method: str, path: str) -> None:
    answer = ask(method, path, "files:read+accounts:admin+keys:admin", payload={})
    assert (answer.status, answer.json["code"]) == (403, "insufficient_scope")
