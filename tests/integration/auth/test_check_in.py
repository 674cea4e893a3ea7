"""Checking in reads the account and counts the request in one call; attempts are counted beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from artstore.errors import RateLimited, Unavailable
from artstore.tables import ServiceAccount, bind
from functions.auth.tokens import attempts as attempts_module
from functions.auth.tokens.attempts import Attempts
from functions.auth.tokens.check_in import AccountDesk
from tests.support.dynamodb import count_calls, create_tables, intercept

NOON = 1_700_000_040.0
"""A whole minute, and the middle of a window of five."""


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        create_tables("moto")
        bind(ServiceAccount, "moto")("sa_1", username="robot", role="USER", created_at="x").save()
        yield


def counters() -> list[str]:
    item = boto3.client("dynamodb").get_item(TableName="moto-accounts", Key={"client_id": {"S": "sa_1"}})["Item"]
    return sorted(name for name in item if name.startswith("rate_"))


def test_each_request_of_a_minute_is_counted_and_reads_the_account() -> None:
    desk = AccountDesk("moto")
    seen = [desk.check_in("sa_1", NOON + second) for second in range(3)]
    assert [checked.requests for checked in seen if checked] == [1, 2, 3]
    assert seen[0] is not None
    assert (seen[0].account.username, seen[0].seconds_left) == ("robot", 60)


def test_a_request_is_one_call_in_every_minute() -> None:
    desk = AccountDesk("moto")
    with count_calls() as calls:
        for minute in range(5):
            checked = desk.check_in("sa_1", NOON + 60 * minute)
            assert checked is not None
            assert checked.requests == 1
    assert calls == ["dynamodb.UpdateItem"] * 5


def test_removing_counters_leaves_the_limit_of_the_account_alone() -> None:
    account = bind(ServiceAccount, "moto")("sa_1", username="robot", role="USER", created_at="x")
    account.rate_limit_per_minute = 7
    account.save()
    desk = AccountDesk("moto")
    for minute in range(4):
        checked = desk.check_in("sa_1", NOON + 60 * minute)
        assert checked is not None
        assert checked.account.rate_limit_per_minute == 7


def test_counters_of_past_minutes_do_not_pile_up() -> None:
    desk = AccountDesk("moto")
    for minute in range(5):
        desk.check_in("sa_1", NOON + 60 * minute)
    assert len(counters()) <= 2
    for minute in range(5, 60):
        AccountDesk("moto").check_in("sa_1", NOON + 60 * minute)  # a new process each time
    assert len(counters()) <= 22


def test_an_unknown_client_leaves_nothing_behind() -> None:
    assert AccountDesk("moto").check_in("sa_nobody", NOON) is None
    assert boto3.client("dynamodb").scan(TableName="moto-accounts")["Count"] == 1


HOME, ELSEWHERE = "192.0.2.1", "203.0.113.9"


def assert_beyond(attempts: Attempts, client_id: str, address: str, now: float = NOON) -> None:
    """Check that one more failure passes a limit, and that the process knows it from then on."""
    with pytest.raises(RateLimited) as refusal:
        attempts.fail(client_id, address, now)
    assert (refusal.value.code, refusal.value.retry_after) == ("too_many_attempts", 300 - int(now) % 300)
    with count_calls() as calls:
        assert attempts.limit(client_id, address, now) is not None
    assert calls == []


def test_failures_are_limited_by_client_and_address_together() -> None:
    attempts = Attempts("moto", per_client_and_address=2)
    attempts.fail("a", ELSEWHERE, NOON)
    attempts.fail("a", ELSEWHERE, NOON)
    assert_beyond(attempts, "a", ELSEWHERE)
    assert attempts.limit("a", HOME, NOON) is None
    assert attempts.limit("b", ELSEWHERE, NOON) is None
    attempts.fail("a", HOME, NOON)


def test_failures_are_limited_by_address_whomever_they_name() -> None:
    attempts = Attempts("moto", per_address=2)
    attempts.fail("a", ELSEWHERE, NOON)
    attempts.fail("b", ELSEWHERE, NOON)
    assert_beyond(attempts, "c", ELSEWHERE)
    assert attempts.limit("d", ELSEWHERE, NOON) is not None
    assert attempts.limit("a", HOME, NOON) is None


def test_failures_are_limited_by_client_wherever_they_come_from() -> None:
    attempts = Attempts("moto", per_client=3)
    for number in range(3):
        attempts.fail("a", f"203.0.113.{number}", NOON)
    assert_beyond(attempts, "a", "203.0.113.3")
    assert attempts.limit("b", "203.0.113.3", NOON) is None


def test_the_limit_of_a_client_alone_is_far_higher() -> None:
    assert attempts_module.MAX_PER_CLIENT >= 30 * attempts_module.MAX_PER_ADDRESS


def test_failures_are_counted_anew_in_the_next_window() -> None:
    attempts = Attempts("moto", per_client_and_address=1)
    attempts.fail("a", HOME, NOON)
    assert_beyond(attempts, "a", HOME)
    assert attempts.limit("a", HOME, NOON + 300) is None
    attempts.fail("a", HOME, NOON + 300)


def test_another_process_learns_of_a_limit_with_its_first_failure() -> None:
    for _ in range(2):
        Attempts("moto", per_client_and_address=2).fail("a", HOME, NOON)
    assert_beyond(Attempts("moto", per_client_and_address=2), "a", HOME)


def test_an_assertion_is_accepted_once() -> None:
    attempts = Attempts("moto")
    assert attempts.claim_assertion("a", "jti", NOON + 60)
    assert not attempts.claim_assertion("a", "jti", NOON + 60)
    assert attempts.claim_assertion("b", "jti", NOON + 60)


def test_what_a_stranger_sends_is_not_stored_as_it_is() -> None:
    Attempts("moto").fail("x" * 5000, "192.0.2.1", NOON)
    [*items] = boto3.client("dynamodb").scan(TableName="moto-attempts")["Items"]
    assert all(len(item["attempt_id"]["S"]) < 80 for item in items)


def test_a_request_waits_out_the_moment_in_which_its_account_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    conflicts, pauses = [2], list[float]()

    def conflicting(_service: str, operation: str, call: Callable[[], Any]) -> Any:
        if operation == "UpdateItem" and conflicts[0]:
            conflicts[0] -= 1
            answer: Any = {"Error": {"Code": "TransactionConflictException", "Message": "Transaction is ongoing"}}
            raise ClientError(answer, operation)
        return call()

    intercept(monkeypatch, conflicting)
    checked = AccountDesk("moto", sleep=pauses.append).check_in("sa_1", NOON)
    assert checked is not None
    assert (checked.requests, len(pauses)) == (1, 2)
    conflicts[0] = 99
    with pytest.raises(Unavailable):
        AccountDesk("moto", sleep=pauses.append).check_in("sa_1", NOON)
    assert sum(pauses) < 0.2
