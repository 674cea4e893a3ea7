"""Tokens end on every function within the stated delay, under eight clients, and no other token ends with them.

At one moment an account is suspended, one is deleted, one gets a new secret without an overlap, and the token of
one is revoked. The other four go on as if nothing had happened.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import requests

from tests.e2e.archive import TIMEOUT_SECONDS, Archive, eventually
from tests.e2e.service_accounts import ServiceAccounts, TestClient

ROUTES = {
    "auth": ("GET", "/api/v1/jwt-keys?limit=1"),
    "upload": ("POST", "/api/v1/files"),
    "query": ("GET", "/api/v1/files?limit=1"),
}
ENDED = ("suspended", "deleted", "rotated", "revoked")
BYSTANDERS = 4
PASSED = {200, 415}
"""The upload has no body and so no media type, which only an accepted token is told."""


@dataclass(frozen=True)
class Answer:
    """What became of a request: when it began and ended (monotonic seconds), and its status."""

    function: str
    begun: float
    ended: float
    status: int


@dataclass
class Worker:
    """A client that uses its first token on every function in turn until it is told to stop."""

    archive: Archive
    client: TestClient
    renews: bool = False
    """Whether it asks for another token in each round, and uses that one as well."""
    answers: list[Answer] = field(default_factory=list)
    refused_logins: int = 0
    token: str = ""

    def log_in(self, session: requests.Session) -> str | None:
        """Give a new token, or None when the client is refused."""
        answer = session.post(
            f"{self.archive.api_url}/api/v1/auth/token",
            data={"grant_type": "client_credentials"},
            auth=(self.client.client_id, self.client.client_secret),
            timeout=TIMEOUT_SECONDS,
        )
        return str(answer.json()["access_token"]) if answer.status_code == 200 else None

    def use(self, session: requests.Session, token: str) -> list[Answer]:
        """Present ``token`` to every function."""
        given = []
        for function, (method, path) in ROUTES.items():
            begun = time.monotonic()
            answer = session.request(
                method,
                self.archive.api_url + path,
                headers={"Authorization": f"Bearer {token}"},
                timeout=TIMEOUT_SECONDS,
            )
            given.append(Answer(function, begun, time.monotonic(), answer.status_code))
        return given

    def work(self, done: threading.Event) -> None:
        """Go on until ``done``."""
        with requests.Session() as session:
            while not done.is_set():
                self.answers += self.use(session, self.token)
                if self.renews:
                    token = self.log_in(session)
                    self.refused_logins += token is None
                    if token is not None:
                        self.answers += self.use(session, token)


def end(archive: Archive, accounts: ServiceAccounts, workers: dict[str, Worker]) -> str:
    """End the tokens of four clients, each in its way; give the new secret of the one whose secret is replaced."""
    own = Archive(archive.api_url, workers["revoked"].client.client_id, workers["revoked"].client.client_secret)
    acts: list[Callable[[], requests.Response]] = [
        lambda: accounts.change(workers["suspended"].client, status="SUSPENDED"),
        lambda: accounts.delete(workers["deleted"].client),
        lambda: own.anonymous(
            "POST",
            "/api/v1/auth/revoke",
            data={"token": workers["revoked"].token},
            auth=(own.client_id, own.client_secret),
        ),
    ]
    for act in acts:
        answer = act()
        assert answer.status_code == 200, answer.text
    client_id = workers["rotated"].client.client_id
    path = f"/api/v1/service-accounts/{client_id}/rotate-secret"
    answer = archive.request("POST", path, json={"overlap_hours": 0})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["client_secret"])


def asked_everywhere(worker: Worker, since: float) -> bool:
    """Tell whether a worker has had an answer from every function to a request that it began after ``since``."""
    return {answer.function for answer in worker.answers if answer.begun > since} == set(ROUTES)


@pytest.mark.alone
def test_tokens_end_everywhere_within_the_delay_and_no_other_token_does(
    archive: Archive, accounts: ServiceAccounts, delay: int
) -> None:
    workers = {name: Worker(archive, accounts.create("ADMIN")) for name in ENDED}
    bystanders = [Worker(archive, accounts.create("ADMIN"), renews=True) for _ in range(BYSTANDERS)]
    everyone = [*workers.values(), *bystanders]
    with requests.Session() as session:
        for worker in everyone:
            worker.token = worker.log_in(session) or ""
    done = threading.Event()
    threads = [threading.Thread(target=worker.work, args=(done,)) for worker in everyone]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: all(asked_everywhere(worker, since=0) for worker in everyone) or None, 60)
        ending = time.monotonic()
        new_secret = end(archive, accounts, workers)
        ended = time.monotonic()
        with requests.Session() as session:
            for name in ("suspended", "deleted", "rotated"):
                assert workers[name].log_in(session) is None, f"{name}: a new token needs no delay to be refused"
        time.sleep(max(0.0, ended + delay - time.monotonic()))
        eventually(lambda: all(asked_everywhere(worker, since=ended + delay) for worker in everyone) or None, 60)
    finally:
        done.set()
        for thread in threads:
            thread.join()

    for bystander in bystanders:
        assert {answer.status for answer in bystander.answers} == PASSED
        assert bystander.refused_logins == 0
    for name, worker in workers.items():
        before = {answer.status for answer in worker.answers if answer.ended < ending}
        late = [answer for answer in worker.answers if answer.begun > ended + delay]
        assert before == PASSED, name
        assert {answer.status for answer in worker.answers} <= PASSED | {401}, name
        assert {answer.status for answer in late} == {401}, name

    assert accounts.change(workers["suspended"].client, status="ACTIVE").status_code == 200
    workers["rotated"].client = TestClient(workers["rotated"].client.client_id, new_secret)
    with requests.Session() as session:
        for name in ("suspended", "rotated", "revoked"):
            fresh = workers[name].log_in(session)
            assert fresh is not None, name
            assert {answer.status for answer in workers[name].use(session, fresh)} == PASSED, name
            assert {answer.status for answer in workers[name].use(session, workers[name].token)} == {401}, name
