"""Dependencies that accept a connection and never answer: nobody waits for them longer than the request may."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest

from artstore import deadline
from artstore.aws import secret_store
from artstore.errors import ArtStoreError, Unavailable
from artstore.http import app as http
from artstore.index.postgres import PostgresIndex
from artstore.objects import ObjectStore, s3_client
from artstore.security import TableKeySource
from artstore.spaces import EVERYWHERE
from functions.query import app as query
from functions.query import dependencies as query_dependencies
from functions.upload.uploads.records import UploadRecords
from tests.support.gateway import Context, call, event

SECONDS = 0.6
"""How long the requests here may wait."""
LATE = 1.2
"""How late an answer may be: Python's share, on a busy machine. A single call's own limit is later than that."""


@pytest.fixture
def frozen_port() -> Iterator[int]:
    """A port on which the system accepts and nobody reads."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture
def frozen_aws(frozen_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{frozen_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    s3_client()
    secret_store.caller()


@contextmanager
def taking_no_longer_than(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


CALLS: dict[str, tuple[Callable[[], object], str]] = {
    "s3": (lambda: ObjectStore(s3_client()).head("edit", "k"), "storage_unavailable"),
    "secrets manager": (lambda: secret_store.read_secret("unit/database"), "secret_unavailable"),
    "dynamodb, query": (lambda: TableKeySource("unit", "https://issuer").jwks(), "unavailable"),
    "dynamodb, get": (lambda: UploadRecords("unit").find(uuid4()), "unavailable"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_to_a_service_that_never_answers_ends_with_the_request(frozen_aws: None, name: str) -> None:
    work, code = CALLS[name]
    with taking_no_longer_than(SECONDS + LATE), deadline.within(SECONDS), pytest.raises(Unavailable) as caught:
        work()
    assert caught.value.code == code


def test_the_second_call_of_a_request_shares_what_the_first_has_left(frozen_aws: None) -> None:
    with taking_no_longer_than(SECONDS + LATE), deadline.within(SECONDS):
        for _ in range(5):
            with pytest.raises(ArtStoreError):
                ObjectStore(s3_client()).ping("edit")


def test_no_call_begins_when_the_time_is_over(aws: None) -> None:
    with deadline.within(0), pytest.raises(Unavailable):
        ObjectStore(s3_client()).ping("edit")


def test_several_hosts_of_a_database_share_the_time_of_one_request(frozen_port: int) -> None:
    hosts = ",".join([f"127.0.0.1:{frozen_port}"] * 4)
    index = PostgresIndex(f"postgresql://nobody:nothing@{hosts}/none")
    with taking_no_longer_than(SECONDS + LATE), deadline.within(SECONDS), pytest.raises(Unavailable) as caught:
        index.ping()
    assert caught.value.code == "index_unavailable"


def test_a_database_that_falls_silent_is_waited_for_no_longer_and_used_again_later(
    postgres_index: PostgresIndex, database_url: str
) -> None:
    postgres_index.ping()
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE documents")
        with taking_no_longer_than(SECONDS + LATE), deadline.within(SECONDS), pytest.raises(Unavailable):
            postgres_index.search(None, 10, None, EVERYWHERE)
    postgres_index.ping()


class LambdaContext(Context):
    """A function that is about to be cut off."""

    def get_remaining_time_in_millis(self) -> int:
        return int((http.RESERVED_SECONDS + SECONDS) * 1000)


@pytest.fixture
def frozen_query(frozen_aws: None, frozen_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The read side, everything behind it frozen."""
    monkeypatch.setenv("ARTSTORE_PREFIX", "unit")
    monkeypatch.setenv("ARTSTORE_ISSUER", "https://issuer")
    monkeypatch.setenv("ARTSTORE_CURSOR_KEY_SECRET_ID", "unit/cursor-key")
    monkeypatch.setenv("ARTSTORE_DATABASE_URL", f"postgresql://nobody:nothing@127.0.0.1:{frozen_port}/none")
    element = '{"element_id": "e", "bucket": "edit", "prefix": "", "mode": "edit", "priority": 1}'
    monkeypatch.setenv("ARTSTORE_STORAGE_ELEMENTS", f"[{element}]")
    kept = (
        query_dependencies.settings,
        query_dependencies.database_address,
        query_dependencies.index,
        query_dependencies.readiness,
        http._verifier,
    )
    for each in kept:
        each.cache_clear()
    yield
    for each in kept:
        each.cache_clear()


def test_readiness_names_all_that_is_frozen_within_two_seconds_and_then_at_once(frozen_query: None) -> None:
    query_dependencies.readiness()  # importing what asks is part of the cold start
    with taking_no_longer_than(2 + LATE / 2):
        answer = call(query.app, "GET", "/health/ready")
    assert answer.status == 503
    assert answer.json["dependencies"] == {
        "dynamodb": "unavailable",
        "s3": "storage_unavailable",
        "postgresql": "index_unavailable",
    }
    with taking_no_longer_than(LATE):
        assert call(query.app, "GET", "/health/ready").text == answer.text


def test_a_request_is_answered_with_a_503_and_a_code_before_its_function_is_cut_off(frozen_query: None) -> None:
    token = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IngifQ.e30.x"
    asked = event("GET", "/api/v1/files", "/api/v1/files", headers={"Authorization": f"Bearer {token}"})
    with taking_no_longer_than(SECONDS + LATE):
        answer = query.app(asked, LambdaContext())
    assert answer["statusCode"] == 503
    assert '"code":"unavailable"' in answer["body"]
    assert answer["headers"]["Retry-After"]
