"""Events wait in the outbox and move into the log: none is lost, none comes twice, and their order is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import msgspec
import pytest
from pynamodb.transactions import TransactWrite

from artstore.audit import AuditEvent
from artstore.audit.chain import verify_entries
from artstore.aws.audit_outbox import MAX_AT_ONCE, MAX_EVENT_BYTES, AuditOutbox
from artstore.aws.audit_table import AuditTable
from artstore.aws.dynamodb import write_together
from artstore.errors import TooLarge, Unavailable
from artstore.tables import ServiceAccount, WaitingEvent, bind
from functions.auth import dependencies, scheduled
from functions.auth.tokens.attempts import Attempts
from functions.auth.tokens.revoking import TokenRevoker
from tests.support.authorization.deployment import PREFIX, deployed
from tests.support.dynamodb import count_calls, create_tables

AT = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
CLAIMS = {"jti": "j1", "exp": AT.timestamp() + 1800, "client_id": "sa_1"}


class Clock:
    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@pytest.fixture
def log(aws: None) -> AuditTable:
    create_tables("moto")
    return AuditTable("moto", clock=lambda: AT + timedelta(minutes=1), sleep=lambda _seconds: None)


@pytest.fixture
def outbox(log: AuditTable) -> AuditOutbox:
    return AuditOutbox("moto", clock=Clock(), sleep=lambda _seconds: None)


def event(name: object = 1, **members: Any) -> AuditEvent:
    given = {"action": "token.revoked", "actor": f"sa_{name}", "object": "service-account/sa_1"}
    return AuditEvent(**(given | {"outcome": "success", "source_ip": "192.0.2.1", "request_id": "r"} | members))


def waiting() -> int:
    return int(boto3.client("dynamodb").scan(TableName="moto-audit-outbox")["Count"])


def test_events_move_in_their_order_and_keep_their_time(outbox: AuditOutbox, log: AuditTable) -> None:
    for number in range(3):
        outbox.leave(event(number, after={"jti": f"j{number}"}))
    assert log.entries(0, 10) == []
    assert outbox.move(log, 10) == 3
    entries = log.entries(0, 10)
    assert [(entry.actor, entry.after) for entry in entries] == [(f"sa_{n}", {"jti": f"j{n}"}) for n in range(3)]
    assert entries[0].at == "2026-11-21T07:00:00.001Z"
    assert verify_entries(entries).problem is None
    assert (waiting(), outbox.move(log, 10)) == (0, 0)


def test_many_move_at_once_and_each_once(outbox: AuditOutbox, log: AuditTable) -> None:
    table = bind(WaitingEvent, "moto")
    with table.batch_write() as batch:
        for number in range(MAX_AT_ONCE + 20):
            outbox_event = event(number)
            batch.save(table("waiting", f"{1_700_000_000_000 + number}#x", event=_json(outbox_event)))
    with count_calls() as calls:
        assert outbox.move(log, 10) == MAX_AT_ONCE + 20
    assert calls.count("dynamodb.TransactWriteItems") == 2
    entries = log.entries(0, 1000)
    assert [entry.actor for entry in entries] == [f"sa_{number}" for number in range(MAX_AT_ONCE + 20)]
    assert verify_entries(entries).checked == MAX_AT_ONCE + 20


def _json(given: AuditEvent) -> str:
    return msgspec.json.encode(given).decode()


def test_a_move_that_ran_out_of_time_is_gone_on_with(outbox: AuditOutbox, log: AuditTable) -> None:
    table = bind(WaitingEvent, "moto")
    with table.batch_write() as batch:
        for number in range(MAX_AT_ONCE + 1):
            batch.save(table("waiting", f"{1_700_000_000_000 + number}#x", event=_json(event(number))))
    assert outbox.move(log, 0) == MAX_AT_ONCE
    assert outbox.move(log, 0) == 1
    assert len(log.entries(0, 1000)) == MAX_AT_ONCE + 1


def test_an_event_that_another_writer_moves_meanwhile_is_there_once(
    outbox: AuditOutbox, log: AuditTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        outbox.leave(event(number))
    original = log.append_all

    def first_the_other(*arguments: Any) -> Any:
        monkeypatch.setattr(log, "append_all", original)
        AuditOutbox("moto").move(log, 10)
        return original(*arguments)

    monkeypatch.setattr(log, "append_all", first_the_other)
    assert outbox.move(log, 10) == 0
    assert len(log.entries(0, 10)) == 3


def test_a_crash_between_two_batches_loses_nothing(
    outbox: AuditOutbox, log: AuditTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.leave(event())

    def down(*_arguments: Any) -> Any:
        raise Unavailable("down")

    with monkeypatch.context() as patched:
        patched.setattr(log, "append_all", down)
        with pytest.raises(Unavailable):
            outbox.move(log, 10)
    assert waiting() == 1
    assert outbox.move(log, 10) == 1


def test_where_the_chain_is_taken_by_others_fewer_are_moved_at_once(
    outbox: AuditOutbox, log: AuditTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        outbox.leave(event(number))
    original = log.append_all
    sizes: list[int] = []

    def crowded(events: Any, alongside: Any) -> Any:
        sizes.append(len(events))
        if len(events) > 3:
            raise Unavailable("the audit log is written to by too many at once")
        return original(events, alongside)

    monkeypatch.setattr(log, "append_all", crowded)
    assert outbox.move(log, 10) == 8
    assert sizes[0] == 8
    assert [entry.actor for entry in log.entries(0, 10)] == [f"sa_{number}" for number in range(8)]


def test_an_event_is_left_with_the_act_or_not_at_all(outbox: AuditOutbox) -> None:
    accounts = bind(ServiceAccount, "moto")
    account = accounts("sa_1", username="u", role="USER", created_at="x")

    def write(transaction: TransactWrite) -> None:
        transaction.save(account, condition=accounts.client_id.does_not_exist())
        outbox.leave(event(), transaction)

    assert write_together("moto", write)
    assert waiting() == 1
    assert not write_together("moto", write)
    assert waiting() == 1


def test_what_somebody_made_unreadable_keeps_nobody_waiting(outbox: AuditOutbox, log: AuditTable) -> None:
    table = bind(WaitingEvent, "moto")
    table("waiting", "1#a", event="{").save()
    table("waiting", "x#b", event='{"after": {"secret": "x"}}').save()
    outbox.leave(event())
    assert outbox.move(log, 10) == 3
    assert [entry.action for entry in log.entries(0, 10)] == [
        "audit.event_unreadable",
        "token.revoked",
        "audit.event_unreadable",
    ]


def test_an_event_that_would_fill_a_transaction_is_refused(outbox: AuditOutbox) -> None:
    with pytest.raises(TooLarge):
        outbox.leave(event(after={"x": "x" * MAX_EVENT_BYTES}))


class Revoked:
    """Revoked tokens that say what they are told to note."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def revoke_token(self, jti: str, expires_at: float, transaction: TransactWrite | None = None) -> None:
        self.said.append(jti)

    def has_revoked(self, jti: str, expires_at: float) -> None:
        pass

    def cut_client(self, client_id: str, before: float, transaction: TransactWrite) -> None:
        self.said.append(f"all of {client_id}")


def test_a_client_that_ends_many_tokens_is_cut(outbox: AuditOutbox, log: AuditTable) -> None:
    revoked = Revoked()
    revoker = TokenRevoker(
        "moto",
        revoked=revoked,
        outbox=outbox,
        counter=Attempts("moto"),
        token_lifetime_seconds=1800,
        max_single=2,
        clock=AT.timestamp,
    )
    for number in range(4):
        revoker.revoke(CLAIMS | {"jti": f"j{number}"}, event())
    revoker.revoke(CLAIMS | {"client_id": "sa_2", "jti": "other"}, event())
    assert revoked.said == ["j0", "j1", "all of sa_1", "all of sa_1", "other"]
    outbox.move(log, 10)
    assert [(entry.after or {}).get("all_before") for entry in log.entries(0, 10)] == [
        None,
        None,
        True,
        True,
        None,
    ]


def test_the_stream_of_the_outbox_wakes_the_task() -> None:
    with deployed():
        dependencies.audit_outbox().leave(event())
        told = {"Records": [{"eventName": "INSERT", "eventSource": "aws:dynamodb"}]}
        assert scheduled.handler(told, None)["moved"] == 1
        assert scheduled.handler(told, None)["moved"] == 0


def test_the_scheduled_task_moves_what_waits() -> None:
    with deployed():
        dependencies.audit_outbox().leave(event())
        assert scheduled.handler({"task": "move-audit-events"}, None) == {"task": "move-audit-events", "moved": 1}
        assert len(AuditTable(PREFIX).entries(0, 10)) == 1
        dependencies.audit_outbox().leave(event())
        scheduled.handler({"task": "export-audit"}, None)
        assert len(AuditTable(PREFIX).entries(0, 10)) == 2, "what is exported is all there is"
