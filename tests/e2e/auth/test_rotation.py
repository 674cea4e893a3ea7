"""Signing keys rotate while clients work, and nobody notices."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
import requests

from tests.e2e.archive import TIMEOUT_SECONDS, Archive, eventually
from tests.e2e.operator import Operator
from tests.e2e.service_accounts import ServiceAccounts, TestClient

CLIENTS = 8
ROTATIONS = 4
AHEAD_SECONDS = 10
PAUSE_SECONDS = 0.1
"""Between two rounds of a client: together they ask all the time, and leave the machine to others as well."""
ROTATE = "/api/v1/jwt-keys/rotate"


@pytest.fixture(scope="module")
def impatient(operator: Operator) -> Iterator[None]:
    """Let the stack's keys be published for ten seconds only before they sign."""
    name = operator.function_names["auth"]
    client = operator.functions

    def configure(variables: dict[str, str]) -> None:
        client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        eventually(lambda: client.get_function_configuration(FunctionName=name)["State"] == "Active" or None)

    as_it_was = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    configure(as_it_was | {"ARTSTORE_KEY_PUBLISH_AHEAD_SECONDS": str(AHEAD_SECONDS)})
    try:
        yield
    finally:
        configure(as_it_was)


@pytest.fixture
def clients(archive: Archive) -> Iterator[list[TestClient]]:
    accounts = ServiceAccounts(archive)
    try:
        yield [accounts.create("READONLY") for _ in range(CLIENTS)]
    finally:
        accounts.clear()


@dataclass
class Seen:
    """What the clients lived through."""

    failures: list[str] = field(default_factory=list)
    requests: int = 0
    tokens: dict[str, str] = field(default_factory=dict)
    """One token of each key that signed."""


class CachedKeys:
    """The key set as a verifier elsewhere holds it: fetched when its cache time is over, and never sooner."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._keys: set[str] = set()
        self._until = 0.0

    def has(self, kid: str) -> bool:
        with self._lock:
            if time.monotonic() >= self._until:
                asked_at = time.monotonic()
                answer = self._archive.anonymous("GET", "/.well-known/jwks.json")
                max_age = int(answer.headers["Cache-Control"].rpartition("=")[2])
                self._keys = {key["kid"] for key in answer.json()["keys"]}
                self._until = asked_at + max_age
            return kid in self._keys


def get_token(archive: Archive, client: TestClient) -> requests.Response:
    return archive.anonymous(
        "POST",
        "/api/v1/auth/token",
        data={"grant_type": "client_credentials"},
        auth=(client.client_id, client.client_secret),
    )


def list_files(archive: Archive, token: str) -> requests.Response:
    return archive.anonymous("GET", "/api/v1/files?limit=1", headers={"Authorization": f"Bearer {token}"})


def work(archive: Archive, client: TestClient, keys: CachedKeys, done: threading.Event, seen: Seen) -> None:
    """Ask for a token, use it, and use the very first one again, until it is enough."""
    first = None
    while not done.wait(PAUSE_SECONDS):
        answer = get_token(archive, client)
        seen.requests += 1
        if answer.status_code != 200:
            seen.failures.append(f"token: {answer.status_code} {answer.text}")
            continue
        token = answer.json()["access_token"]
        kid = jwt.get_unverified_header(token)["kid"]
        seen.tokens.setdefault(kid, token)
        if not keys.has(kid):
            seen.failures.append(f"{kid} signs and was not in the key set")
        first = first or token
        for each in (token, first):
            used = list_files(archive, each)
            seen.requests += 1
            if used.status_code != 200:
                seen.failures.append(f"files: {used.status_code} {used.text}")


def rotate(archive: Archive) -> dict[str, Any]:
    """Rotate as soon as the server lets us."""
    while True:
        answer = archive.request("POST", ROTATE)
        if answer.status_code == 200:
            rotation: dict[str, Any] = answer.json()
            return rotation
        assert (answer.status_code, answer.json()["code"]) == (409, "rotation_too_soon"), answer.text
        time.sleep(int(answer.headers["Retry-After"]))


@pytest.mark.alone
@pytest.mark.usefixtures("impatient")
def test_no_request_fails_while_keys_rotate_under_load(archive: Archive, clients: list[TestClient]) -> None:
    keys, done, seen = CachedKeys(archive), threading.Event(), Seen()
    with ThreadPoolExecutor(CLIENTS) as pool:
        workers = [pool.submit(work, archive, client, keys, done, seen) for client in clients]
        try:
            rotations = [rotate(archive) for _ in range(ROTATIONS)]
            time.sleep(2)
        finally:
            done.set()
        for worker in workers:
            worker.result(timeout=3 * TIMEOUT_SECONDS)
    assert seen.failures == []
    assert len({rotation["activated"] for rotation in rotations}) == ROTATIONS
    assert len(seen.tokens) >= 3, "the load met the rotations"
    assert seen.requests > 100
    for token in seen.tokens.values():
        assert list_files(archive, token).status_code == 200, "a retired key verifies"
    listed = archive.request("GET", "/api/v1/jwt-keys").json()
    assert {key["kid"] for key in listed["keys"] if key["state"] == "active"} == {rotations[-1]["activated"]}
    history = [each["activated"] for each in listed["rotations"]]
    assert history[:ROTATIONS] == [rotation["activated"] for rotation in reversed(rotations)]


@pytest.mark.alone
@pytest.mark.usefixtures("impatient")
def test_of_two_rotations_at_once_one_wins(archive: Archive) -> None:
    first = archive.request("POST", ROTATE)
    time.sleep(AHEAD_SECONDS + 1 if first.status_code == 200 else int(first.headers["Retry-After"]))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: archive.request("POST", ROTATE), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    codes = {answer.json().get("code") for answer in answers if answer.status_code == 409}
    assert codes <= {"rotation_in_progress", "rotation_too_soon"}


def test_the_schedule_may_run_at_any_time(operator: Operator) -> None:
    """With the rights of its own role; a young key stays."""
    for _ in range(2):
        answer = operator.functions.invoke(
            FunctionName=operator.function_names["auth-scheduled"], Payload=b'{"task": "rotate-keys"}'
        )
        text = answer["Payload"].read().decode()
        assert "FunctionError" not in answer, text
        assert '"rotated": false' in text.replace('":false', '": false')


def test_the_server_describes_itself(archive: Archive) -> None:
    answer = archive.anonymous("GET", "/.well-known/oauth-authorization-server")
    assert answer.status_code == 200
    metadata = answer.json()
    assert metadata["token_endpoint"].startswith(metadata["issuer"])
    token = archive.session().token["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["iss"] == metadata["issuer"]
