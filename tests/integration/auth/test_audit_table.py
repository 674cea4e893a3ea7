"""The audit log in DynamoDB: one act or none, and every way to read it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from pynamodb.transactions import TransactWrite

from artstore.audit import START, AuditEvent, AuditQuery, Link, StateChanged
from artstore.audit.chain import ProblemKind, verify_entries
from artstore.aws.audit_table import MAX_ATTEMPTS, AuditTable
from artstore.errors import Unavailable
from artstore.tables import AuditRecord, ServiceAccount, bind
from tests.support.dynamodb import count_calls, create_tables

AT = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


class Clock:
    """A clock that moves only when told."""

    now = AT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(aws: None, clock: Clock) -> AuditTable:
    create_tables("moto")
    return AuditTable("moto", clock=clock, sleep=lambda _seconds: None)


def event(number: int = 1, **members: Any) -> AuditEvent:
    given = {
        "action": "service_account.changed",
        "actor": "sa_admin",
        "object": "service-account/sa_1",
        "outcome": "success",
        "source_ip": "192.0.2.1",
        "request_id": f"req-{number}",
    }
    return AuditEvent(**(given | members))


def account(client_id: str) -> ServiceAccount:
    made: ServiceAccount = bind(ServiceAccount, "moto")(client_id, username="u", role="USER", created_at="x")
    return made


def test_an_entry_takes_one_read_and_one_transaction(log: AuditTable) -> None:
    log.append(event())
    with count_calls() as calls:
        log.append(event())
    assert calls == ["dynamodb.Query", "dynamodb.TransactWriteItems"]


def test_entries_come_back_as_they_were_written(log: AuditTable) -> None:
    written = [
        log.append(event(1, before={"a": [1, None, True]}, after={"name": "имя"}, reason="why")),
        log.append(event(2, outcome="refused")),
    ]
    assert log.entries(0, 10) == written
    assert log.entries(1, 10) == written[1:]
    assert log.entries(0, 1) == written[:1]
    assert log.head() == Link(2, written[1].hash)
    assert verify_entries(log.entries(0, 10)).problem is None


def test_a_log_begins_empty(log: AuditTable) -> None:
    assert log.head() == START
    assert log.entries(0, 10) == []
    assert log.search(AuditQuery()).entries == []


def test_a_change_and_its_entry_are_one_act(log: AuditTable) -> None:
    table = bind(ServiceAccount, "moto")

    def create(transaction: TransactWrite) -> None:
        transaction.save(account("sa_1"), condition=table.client_id.does_not_exist())

    log.append(event(), create)
    assert table.get("sa_1").username == "u"
    with pytest.raises(StateChanged) as refusal:
        log.append(event(), create)
    assert (refusal.value.code, refusal.value.failed) == ("state_changed", (0,))
    assert log.head().seq == 1


def test_a_refusal_says_which_of_the_writes_it_was(log: AuditTable) -> None:
    table = bind(ServiceAccount, "moto")
    account("sa_1").save()

    def alongside(transaction: TransactWrite) -> None:
        transaction.save(account("sa_1"), condition=table.client_id.does_not_exist())
        transaction.update(account("sa_2"), [table.username.set("v")], condition=table.client_id.exists())
        transaction.condition_check(table, "sa_3", condition=table.client_id.does_not_exist())

    with pytest.raises(StateChanged) as refusal:
        log.append(event(), alongside)
    assert refusal.value.failed == (1, 2)  # condition checks come first, then saves and updates
    assert (log.head(), table.count("sa_2")) == (START, 0)


def test_a_place_that_is_taken_meanwhile_is_left_to_the_other(
    log: AuditTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = AuditTable("moto", sleep=lambda _seconds: None)
    heads = log.head
    lost = 3

    def head_before_the_other() -> Link:
        nonlocal lost
        head = heads()
        if lost:
            lost -= 1
            other.append(event(99, actor="other"))
        return head

    monkeypatch.setattr(log, "head", head_before_the_other)
    calls: list[object] = []
    entry = log.append(event(), calls.append)
    assert (entry.seq, len(calls)) == (4, 4)
    assert [each.actor for each in log.entries(0, 10)] == ["other"] * 3 + ["sa_admin"]
    assert verify_entries(log.entries(0, 10)).problem is None


def test_a_log_that_never_comes_to_rest_is_unavailable(log: AuditTable, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append(event())
    monkeypatch.setattr(log, "head", lambda: START)
    with count_calls() as calls, pytest.raises(Unavailable):
        log.append(event())
    assert calls == ["dynamodb.TransactWriteItems"] * MAX_ATTEMPTS


def test_a_log_that_cannot_be_reached_is_unavailable(aws: None) -> None:
    log = AuditTable("nowhere")
    for ask in (log.head, lambda: log.append(event()), lambda: log.search(AuditQuery())):
        with pytest.raises(Unavailable):
            ask()


@pytest.fixture
def filled(log: AuditTable, clock: Clock) -> AuditTable:
    """Twelve entries of two actors on three objects, two in each second."""
    for number in range(12):
        clock.now = AT + timedelta(seconds=number // 2)
        log.append(
            event(
                number,
                actor=f"sa_{number % 2}",
                object=f"service-account/{number % 3}",
                action="account.created" if number < 4 else "account.changed",
            )
        )
    return log


def seqs(log: AuditTable, **asked: Any) -> list[int]:
    """Read every page of what is asked for."""
    found: list[int] = []
    before: str | None = None
    while True:
        page = log.search(AuditQuery(**(asked | {"before": before})))
        assert len(page.entries) <= asked.get("limit", 50)
        found += [entry.seq for entry in page.entries]
        if page.next is None:
            return found
        before = page.next


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 50])
def test_pages_are_newest_first_and_leave_nothing_out(filled: AuditTable, limit: int) -> None:
    assert seqs(filled, limit=limit) == list(range(12, 0, -1))
    assert seqs(filled, limit=limit, actor="sa_1") == [12, 10, 8, 6, 4, 2]
    assert seqs(filled, limit=limit, object="service-account/0") == [10, 7, 4, 1]
    assert seqs(filled, limit=limit, object="service-account/0", actor="sa_1") == [10, 4]
    assert seqs(filled, limit=limit, action="account.created") == [4, 3, 2, 1]
    assert seqs(filled, limit=limit, action="account.created", actor="sa_1") == [4, 2]
    assert seqs(filled, limit=limit, actor="nobody") == []


def test_the_time_asked_for_includes_its_beginning_and_not_its_end(filled: AuditTable) -> None:
    second = timedelta(seconds=1)
    assert seqs(filled, since=AT + 4 * second) == [12, 11, 10, 9]
    assert seqs(filled, since=AT + 3 * second + timedelta(microseconds=1)) == [12, 11, 10, 9]
    assert seqs(filled, until=AT + second) == [2, 1]
    assert seqs(filled, until=AT + second + timedelta(microseconds=1)) == [4, 3, 2, 1]
    assert seqs(filled, since=AT + second, until=AT + 2 * second, limit=1) == [4, 3]
    assert seqs(filled, since=AT + 2 * second, until=AT + second) == []


def test_a_long_search_for_little_pauses_with_a_cursor(
    filled: AuditTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artstore.aws.audit_table._PAGE_WHEN_FILTERED", 2)
    monkeypatch.setattr("artstore.aws.audit_table._MAX_PAGES", 2)
    page = filled.search(AuditQuery(action="account.created"))
    assert (page.entries, page.next is None) == ([], False)
    assert seqs(filled, action="account.created") == [4, 3, 2, 1]


TAMPERED: list[tuple[dict[str, Any], str]] = [
    ({"actor": {"S": "somebody"}}, "another actor"),
    ({"moment": {"S": "2020-01-01T00:00:00.000Z#000000000002"}}, "another time"),
    ({"moment": {"S": "2026-11-21T07:00:00.000Z#000000000009"}}, "another place in the indexes"),
    ({"after": {"S": "{"}}, "no JSON"),
    ({"reason": {"N": "7"}}, "another type"),
    ({"hash": {"NULL": True}}, "no hash"),
    ({"outcome": {"S": "refused"}}, "another outcome"),
]


@pytest.mark.parametrize("change", [change for change, _ in TAMPERED], ids=[name for _, name in TAMPERED])
def test_an_item_that_was_tampered_with_is_found_and_can_still_be_listed(
    log: AuditTable, change: dict[str, Any]
) -> None:
    for number in range(3):
        log.append(event(number))
    client = boto3.client("dynamodb")
    key = {"log": {"S": "audit"}, "seq": {"N": "2"}}
    item = client.get_item(TableName="moto-audit", Key=key)["Item"]
    client.put_item(TableName="moto-audit", Item={**item, **change})
    problem = verify_entries(log.entries(0, 10)).problem
    assert problem is not None
    assert (problem.seq, problem.kind) == (2, ProblemKind.CHANGED)
    assert len(log.search(AuditQuery()).entries) == 3


def test_two_deployments_have_two_logs(log: AuditTable) -> None:
    create_tables("second")
    log.append(event())
    assert AuditTable("second").head() == START
    assert bind(AuditRecord, "second").count("audit") == 0
