"""The handler on the queue: each message stands for itself, each event leaves one line, nothing blocks it."""

from __future__ import annotations

import contextlib
import functools
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from artstore.attributes import dump, to_document
from artstore.aws.ingesting import LATER
from artstore.errors import NotFound, Unavailable
from artstore.objects import Content
from functions.storage_events import app, dependencies
from functions.storage_events.events import StorageEvent
from functions.storage_events.gathering import GatheringIndex
from functions.storage_events.outcomes import Outcome, Result
from tests.fakes.documents import make_attributes
from tests.fakes.memory_index import MemoryIndex
from tests.fakes.memory_queue import MemoryQueue

RECORDED = Path(__file__).parents[2] / "events"
FILE_ID = UUID(int=7)


@dataclass
class Context:
    aws_request_id: str = "request-1"
    milliseconds: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@dataclass
class FakeIngest:
    results: dict[str, Result | Exception] = field(default_factory=dict)
    handled: list[str] = field(default_factory=list)

    def handle(self, event: StorageEvent) -> Result:
        self.handled.append(event.key)
        result = self.results.get(event.key, Result(Outcome.STORED, FILE_ID))
        if isinstance(result, Exception):
            raise result
        return result


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture
def ingest(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, queue: MemoryQueue
) -> Iterator[FakeIngest]:
    fake = FakeIngest()
    # A logger keeps the stream it was made with; one for each test writes where that test looks.
    monkeypatch.setattr(app, "SERVICE", f"storage-events-{request.node.name}")
    monkeypatch.setattr(dependencies, "settings", lambda: SimpleNamespace(log_level="INFO", prefix="unit"))
    monkeypatch.setattr(dependencies, "ingest", lambda: fake)
    monkeypatch.setattr(dependencies, "event_queue", lambda: queue)
    monkeypatch.setattr(dependencies, "index", lambda: GatheringIndex(MemoryIndex()))
    with ThreadPoolExecutor(1) as threads:
        monkeypatch.setattr(dependencies, "threads", lambda: threads)
        yield fake


def notification(*keys: str, at: datetime | None = None) -> str:
    message = json.loads((RECORDED / "aws_object_created_put.json").read_text(encoding="utf-8"))
    record = message["Records"][0] | ({"eventTime": at.isoformat()} if at else {})
    message["Records"] = [record | {"s3": {"bucket": {"name": "edit"}, "object": {"key": key}}} for key in keys]
    return json.dumps(message)


def batch(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"message-{number}", "body": body, "eventSource": "aws:sqs"}
            for number, body in enumerate(bodies)
        ]
    }


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().out.splitlines()]


DONE: dict[str, Any] = {"batchItemFailures": []}


def test_a_batch_without_trouble_is_done(ingest: FakeIngest, queue: MemoryQueue) -> None:
    assert app.handler(batch(notification("a"), notification("b", "c")), Context()) == DONE
    assert ingest.handled == ["a", "b", "c"]
    assert queue == MemoryQueue()


def test_a_message_that_is_no_notification_is_given_up_at_once_and_alone(
    ingest: FakeIngest, queue: MemoryQueue
) -> None:
    assert app.handler(batch(notification("a"), "junk", notification("c")), Context()) == DONE
    assert ingest.handled == ["a", "c"]
    assert [(each.body, each.reason) for each in queue.given_up] == [("junk", "unknown_message")]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unavailable("storage is away", code="storage_unavailable"), "storage_unavailable"),
        (RuntimeError("a bug"), "RuntimeError"),
    ],
)
def test_an_event_that_cannot_be_handled_now_comes_again_alone(
    ingest: FakeIngest, queue: MemoryQueue, capsys: pytest.CaptureFixture[str], error: Exception, reason: str
) -> None:
    ingest.results["b"] = error
    assert app.handler(batch(notification("a"), notification("b"), notification("c")), Context()) == DONE
    assert ingest.handled == ["a", "b", "c"]
    assert [(each.body, each.attempts) for each in queue.again] == [(notification("b"), 1)]
    said = lines(capsys)
    [line] = [each for each in said if each.get("message") == "message"]
    assert (line["message_id"], line["outcome"], line["reason"]) == ("message-1", "again", reason)
    [metrics] = [each for each in said if "_aws" in each]
    assert metrics["MessagesFailed"] == [1]


def test_what_cannot_even_be_settled_is_left_to_the_queue(ingest: FakeIngest, queue: MemoryQueue) -> None:
    queue.failure = Unavailable("the queue does not answer")
    answer = app.handler(batch("junk", notification("b")), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}


def test_the_test_event_is_dropped(ingest: FakeIngest, queue: MemoryQueue) -> None:
    test_event = (RECORDED / "aws_test_event.json").read_text(encoding="utf-8")
    assert app.handler(batch(test_event), Context()) == DONE
    assert (ingest.handled, queue) == ([], MemoryQueue())


def test_each_event_leaves_one_line_that_says_what_became_of_it(
    ingest: FakeIngest, capsys: pytest.CaptureFixture[str]
) -> None:
    ingest.results["bad"] = Result(Outcome.REJECTED, FILE_ID, "size_mismatch")
    ingest.results["down"] = Unavailable("the index does not answer")
    app.handler(batch(notification("good"), notification("bad"), notification("down")), Context())
    events = [line for line in lines(capsys) if line.get("message") == "event"]
    assert [(line["key"], line["outcome"], line.get("reason")) for line in events] == [
        ("good", "stored", None),
        ("bad", "rejected", "size_mismatch"),
        ("down", "failed", None),
    ]
    good = events[0]
    assert good["operation"] == "ObjectCreated:Put"
    assert (good["bucket"], good["message_id"], good["request_id"]) == ("edit", "message-0", "request-1")
    assert good["file_id"] == str(FILE_ID)
    assert good["milliseconds"] >= 0


@pytest.mark.parametrize(
    ("outcome", "metric"),
    [
        (Outcome.DESCRIBED_ANEW, "DocumentsDescribedAnew"),
        (Outcome.DUPLICATE_ID, "DuplicateIds"),
        (Outcome.FOREIGN_VERSION, "ForeignVersions"),
        (Outcome.MISSING, "DocumentsMissing"),
    ],
)
def test_what_other_tools_did_is_counted_and_named(
    ingest: FakeIngest, capsys: pytest.CaptureFixture[str], outcome: Outcome, metric: str
) -> None:
    ingest.results["a"] = Result(outcome, FILE_ID, other="s3://edit/b")
    app.handler(batch(notification("a")), Context())
    said = lines(capsys)
    [event] = [line for line in said if line.get("message") == "event"]
    assert (event["outcome"], event["other"]) == (outcome, "s3://edit/b")
    [metrics] = [line for line in said if "_aws" in line]
    assert metrics[metric] == [1]
    assert "DocumentsStored" not in metrics


def test_outcomes_are_counted(ingest: FakeIngest, capsys: pytest.CaptureFixture[str]) -> None:
    ingest.results["bad"] = Result(Outcome.REJECTED, FILE_ID, "size_mismatch")
    app.handler(batch(notification("a", "b"), notification("bad"), "junk"), Context())
    (metrics,) = [line for line in lines(capsys) if "_aws" in line]
    assert metrics["DocumentsStored"] == [2]
    assert metrics["DocumentsRejected"] == [1]
    assert metrics["MessagesGivenUp"] == [1]


def test_the_time_from_the_put_to_the_index_is_measured_for_each_document_stored(
    ingest: FakeIngest, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)
    ingest.results["again"] = Result(Outcome.ALREADY_STORED, FILE_ID)
    bodies = [
        notification("slow", at=now - timedelta(seconds=90)),
        notification("again", at=now - timedelta(seconds=50)),
        notification("ahead of our clock", at=now + timedelta(seconds=60)),
    ]
    app.handler(batch(*bodies), Context())
    (metrics,) = [line for line in lines(capsys) if "_aws" in line]
    slow, ahead = metrics["TimeToSearchable"]
    assert 90_000 <= slow < 100_000
    assert ahead == 0


def test_a_document_that_could_not_be_read_is_counted_and_named(
    ingest: FakeIngest, capsys: pytest.CaptureFixture[str]
) -> None:
    ingest.results["damaged"] = Result(Outcome.STORED, FILE_ID, unread=True)
    app.handler(batch(notification("good", "damaged")), Context())
    said = lines(capsys)
    assert [line["key"] for line in said if line.get("unread")] == ["damaged"]
    (metrics,) = [line for line in said if "_aws" in line]
    assert (metrics["DocumentsStored"], metrics["DocumentsUnread"]) == ([2], [1])


def test_a_place_is_looked_at_now_and_the_answer_tells_what_lies_there(
    ingest: FakeIngest, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes = make_attributes(file_id=FILE_ID)
    content = Content(body=dump(attributes), etag='"attributes"')
    asked: list[str] = []

    def read(_bucket: str, key: str, _limit: int) -> Content:
        asked.append(key)
        return content

    monkeypatch.setattr(dependencies, "objects", lambda: SimpleNamespace(read=read))
    answer = app.handler({"ingest": {"bucket": "edit", "key": "a/b.pdf"}}, Context())
    assert ingest.handled == ["a/b.pdf"]
    assert asked == ["a/b.pdf.attr.json"]
    assert json.loads(json.dumps(answer)) == {
        "outcome": "stored",
        "file_id": str(FILE_ID),
        "reason": None,
        "attributes": to_document(attributes),
        "attributes_etag": '"attributes"',
    }


def test_where_nothing_lies_the_answer_has_no_attributes(
    ingest: FakeIngest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_bucket: str, _key: str, _limit: int) -> Content:
        raise NotFound("no such object")

    monkeypatch.setattr(dependencies, "objects", lambda: SimpleNamespace(read=read))
    ingest.results["gone"] = Result(Outcome.GONE)
    answer = app.handler({"ingest": {"bucket": "edit", "key": "gone"}}, Context())
    assert (answer["outcome"], answer["attributes"], answer["attributes_etag"]) == ("gone", None, None)


def test_looking_now_that_fails_is_an_outcome_since_the_event_comes_all_the_same(ingest: FakeIngest) -> None:
    ingest.results["down"] = Unavailable("the index does not answer")
    answer = app.handler({"ingest": {"bucket": "edit", "key": "down"}}, Context())
    assert answer == {"outcome": LATER}


def test_an_answer_that_cannot_be_read_after_looking_is_later_too_and_says_why_in_the_log(
    ingest: FakeIngest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(_bucket: str, _key: str, _limit: int) -> Content:
        raise Unavailable("storage does not answer")

    monkeypatch.setattr(dependencies, "objects", lambda: SimpleNamespace(read=read))
    assert app.handler({"ingest": {"bucket": "edit", "key": "a"}}, Context()) == {"outcome": LATER}
    said = lines(capsys)
    [failed_to_read] = [line for line in said if line.get("message") == "attributes"]
    assert (failed_to_read["key"], failed_to_read["request_id"]) == ("a", "request-1")
    assert "storage does not answer" in failed_to_read["exception"]
    [metrics] = [line for line in said if "_aws" in line]
    assert metrics["DocumentsStored"] == [1], "what was done is counted"


def test_messages_that_begin_at_once_are_handled_by_one_ingest_and_one_process_that_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[object] = []
    others = threading.Barrier(4)

    def make() -> object:
        made.append(object())
        with contextlib.suppress(threading.BrokenBarrierError):
            others.wait(timeout=0.2)
        return made[-1]

    monkeypatch.setattr(dependencies, "_ingest", functools.cache(make))
    with ThreadPoolExecutor(4) as threads:
        given = list(threads.map(lambda _: dependencies.ingest(), range(4)))
    assert given == made * 4
