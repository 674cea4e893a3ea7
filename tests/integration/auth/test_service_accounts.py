"""Service accounts on DynamoDB: deployments side by side, administrators at the same time, tokens that end."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from artstore.aws.audit_table import AuditTable
from artstore.aws.space_table import SpaceTable
from artstore.cursors import CursorSealer
from artstore.errors import ArtStoreError
from artstore.http.preconditions import IfMatch
from artstore.security import Role
from artstore.security.revocations import Revocations
from artstore.tables import ServiceAccount, bind
from functions.auth.accounts.acts import Actor, deployer
from functions.auth.accounts.administration import AccountAdministration
from functions.auth.accounts.directory import AccountDirectory
from functions.auth.accounts.models import AccountChange, AccountQuery, AccountRequest, Status
from functions.auth.accounts.table import ServiceAccounts
from tests.support.dynamodb import count_calls, create_tables, one_call_at_a_time

ANY = IfMatch("*")
DAY = timedelta(days=1)


class Deployment:
    """What one deployment has, on tables made from the template."""

    def __init__(self, prefix: str) -> None:
        create_tables(prefix)
        self.accounts = ServiceAccounts(prefix)
        self.audit = AuditTable(prefix)
        self.revocations = Revocations(prefix, delay_seconds=0)
        self.administration = AccountAdministration(
            accounts=self.accounts,
            audit=self.audit,
            revocations=self.revocations,
            bcrypt_cost=4,
            secret_lifetime=90 * DAY,
            space_exists=lambda name: SpaceTable(prefix).find(name) is not None,
        )
        self.administration.create_system_administrator("root", "s" * 43, deployer("req-0"))

    def create(self, name: str, role: Role = Role.USER, actor: str = "root") -> str:
        created = self.administration.create(AccountRequest(name=name, role=role), self.by(actor))
        return created.account.client_id

    @staticmethod
    def by(client_id: str) -> Actor:
        return Actor(client_id, "192.0.2.1", "req-1")

    def said(self) -> list[tuple[str, str]]:
        return [(each.action, each.outcome) for each in self.audit.entries(0, 100)]

    def status(self, client_id: str) -> str:
        account = self.accounts.find(client_id)
        assert account is not None
        return account.status


@pytest.fixture
def deployment(aws: None) -> Deployment:
    return Deployment("one")


def test_two_deployments_in_one_process_have_their_own_accounts_audit_and_revocations(aws: None) -> None:
    first, second = Deployment("north"), Deployment("south")
    in_north = first.create("robot")
    in_south = second.create("robot")
    assert second.accounts.find(in_north) is None
    assert first.accounts.find(in_south) is None
    first.administration.delete(in_north, ANY, first.by("root"))
    assert second.status(in_south) == "ACTIVE"
    now = datetime.now(UTC).timestamp()
    assert first.revocations.is_revoked("jti", in_north, now - 60)
    assert not second.revocations.is_revoked("jti", in_north, now - 60)
    assert [len(each.said()) for each in (first, second)] == [3, 2]
    names = boto3.client("dynamodb").list_tables()["TableNames"]
    assert {"north-accounts", "south-accounts", "north-audit", "south-audit"} <= set(names)


def test_an_act_its_entry_and_the_revocation_are_one_transaction(deployment: Deployment) -> None:
    client_id = deployment.create("robot")
    issued_at = datetime.now(UTC).timestamp()
    with count_calls() as calls:
        deployment.administration.change(
            client_id, AccountChange(status=Status.SUSPENDED), ANY, deployment.by("root")
        )
    assert [call for call in calls if call not in ("dynamodb.GetItem", "dynamodb.Query")] == [
        "dynamodb.TransactWriteItems"
    ]
    assert deployment.said()[-1] == ("service_account.suspended", "success")
    assert deployment.revocations.is_revoked("jti", client_id, issued_at)
    restored = deployment.administration.change(
        client_id, AccountChange(status=Status.ACTIVE), ANY, deployment.by("root")
    )
    assert restored.status == "ACTIVE"
    assert deployment.revocations.is_revoked("jti", client_id, datetime.now(UTC).timestamp() - 1)
    assert not deployment.revocations.is_revoked("jti", client_id, datetime.now(UTC).timestamp() + 2)


def test_a_failed_transaction_leaves_no_trace(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    client_id = deployment.create("robot")

    def fail(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(deployment.revocations, "revoke_client", fail)
    with pytest.raises(RuntimeError):
        deployment.administration.delete(client_id, ANY, deployment.by("root"))
    assert deployment.status(client_id) == "ACTIVE"
    assert len(deployment.said()) == 2


def test_of_changes_at_the_same_time_to_one_revision_one_happens(deployment: Deployment) -> None:
    client_id = deployment.create("robot")
    outcomes: list[str] = []

    def rename(name: str) -> None:
        try:
            deployment.administration.change(
                client_id, AccountChange(name=name), IfMatch('"1"'), deployment.by("root")
            )
            outcomes.append(name)
        except ArtStoreError as error:
            outcomes.append(error.code)

    together(*[lambda name=f"n{number}": rename(name) for number in range(4)])
    assert outcomes.count("precondition_failed") == 3
    winner = next(each for each in outcomes if each != "precondition_failed")
    account = deployment.accounts.find(client_id)
    assert account is not None
    assert (account.username, account.revision) == (winner, 2)
    assert len(deployment.said()) == 3


def test_administrators_who_remove_each_other_at_the_same_time_leave_one(deployment: Deployment) -> None:
    admins = [deployment.create(f"admin {number}", Role.ADMIN) for number in range(3)]
    forget_the_secrets_of("root")

    refusals: set[str] = set()

    def remove(victim: str, actor: str) -> None:
        try:
            deployment.administration.delete(victim, ANY, deployment.by(actor))
        except ArtStoreError as error:
            refusals.add(error.code)

    together(*[lambda n=number: remove(admins[n], admins[n - 1]) for number in range(3)])
    together(*[lambda n=number: remove(admins[n], admins[n]) for number in range(3)])
    assert [deployment.status(each) for each in admins].count("ACTIVE") == 1
    assert "last_administrator" in refusals
    assert refusals <= {"last_administrator", "account_not_active", "account_deleted", "account_busy"}


def test_a_list_goes_through_a_large_table_in_pages(deployment: Deployment) -> None:
    table = bind(ServiceAccount, "one")
    with table.batch_write() as batch:
        for number in range(450):
            role = "AUDITOR" if number % 90 == 0 else "USER"
            batch.save(table(f"c{number:03}", username=f"n{number}", role=role, created_at="2026-11-21T12:00:00Z"))
    directory = AccountDirectory(deployment.accounts, CursorSealer(lambda: [b"integration"]))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = directory.page(AccountQuery(limit=100, cursor=cursor))
        seen += [item.client_id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == [*(f"c{number:03}" for number in range(450)), "root"]
    auditors = directory.page(AccountQuery(role=Role.AUDITOR))
    assert (len(auditors.items), auditors.next_cursor) == (5, None)


def forget_the_secrets_of(client_id: str) -> None:
    table: Any = bind(ServiceAccount, "one")
    table(client_id).update([table.secrets.set([])])


def together(*acts: Any) -> None:
    with one_call_at_a_time():
        threads = [threading.Thread(target=act) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
