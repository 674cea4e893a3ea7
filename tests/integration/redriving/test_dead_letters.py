"""Events are given up with a reason, shown, and sent back; on SQS as the emulator plays it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest

from artstore.aws.dead_letters import DeadLetters
from artstore.jobs import new_job
from functions.maintenance.redriving.desk import show
from functions.maintenance.redriving.runner import RedriveRunner
from functions.maintenance.steps import Continue, Done
from functions.storage_events.event_queue import EventQueue
from functions.storage_events.messages import Message, read_record
from infra import redrive

BODY = json.dumps(
    {
        "Records": [
            {
                "eventName": "s3:ObjectCreated:Put",
                "s3": {"bucket": {"name": "edit"}, "object": {"key": "a%2Fb+c.pdf"}},
            }
        ]
    }
)


@pytest.fixture(scope="module")
def sqs(emulator_url: str) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=emulator_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # the emulator's
    )


@pytest.fixture
def urls(sqs: Any) -> Iterator[tuple[str, str]]:
    name = uuid4().hex[:8]
    made = [sqs.create_queue(QueueName=f"{each}-{name}")["QueueUrl"] for each in ("events", "dead")]
    yield made[0], made[1]
    for each in made:
        sqs.delete_queue(QueueUrl=each)


@pytest.fixture
def queue(sqs: Any, urls: tuple[str, str]) -> EventQueue:
    return EventQueue(*urls, client=lambda: sqs)


@pytest.fixture
def letters(sqs: Any, urls: tuple[str, str]) -> DeadLetters:
    return DeadLetters(urls[1], urls[0], client=lambda: sqs)


def message(body: str = BODY, **said: Any) -> Message:
    return Message(message_id="m", receipt_handle="", body=body, first_seen="2026-03-01T12:00:00.000Z", **said)


def received(sqs: Any, url: str) -> list[Message]:
    """Receive what Lambda would, in the form in which Lambda gives it."""
    found = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    ).get("Messages", [])
    return [
        read_record(
            {
                "messageId": each["MessageId"],
                "receiptHandle": each["ReceiptHandle"],
                "body": each["Body"],
                "attributes": each["Attributes"],
                "messageAttributes": {
                    name: {kind[0].lower() + kind[1:]: value for kind, value in told.items()}
                    for name, told in each.get("MessageAttributes", {}).items()
                },
            }
        )
        for each in found
    ]


def test_a_copy_says_how_often_it_was_tried_and_since_when_and_what_was_told_before(
    sqs: Any, urls: tuple[str, str], queue: EventQueue
) -> None:
    told = {"source": {"dataType": "String", "stringValue": "minio"}}
    queue.send_again(message(told=told), attempts=2, delay_seconds=0, alone=False)
    [copy] = received(sqs, urls[0])
    assert (copy.body, copy.attempts, copy.first_seen, copy.alone) == (BODY, 2, "2026-03-01T12:00:00.000Z", False)
    assert copy.told["source"]["stringValue"] == "minio"
    queue.send_again(copy, attempts=3, delay_seconds=0, alone=True)
    queue.delete(copy)
    [copy] = received(sqs, urls[0])
    assert (copy.attempts, copy.alone) == (3, True)


def test_a_delay_keeps_a_copy_back(sqs: Any, urls: tuple[str, str], queue: EventQueue) -> None:
    queue.send_again(message(), attempts=1, delay_seconds=900, alone=False)
    assert received(sqs, urls[0]) == []


def test_what_is_given_up_is_shown_with_its_reason_and_stays(queue: EventQueue, letters: DeadLetters) -> None:
    queue.give_up(message(attempts=4), "storage_unavailable")
    queue.give_up(message("junk"), "unknown_message")
    for _ in range(2):
        shown = {each.reason: show(each) for each in letters.peek(10)}
        assert set(shown) == {"storage_unavailable", "unknown_message"}
    event, junk = shown["storage_unavailable"], shown["unknown_message"]
    assert (event.bucket, event.key, event.event) == ("edit", "a/b c.pdf", "ObjectCreated:Put")
    assert (event.attempts, event.first_seen, event.body) == (5, "2026-03-01T12:00:00.000Z", None)
    assert (junk.bucket, junk.body) == (None, "junk")
    assert letters.count() == 2


def test_what_the_queue_moved_by_itself_is_shown_too(
    sqs: Any, urls: tuple[str, str], letters: DeadLetters
) -> None:
    sqs.send_message(QueueUrl=urls[1], MessageBody=BODY)
    [letter] = letters.peek(10)
    assert (letter.reason, letter.attempts) == ("never_finished", None)


def test_what_is_sent_back_has_not_been_tried_but_is_as_old_as_it_is(
    sqs: Any, urls: tuple[str, str], queue: EventQueue, letters: DeadLetters
) -> None:
    queue.give_up(message(attempts=4), "storage_unavailable")
    assert letters.redrive().sent == 1
    [copy] = received(sqs, urls[0])
    assert (copy.attempts, copy.first_seen, copy.alone) == (0, "2026-03-01T12:00:00.000Z", False)
    assert "reason" not in copy.told
    assert letters.count() == 0


def test_what_a_function_died_of_is_sent_back_to_be_handled_alone(
    sqs: Any, urls: tuple[str, str], letters: DeadLetters
) -> None:
    sqs.send_message(QueueUrl=urls[1], MessageBody=BODY)
    letters.redrive()
    [copy] = received(sqs, urls[0])
    assert copy.alone


def test_what_trying_again_does_not_mend_stays_when_it_is_to(queue: EventQueue, letters: DeadLetters) -> None:
    queue.give_up(message("junk"), "unknown_message")
    queue.give_up(message(), "index_unavailable")
    came = letters.redrive(unless=("unknown_message",))
    assert (came.sent, came.kept, came.is_over) == (1, 1, True)
    assert [each.reason for each in letters.peek(10)] == ["unknown_message"], "and it is not hidden"


def test_what_came_after_the_job_was_asked_for_is_not_sent_in_circles(
    queue: EventQueue, letters: DeadLetters
) -> None:
    queue.give_up(message(), "storage_unavailable")
    came = letters.redrive(until=datetime.now(UTC) - timedelta(seconds=60))
    assert (came.sent, came.kept, came.is_over) == (0, 1, True)


def test_a_job_sends_as_many_as_it_was_asked_to(queue: EventQueue, letters: DeadLetters) -> None:
    for _ in range(12):
        queue.give_up(message(), "storage_unavailable")
    now = datetime.now(UTC) + timedelta(seconds=5)
    job = new_job(uuid4(), "redrive", {"max": 11}, now)
    assert RedriveRunner(letters).step(job, lambda: 100) == Done({"sent": 11, "kept": 0})
    assert letters.count() == 1


def test_a_job_without_time_goes_on_later(queue: EventQueue, letters: DeadLetters) -> None:
    queue.give_up(message(), "storage_unavailable")
    job = new_job(uuid4(), "redrive", {}, datetime.now(UTC) + timedelta(seconds=5))
    assert RedriveRunner(letters).step(job, lambda: 4) == Continue({"sent": 0, "kept": 0})
    assert RedriveRunner(letters).step(job, lambda: 100) == Done({"sent": 1, "kept": 0})


def test_the_command_shows_and_sends_back_without_the_api(sqs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    prefix = f"p{uuid4().hex[:8]}"
    events, dead = (
        sqs.create_queue(QueueName=f"{prefix}-{each}")["QueueUrl"] for each in ("events", "events-dlq")
    )
    EventQueue(events, dead, client=lambda: sqs).give_up(message(attempts=4), "storage_unavailable")
    assert redrive.main(["--prefix", prefix, "--list"], lambda: sqs) == 0
    assert "storage_unavailable  attempts 5" in capsys.readouterr().out
    assert redrive.main(["--prefix", prefix], lambda: sqs) == 0
    assert capsys.readouterr().out == "sent back 1\n"
    assert [each.body for each in received(sqs, events)] == [BODY]


def test_the_command_says_that_there_is_no_such_deployment(sqs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert redrive.main(["--prefix", "nobody"], lambda: sqs) == 1
    assert "NonExistentQueue" in capsys.readouterr().err
