"""Revoked tokens stay revoked: for every process within the delay, and at the price of one Query in it."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pynamodb.connection import Connection
from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from artstore.errors import Unavailable
from artstore.security.revocations import LONGEST_TOKEN_LIFETIME_SECONDS, Revocations
from artstore.tables import Revocation, bind
from tests.support.dynamodb import count_calls, create_tables
from tests.support.runs.examples import examples

DELAY = 30
NOW = 1_800_000_000.5


class Clock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writer(aws: None, clock: Clock) -> Revocations:
    create_tables("moto")
    return Revocations("moto", DELAY, clock=clock)


@pytest.fixture
def reader(writer: Revocations, clock: Clock) -> Revocations:
    """Another process."""
    return Revocations("moto", DELAY, clock=clock)


def test_a_revoked_token_is_refused_at_once_where_it_was_revoked(writer: Revocations) -> None:
    assert not writer.is_revoked("a", "sa_1", NOW)
    writer.revoke_token("a", NOW + 1800)
    assert writer.is_revoked("a", "sa_1", NOW)
    assert not writer.is_revoked("b", "sa_1", NOW)


def test_another_process_refuses_it_after_the_delay(
    writer: Revocations, reader: Revocations, clock: Clock
) -> None:
    assert not reader.is_revoked("a", "sa_1", NOW)
    writer.revoke_token("a", NOW + 1800)
    clock.now += DELAY
    assert reader.is_revoked("a", "sa_1", NOW)


def test_all_tokens_that_a_client_was_issued_before_are_refused(writer: Revocations, reader: Revocations) -> None:
    writer.revoke_client("sa_1", NOW)
    assert reader.is_revoked("a", "sa_1", NOW - 60)
    assert reader.is_revoked("a", "sa_1", int(NOW)), "iat has whole seconds: the same second counts as before"
    assert not reader.is_revoked("a", "sa_1", int(NOW) + 1)
    assert not reader.is_revoked("a", "sa_2", NOW - 60)


def test_with_a_revision_it_decides_and_not_the_second(writer: Revocations, reader: Revocations) -> None:
    writer.revoke_client("sa_1", NOW, revision=5)
    assert reader.is_revoked("a", "sa_1", NOW - 600, 4)
    assert reader.is_revoked("a", "sa_1", NOW + 3, 4), "asked for before the change, signed after it"
    assert not reader.is_revoked("a", "sa_1", int(NOW), 5), "asked for after the change, in the same second"
    assert reader.is_revoked("a", "sa_1", int(NOW)), "a token that names no revision goes by the second"


def test_an_account_that_lost_revisions_is_not_shut_out_for_long(writer: Revocations, reader: Revocations) -> None:
    """As when the accounts were restored from a backup."""
    writer.revoke_client("sa_1", NOW, revision=50)
    assert not reader.is_revoked("a", "sa_1", NOW + 61, 2)


def test_each_revocation_of_a_client_holds(writer: Revocations, reader: Revocations, clock: Clock) -> None:
    writer.revoke_client("sa_1", NOW, revision=3)
    clock.now += 3600
    writer.revoke_client("sa_1", NOW + 3600, revision=4)
    assert reader.is_revoked("a", "sa_1", NOW, 2)
    assert reader.is_revoked("a", "sa_1", NOW + 1800, 3)
    assert not reader.is_revoked("a", "sa_1", NOW + 3600, 4)


def test_the_latest_revocation_of_a_client_holds(writer: Revocations, reader: Revocations, clock: Clock) -> None:
    writer.revoke_client("sa_1", NOW + 100)
    clock.now += 1
    writer.revoke_client("sa_1", NOW)
    assert reader.is_revoked("a", "sa_1", NOW + 50)


def test_a_process_reads_once_in_a_delay_and_then_only_what_is_new(
    writer: Revocations, reader: Revocations, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        writer.revoke_token(f"old-{number}", NOW + 80_000)
    clock.now += 3600
    with count_calls() as calls:
        for _ in range(100):
            assert reader.is_revoked("old-1", "sa_1", NOW)
    assert calls == ["dynamodb.Query"] * 2, "what can still matter, and what was written just now"
    clock.now += DELAY
    with monkeypatch.context() as patched, count_calls() as calls:
        taken: list[object] = []
        patched.setattr(reader, "_take", taken.append)
        reader.is_revoked("x", "x", NOW)
    assert calls == ["dynamodb.Query"]
    assert taken == [], "what the first reading saw is not read again"
    assert reader.is_revoked("old-1", "sa_1", NOW), "and is not forgotten"


def test_a_new_process_reads_no_entry_whose_tokens_have_ended(
    writer: Revocations, reader: Revocations, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        writer.revoke_token(f"short-{number}", NOW + 60)
    writer.revoke_token("long", NOW + 80_000)
    clock.now += 3600
    taken: list[Any] = []
    original = reader._take

    def take(item: Any) -> None:
        taken.append(item["id"]["S"])
        original(item)

    monkeypatch.setattr(reader, "_take", take)
    assert reader.is_revoked("long", "sa_1", NOW)
    assert [each.rpartition("#")[2] for each in taken] == ["long"]


def test_a_new_process_reads_page_by_page(writer: Revocations, reader: Revocations) -> None:
    """Some two megabytes, of which DynamoDB gives one at a time."""
    table = bind(Revocation, "moto")
    with table.batch_write() as batch:
        for number in range(30):
            name = f"{number}" + "x" * 900
            batch.save(
                table(
                    "revoked",
                    f"{int(NOW * 1000) - 600_000:013d}#jti#{name}",
                    client_id="p" * 60_000,
                    expires_at_epoch=int(NOW) + 1800,
                )
            )
    with count_calls() as calls:
        assert reader.is_revoked("7" + "x" * 900, "sa_1", NOW)
    assert len(calls) > 2
    assert all(reader.is_revoked(f"{number}" + "x" * 900, "sa_1", NOW) for number in range(30))


def cut(revocations: Revocations, client_id: str, before: float) -> None:
    with TransactWrite(connection=Connection()) as transaction:
        revocations.cut_client(client_id, before, transaction)


def test_a_client_is_cut_by_one_entry_a_minute_however_often(
    writer: Revocations, reader: Revocations, clock: Clock
) -> None:
    assert not reader.is_revoked("a", "sa_1", NOW)
    clock.now = (NOW // 60 + 1) * 60
    for _ in range(6):
        cut(writer, "sa_1", clock.now)
        clock.now += 9
    assert boto3.client("dynamodb").scan(TableName="moto-revocations")["Count"] == 1
    assert reader.is_revoked("a", "sa_1", clock.now - 9), "the last cut, in an entry of a minute ago"
    assert not reader.is_revoked("b", "sa_1", clock.now + 1)
    assert not reader.is_revoked("a", "sa_2", NOW)
    for _ in range(5):
        cut(writer, "sa_1", clock.now)
        clock.now += 40
    assert reader.is_revoked("a", "sa_1", clock.now - 40)
    assert len(reader._clients["sa_1"]) == 1, "the latest cut holds all the others"


def test_an_earlier_cut_never_takes_the_place_of_a_later_one(writer: Revocations, reader: Revocations) -> None:
    cut(writer, "sa_1", NOW + 5)
    with pytest.raises(TransactWriteError):
        cut(writer, "sa_1", NOW)
    assert reader.is_revoked("a", "sa_1", NOW + 5)


def test_an_entry_that_was_long_in_writing_is_not_missed(
    writer: Revocations, reader: Revocations, clock: Clock
) -> None:
    late = Revocations("moto", DELAY, clock=lambda: clock.now - 20)
    assert not reader.is_revoked("slow", "sa_1", NOW)
    late.revoke_token("slow", NOW + 1800)
    clock.now += DELAY
    assert reader.is_revoked("slow", "sa_1", NOW)


def test_without_the_table_nothing_passes_once_the_snapshot_is_old(
    writer: Revocations, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not writer.is_revoked("a", "sa_1", NOW)
    boto3.client("dynamodb").delete_table(TableName="moto-revocations")
    clock.now += DELAY - 1
    assert not writer.is_revoked("a", "sa_1", NOW)
    clock.now += 1
    with count_calls() as calls:
        for _ in range(10):
            with pytest.raises(Unavailable):
                writer.is_revoked("a", "sa_1", NOW)
        assert calls == ["dynamodb.Query"], "a table that does not answer is asked once a second"
        create_tables_again()
        clock.now += 1
        assert not writer.is_revoked("a", "sa_1", NOW)


def create_tables_again() -> None:
    client: Any = boto3.client("dynamodb")
    for name in client.list_tables()["TableNames"]:
        client.delete_table(TableName=name)
    create_tables("moto")


def test_a_clock_that_is_set_back_makes_the_snapshot_old(
    writer: Revocations, reader: Revocations, clock: Clock
) -> None:
    assert not reader.is_revoked("a", "sa_1", NOW)
    clock.now -= 45
    writer.revoke_token("a", NOW + 1800)
    assert reader.is_revoked("a", "sa_1", NOW)


def test_entries_leave_the_table_and_the_process_after_the_last_token_they_forbid(
    writer: Revocations, reader: Revocations, clock: Clock
) -> None:
    writer.revoke_token("a", NOW + 1800)
    writer.revoke_client("sa_1", NOW)
    by_kind = {record.id.split("#")[1]: record for record in bind(Revocation, "moto").query("revoked")}
    assert NOW + 1800 <= by_kind["jti"].expires_at_epoch <= NOW + 1800 + 120
    assert by_kind["client"].expires_at_epoch >= NOW + LONGEST_TOKEN_LIFETIME_SECONDS
    assert reader.is_revoked("a", "sa_1", NOW)
    clock.now += LONGEST_TOKEN_LIFETIME_SECONDS + 300
    assert not reader.is_revoked("a", "sa_1", NOW)
    assert (reader._tokens, reader._clients) == ({}, {})


def test_a_revocation_can_be_part_of_a_transaction(writer: Revocations, reader: Revocations) -> None:
    with TransactWrite(connection=Connection()) as transaction:
        writer.revoke_client("sa_1", NOW, transaction)
        writer.revoke_token("t", NOW + 60, transaction)
    assert reader.is_revoked("a", "sa_1", NOW)
    assert reader.is_revoked("t", "sa_2", NOW)


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["token", "client", "wait"]), st.integers(0, 3)), max_size=12))
def test_a_reader_agrees_with_the_writer_after_the_delay_whatever_happened(
    aws: None, steps: list[tuple[str, int]]
) -> None:
    client: Any = boto3.client("dynamodb")
    if "moto-revocations" in client.list_tables()["TableNames"]:
        create_tables_again()
    else:
        create_tables("moto")
    clock = Clock()
    writer, reader = (Revocations("moto", DELAY, clock=clock) for _ in range(2))
    issued = {f"{name}": (f"sa_{name % 2}", NOW - 10 + name) for name in range(4)}
    expected: set[str] = set()
    for what, number in steps:
        if what == "token":
            writer.revoke_token(str(number), NOW + 3600)
            expected.add(str(number))
        elif what == "client":
            writer.revoke_client(f"sa_{number % 2}", clock.now)
            expected |= {jti for jti, (owner, _) in issued.items() if owner == f"sa_{number % 2}"}
        else:
            clock.now += number * 20
            reader.is_revoked("x", "x", NOW)
    clock.now += DELAY
    for each in (writer, reader):
        assert {jti for jti, (owner, at) in issued.items() if each.is_revoked(jti, owner, at)} == expected
