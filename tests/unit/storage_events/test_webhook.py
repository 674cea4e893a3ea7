"""Storage tells of its events over HTTP: taken by a token, put into the queue, answered once they are there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artstore.aws.dead_letters import ALONE, ATTEMPTS, FIRST_SEEN, REASON
from artstore.errors import Misconfigured, Unavailable
from functions.storage_events.events import parse_message
from functions.storage_events.webhook import app, dependencies
from functions.storage_events.webhook.forwarding import MAX_BYTES, Forwarding
from functions.storage_events.webhook.tokens import COOLDOWN_SECONDS, FRESH_SECONDS, WebhookTokens
from tests.support.gateway import Answer, call

RECORDED = Path(__file__).parents[2] / "events"
MINIO = (RECORDED / "minio_object_created_put.json").read_bytes()
FILER = (RECORDED / "seaweedfs_create.json").read_bytes()
GOOD = "good"


class Secret:
    """A secret in two stages, which counts how often it is read."""

    def __init__(self, current: str | None, previous: str | None = None) -> None:
        self.stages = {"AWSCURRENT": current, "AWSPREVIOUS": previous}
        self.reads = 0
        self.now = 0.0

    def read(self, stage: str) -> str | None:
        self.reads += stage == "AWSCURRENT"
        return self.stages[stage]

    def rotate(self, token: str) -> None:
        self.stages = {"AWSCURRENT": token, "AWSPREVIOUS": self.stages["AWSCURRENT"]}

    def tokens(self) -> WebhookTokens:
        return WebhookTokens(self.read, lambda: self.now)


class Queue:
    """A queue that may be away."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.error: Exception | None = None

    def send(self, body: str, source: str) -> str:
        if self.error is not None:
            raise self.error
        self.sent.append((body, source))
        return f"message-{len(self.sent)}"


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    queue = Queue()
    monkeypatch.setenv("ARTSTORE_PREFIX", "unit")
    monkeypatch.setattr(dependencies, "forwarding", lambda: Forwarding(queue.send))
    monkeypatch.setattr(dependencies, "tokens", Secret("good").tokens)
    return queue


def tell(
    body: bytes, source: str = "minio", token: str | None = GOOD, media_type: str = "application/json"
) -> Answer:
    path = f"/api/v1/events/{source}"
    return call(app.app, "POST", path, headers={"Content-Type": media_type}, body=body.decode(), token=token)


def probe(method: str, source: str = "minio", token: str | None = GOOD) -> Answer:
    return call(app.app, method, f"/api/v1/events/{source}", token=token)


def test_an_event_of_minio_is_in_the_queue_unchanged_when_it_is_answered(queue: Queue) -> None:
    answer = tell(MINIO)
    assert (answer.status, answer.json) == (200, {"message_id": "message-1"})
    assert queue.sent == [(MINIO.decode(), "minio")]


@pytest.mark.parametrize("source", ["minio", "seaweedfs"])
@pytest.mark.parametrize(
    ("token", "code"), [(None, "missing_token"), ("bad", "invalid_token"), ("good2", "invalid_token")]
)
def test_nothing_is_taken_without_the_token(queue: Queue, source: str, token: str | None, code: str) -> None:
    for answer in (tell(MINIO, source, token), probe("GET", source, token)):
        assert (answer.status, answer.json["code"]) == (401, code)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert probe("HEAD", source, token).status == 401
    assert queue.sent == []


@pytest.mark.parametrize("source", ["minio", "seaweedfs"])
def test_a_probe_is_answered_and_leaves_nothing(queue: Queue, source: str) -> None:
    head, get = probe("HEAD", source), probe("GET", source)
    assert (head.status, head.text) == (200, "")
    assert (get.status, get.json) == (200, {"source": source})
    assert queue.sent == []


def test_what_the_queue_does_not_have_is_not_answered_as_taken(queue: Queue) -> None:
    queue.error = Unavailable("the queue of events does not answer", code="queue_unavailable")
    answer = tell(MINIO)
    assert (answer.status, answer.json["code"]) == (503, "queue_unavailable")


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b'"text"', b"{", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(queue: Queue, body: bytes) -> None:
    answer = tell(body)
    assert (answer.status, answer.json["code"]) == (400, "invalid_event")
    assert queue.sent == []


def test_another_type_of_body_is_refused(queue: Queue) -> None:
    answer = tell(MINIO, media_type="text/plain")
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")
    assert queue.sent == []


def test_what_is_no_event_is_taken_since_its_sender_would_repeat_it_for_ever(queue: Queue) -> None:
    """In the queue it fails alone, and waits in the dead letter queue with its reason."""
    for source in ("minio", "seaweedfs"):
        assert tell(b'{"hello": "world"}', source).status == 200
    assert [body for body, _ in queue.sent] == ['{"hello": "world"}'] * 2


def test_more_than_the_queue_takes_is_refused(queue: Queue) -> None:
    body = json.dumps({"Records": "x" * MAX_BYTES}).encode()
    answer = tell(body)
    assert (answer.status, answer.json["code"]) == (413, "event_too_large")
    room = MAX_BYTES - len('{"Records": ""}')
    assert tell(json.dumps({"Records": "x" * room}).encode()).status == 200


def test_what_is_taken_has_room_in_the_queue_with_all_that_is_ever_told_beside_it(queue: Queue) -> None:
    """SQS Developer Guide, "Message quotas": 256 KiB, names, types and values of attributes included."""
    room = MAX_BYTES - len('{"Records": ""}')
    assert tell(json.dumps({"Records": "x" * room}).encode()).status == 200
    [(sent, source)] = queue.sent
    told = {
        ATTEMPTS: "5",
        FIRST_SEEN: "2026-03-01T12:00:00.000Z",
        ALONE: "true",
        REASON: "r" * 100,
        "source": source,
    }
    assert len(sent.encode()) + sum(len(f"{name}String{value}") for name, value in told.items()) <= 256 * 1024
    grows = json.dumps({"Records": "\uffff" * (room // 4)}, ensure_ascii=False).encode()
    assert len(grows) < MAX_BYTES
    assert tell(grows).status == 413, "escaped it is twice as long"


def test_characters_that_the_queue_refuses_are_escaped(queue: Queue) -> None:
    body = json.dumps({"Records": [], "Key": "a\ufffeb\uffffc"}, ensure_ascii=False)
    assert tell(body.encode()).status == 200
    [(sent, _)] = queue.sent
    assert json.loads(sent) == json.loads(body)
    assert not {"\ufffe", "\uffff"} & set(sent)


def test_a_change_of_a_filer_says_which_object_it_is_of_and_no_more(queue: Queue) -> None:
    assert tell(FILER, "seaweedfs").status == 200
    [(sent, source)] = queue.sent
    assert source == "seaweedfs"
    assert parse_message(sent) == parse_message(FILER.decode())
    assert len(sent) < len(FILER) / 2
    assert "chunks" not in sent
    assert "content" not in sent


def test_a_file_of_ten_thousand_chunks_has_its_event(queue: Queue) -> None:
    message = json.loads(FILER)
    entry = message["message"]["new_entry"]
    entry["chunks"] = [{"file_id": f"3,{number:x}637037d6", "size": 8_388_608} for number in range(10_000)]
    body = json.dumps(message).encode()
    assert len(body) > MAX_BYTES
    assert tell(body, "seaweedfs").status == 200
    assert parse_message(queue.sent[0][0]) == parse_message(FILER.decode())


def test_a_token_that_was_replaced_is_good_until_it_is_replaced_again() -> None:
    secret = Secret("first")
    tokens = secret.tokens()
    assert tokens.accept("first")
    secret.rotate("second")
    secret.now += COOLDOWN_SECONDS
    assert tokens.accept("second"), "an unknown token has the secret read again"
    assert tokens.accept("first")
    secret.rotate("third")
    secret.now += FRESH_SECONDS
    assert not tokens.accept("first")
    assert tokens.accept("second")
    assert tokens.accept("third")


def test_guessing_does_not_read_the_secret_each_time() -> None:
    secret = Secret("good")
    tokens = secret.tokens()
    for number in range(100):
        assert not tokens.accept(f"guess-{number}")
    assert secret.reads == 1
    secret.now += FRESH_SECONDS - 1
    assert tokens.accept("good")
    assert secret.reads == 1


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_value_nobody_is_let_in(value: str | None) -> None:
    with pytest.raises(Misconfigured):
        Secret(value).tokens().accept("")


def test_an_empty_value_before_lets_nobody_in() -> None:
    assert not Secret("good", "").tokens().accept("")


def test_a_secret_that_cannot_be_read_is_no_refusal(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_stage: str) -> Any:
        raise Unavailable("a secret of this deployment cannot be read", code="secret_unavailable")

    monkeypatch.setattr(dependencies, "tokens", lambda: WebhookTokens(away))
    assert tell(MINIO).status == 503
