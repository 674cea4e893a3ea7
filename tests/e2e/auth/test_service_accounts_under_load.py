"""Accounts are rotated, suspended and deleted while eight clients work.

Nobody is refused who should pass, and after the stated delay nobody passes who should be refused.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.e2e.archive import TIMEOUT_SECONDS, Archive, eventually

ACCOUNTS = "/api/v1/service-accounts"
CLIENTS = 8


@dataclass
class Seen:
    """What the clients saw: for each request its client, when it began, when it ended, and its status."""

    answers: list[tuple[int, float, float, int]] = field(default_factory=list)

    def statuses(self, begun_after: float = 0, ended_before: float = float("inf")) -> set[int]:
        return {
            status for _, begun, ended, status in self.answers if begun >= begun_after and ended <= ended_before
        }

    def wait_for_all(self) -> None:
        """Wait until every client has had the answer to a request that it began from now on."""
        now = time.monotonic()
        eventually(lambda: len({client for client, begun, *_ in self.answers if begun > now}) == CLIENTS or None)


@contextmanager
def working(act: Callable[[requests.Session], int], until: int | None = None) -> Iterator[Seen]:
    """Let eight clients repeat ``act`` inside the block; one that gets the status ``until`` is done."""
    seen, done = Seen(), threading.Event()

    def work(client: int) -> None:
        with requests.Session() as session:
            status = 0
            while not done.is_set() and status != until:
                begun = time.monotonic()
                status = act(session)
                seen.answers.append((client, begun, time.monotonic(), status))

    threads = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        done.set()
        for thread in threads:
            thread.join()


class Account:
    """An account that the administrator of the archive made."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        asked = {"name": f"load {uuid.uuid4().hex[:8]}", "role": "READONLY", "rate_limit_per_minute": 100_000}
        answer = archive.request("POST", ACCOUNTS, json=asked)
        assert answer.status_code == 201, answer.text
        self.client_id, self.secret = answer.json()["client_id"], answer.json()["client_secret"]

    def administer(self, method: str, path: str = "", **fields: Any) -> dict[str, Any]:
        answer = self._archive.request(
            method, f"{ACCOUNTS}/{self.client_id}{path}", json=fields, headers={"If-Match": "*"}
        )
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def log_in(self, session: requests.Session) -> int:
        answer = session.post(
            f"{self._archive.api_url}/api/v1/auth/token",
            data={"grant_type": "client_credentials"},
            auth=(self.client_id, self.secret),
            timeout=TIMEOUT_SECONDS,
        )
        self.token = answer.json().get("access_token", "") if answer.status_code == 200 else ""
        return answer.status_code

    def read(self, session: requests.Session, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self._archive.api_url}/api/v1/files?limit=1"
        return session.get(url, headers=headers, timeout=TIMEOUT_SECONDS).status_code


@pytest.fixture
def account(archive: Archive) -> Account:
    return Account(archive)


@pytest.mark.alone
def test_no_login_fails_while_its_secret_is_rotated_with_an_overlap(account: Account) -> None:
    with working(account.log_in) as seen:
        for _ in range(3):
            seen.wait_for_all()  # nobody uses a secret from before the last rotation any more
            account.secret = account.administer("POST", "/rotate-secret")["client_secret"]
            account.administer("PATCH", name=f"renamed {uuid.uuid4().hex[:8]}")
        seen.wait_for_all()
    assert seen.statuses() == {200}


@pytest.mark.alone
def test_a_suspended_account_stops_within_the_delay_and_a_bystander_never(
    archive: Archive, account: Account, delay: int
) -> None:
    bystander = Account(archive)
    with requests.Session() as session:
        assert (account.log_in(session), bystander.log_in(session)) == (200, 200)
    token, other = account.token, bystander.token

    def both(session: requests.Session) -> int:
        assert bystander.read(session, other) == 200
        return account.read(session, token)

    with working(both) as seen:
        seen.wait_for_all()
        suspending = time.monotonic()
        account.administer("PATCH", status="SUSPENDED")
        suspended = time.monotonic()
        with requests.Session() as session:
            assert account.log_in(session) == 401
        time.sleep(max(0.0, suspended + delay - time.monotonic()))
        seen.wait_for_all()
    assert seen.statuses(ended_before=suspending) == {200}
    assert seen.statuses(begun_after=suspended + delay) == {401}
    assert seen.statuses() == {200, 401}


@pytest.mark.alone
def test_a_deleted_account_logs_in_nowhere_from_the_moment_of_the_answer(account: Account) -> None:
    with working(account.log_in, until=401) as seen:  # more failures would shut this address out for minutes
        seen.wait_for_all()
        deleting = time.monotonic()
        account.administer("DELETE")
        deleted = time.monotonic()
        eventually(lambda: len([status for *_, status in seen.answers if status == 401]) == CLIENTS or None)
    assert seen.statuses(ended_before=deleting) == {200}
    assert seen.statuses(begun_after=deleted) <= {401}
