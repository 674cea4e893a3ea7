"""Many write to the audit log at once: the chain stays one chain, and no act is lost or done twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pynamodb.transactions import TransactWrite

from artstore.audit import START, Alongside, AuditEvent, StateChanged
from artstore.audit.chain import verify_entries
from artstore.aws.audit_table import AuditTable
from artstore.tables import ServiceAccount, bind
from infra.local.emulators import ministack
from tests.support.dynamodb import create_tables

PREFIX = "concurrent"  # of its own, since a table's class keeps its connection
WRITERS = 8
EACH = 10


@pytest.fixture(scope="module")
def tables(emulator_url: str) -> Iterator[None]:
    """Tables in an emulator that answers several calls at once, unlike moto."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", emulator_url)
        patched.setenv("AWS_ACCESS_KEY_ID", ministack.ROOT)
        patched.setenv("AWS_SECRET_ACCESS_KEY", ministack.ROOT)
        patched.setenv("AWS_DEFAULT_REGION", ministack.REGION)
        create_tables(PREFIX)
        yield


def event(name: str) -> AuditEvent:
    return AuditEvent(
        action="service_account.created",
        actor=name,
        object=f"service-account/{name}",
        outcome="success",
        source_ip="192.0.2.1",
        request_id=name,
    )


@pytest.mark.usefixtures("tables")
def test_concurrent_writers_never_fork_the_chain_nor_lose_an_act() -> None:
    accounts = bind(ServiceAccount, PREFIX)
    together = threading.Barrier(WRITERS)

    def write(writer: int) -> list[int]:
        log = AuditTable(PREFIX)
        together.wait()
        return [
            log.append(event(f"{writer}-{number}"), create(f"{writer}-{number}")).seq for number in range(EACH)
        ]

    def create(name: str) -> Alongside:
        def alongside(transaction: TransactWrite) -> None:
            made = accounts(name, username=name, role="USER", created_at="x")
            transaction.save(made, condition=accounts.client_id.does_not_exist())

        return alongside

    with ThreadPoolExecutor(WRITERS) as pool:
        places = [place for written in pool.map(write, range(WRITERS)) for place in written]
    log = AuditTable(PREFIX)
    entries = log.entries(0, 1000)
    found = verify_entries(entries, START, log.head())
    assert (found.checked, found.problem) == (WRITERS * EACH, None)
    assert sorted(places) == list(range(1, WRITERS * EACH + 1))
    assert {entry.actor for entry in entries} == {each.client_id for each in accounts.scan()}


@pytest.mark.usefixtures("tables")
def test_of_two_who_want_the_same_one_is_told_that_the_state_changed() -> None:
    accounts = bind(ServiceAccount, PREFIX)
    log = AuditTable(PREFIX)
    before = log.head().seq
    together = threading.Barrier(WRITERS)

    def alongside(transaction: TransactWrite) -> None:
        made = accounts("wanted", username="wanted", role="USER", created_at="x")
        transaction.save(made, condition=accounts.client_id.does_not_exist())

    def want(writer: int) -> bool:
        together.wait()
        try:
            AuditTable(PREFIX).append(event(f"w{writer}"), alongside)
        except StateChanged:
            return False
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        assert sorted(pool.map(want, range(WRITERS))) == [False] * (WRITERS - 1) + [True]
    assert log.head().seq == before + 1
