"""What administering asks of the accounts table: one contract, kept by DynamoDB and by the fake alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from artstore.audit import AuditEvent, AuditLog, StateChanged
from artstore.aws.audit_table import AuditTable
from artstore.tables import AccountSecret, ServiceAccount
from functions.auth.accounts.acts import AccountStore
from functions.auth.accounts.table import ServiceAccounts
from tests.fakes.memory_accounts import MemoryAccounts, MemoryAudit
from tests.support.dynamodb import create_tables


@dataclass
class Store:
    accounts: AccountStore
    audit: AuditLog

    def add(self, client_id: str, **attributes: Any) -> None:
        defaults = {"username": client_id, "role": "USER", "created_at": "2026-11-21T12:00:00.000Z"}
        account = self.accounts.new(client_id, **{**defaults, **attributes})
        self.commit(lambda transaction: self.accounts.add(account, transaction))

    def get(self, client_id: str) -> ServiceAccount:
        found = self.accounts.find(client_id)
        assert found is not None
        return found

    def commit(self, writes: Any) -> None:
        event = AuditEvent(
            action="service_account.updated",
            actor="a",
            object="o",
            outcome="success",
            source_ip="",
            request_id="",
        )
        self.audit.append(event, writes)


@pytest.fixture(params=["dynamodb", "memory"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield Store(MemoryAccounts(), MemoryAudit())
        return
    request.getfixturevalue("aws")
    create_tables("contract")
    yield Store(ServiceAccounts("contract"), AuditTable("contract"))


def test_what_was_added_is_found_whole(store: Store) -> None:
    secret = AccountSecret(hash="$2b$", created_at="2026-11-21T12:00:00.000Z", expires_at=None)
    store.add("a", scopes=["files:read"], jwks={"keys": [{"kid": "k"}]}, rate_limit_per_minute=5, secrets=[secret])
    found = store.get("a")
    assert (found.username, found.role, found.status, found.revision) == ("a", "USER", "ACTIVE", 1)
    assert found.usable_hashes(0) == ["$2b$"]
    assert (found.scopes, found.jwks, found.rate_limit_per_minute) == (["files:read"], {"keys": [{"kid": "k"}]}, 5)
    absent = ("description", "secret_hashes", "deleted_at")
    assert [found.attribute_values.get(name) for name in absent] == [None, None, None]
    assert store.accounts.find("b") is None


def test_an_id_that_is_taken_is_not_added_again(store: Store) -> None:
    store.add("a")
    with pytest.raises(StateChanged):
        store.add("a", username="other")
    found = store.get("a")
    assert found.username == "a"


def test_a_change_sets_and_removes_if_nobody_else_changed(store: Store) -> None:
    store.add("a", description="d", scopes=["files:read"])
    read = store.get("a")
    changes = {"description": None, "scopes": ["files:write"], "username": "n", "revision": 2}
    store.commit(lambda transaction: store.accounts.change(read, changes, transaction))
    found = store.get("a")
    assert found.description is None
    assert (found.scopes, found.username, found.revision) == (["files:write"], "n", 2)
    with pytest.raises(StateChanged):
        store.commit(lambda transaction: store.accounts.change(read, {"username": "late"}, transaction))
    assert store.get("a").username == "n"


def test_what_is_required_must_be_as_it_was_read(store: Store) -> None:
    store.add("a")
    store.add("b")
    a, b = store.get("a"), store.get("b")

    def change_a_if_b_stays(transaction: Any) -> None:
        store.accounts.change(a, {"revision": int(a.revision) + 1}, transaction)
        store.accounts.require(b, transaction)

    store.commit(change_a_if_b_stays)
    a = store.get("a")
    assert a.revision == 2
    store.commit(lambda transaction: store.accounts.change(b, {"revision": 2}, transaction))
    with pytest.raises(StateChanged):
        store.commit(change_a_if_b_stays)
    assert store.get("a").revision == 2


def test_a_walk_gives_each_account_once_and_continues_after_any(store: Store) -> None:
    for number in range(7):
        store.add(f"c{number}")
    order = [each.client_id for each in store.accounts.walk()]
    assert sorted(order) == [f"c{number}" for number in range(7)]
    for place, client_id in enumerate(order):
        assert [each.client_id for each in store.accounts.walk(client_id)] == order[place + 1 :]


def test_an_account_of_the_first_version_is_read_and_changed(aws: None) -> None:
    create_tables("old")
    item = {
        "client_id": {"S": "admin"},
        "username": {"S": "admin"},
        "role": {"S": "ADMIN"},
        "status": {"S": "ACTIVE"},
        "is_system": {"BOOL": True},
        "secret_hashes": {"L": [{"S": "$2b$04$old"}]},
        "created_at": {"S": "2026-01-01T00:00:00Z"},
        "rate_29876543": {"N": "3"},
    }
    client: Any = boto3.client("dynamodb")
    client.put_item(TableName="old-accounts", Item=item)
    store = Store(ServiceAccounts("old"), AuditTable("old"))
    read = store.get("admin")
    assert read.revision == 1
    assert read.scopes is None
    assert read.usable_hashes(2e9) == ["$2b$04$old"]
    secret = AccountSecret(
        hash="new", created_at="2026-11-21T12:00:00.000Z", expires_at="2027-01-01T00:00:00.000Z"
    )
    changes = {"secrets": [secret], "secret_hashes": None, "revision": 2}
    store.commit(lambda transaction: store.accounts.change(read, changes, transaction))
    kept = client.get_item(TableName="old-accounts", Key={"client_id": {"S": "admin"}})["Item"]
    assert "secret_hashes" not in kept
    assert (kept["revision"], kept["rate_29876543"]) == ({"N": "2"}, {"N": "3"})  # the counters stay
    found = store.get("admin")
    assert found.usable_hashes(0) == ["new"]
    assert found.usable_hashes(2e9) == []
