"""Messages of the event queue that were given up: listing them, and sending them back.

What the function behind the queue says of a message is told in its attributes; SQS moves a message there by
itself, without a word, when the function ended five times without settling it. Sending back is receiving, sending
and deleting, in this order: a message may come twice, and none is lost.

Rights needed: sqs:ReceiveMessage and sqs:ChangeMessageVisibility on the dead letter queue to list; to send back,
sqs:DeleteMessage there, sqs:GetQueueAttributes, and sqs:SendMessage on the event queue.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from artstore.aws import create_client
from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable

REASON: Final = "reason"
"""Why it was given up: a code."""
ATTEMPTS: Final = "attempts"
"""How often it was tried and failed."""
FIRST_SEEN: Final = "first_seen"
"""When it came for the first time (RFC 3339): a copy does not tell by itself."""
ALONE: Final = "alone"
"""Set where a function died, or ran out of time, while it had the message: it is handled by itself."""
UNTOLD: Final = "never_finished"
"""The reason of a message that SQS moved by itself, or that was about to be: the function never told of it."""

_AT_ONCE: Final = 10
_PEEK_SECONDS: Final = 10
_HIDDEN_SECONDS: Final = 120
_SPARED_SECONDS: Final = 2.0
_TIMEOUTS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was given up. ``attempts`` is None where the function never told."""

    message_id: str
    body: str
    reason: str
    attempts: int | None
    first_seen: str
    given_up_at: str


class Redriven(msgspec.Struct, frozen=True, kw_only=True):
    """What sending back came to: how many were sent, how many were looked at and stay, and whether that is all."""

    sent: int = 0
    kept: int = 0
    is_over: bool = False


@functools.cache
def sqs_client() -> Any:
    """Give the process's client of SQS."""
    return create_client("sqs", _TIMEOUTS)


@contextlib.contextmanager
def reaching_queue() -> Iterator[None]:
    """Turn a failure of SQS into Unavailable."""
    try:
        yield
    except (BotoCoreError, ClientError, DeadlineExceeded) as error:
        raise Unavailable("the queue does not answer", code="queue_unavailable") from error


class DeadLetters:
    """The dead letter queue of the event queue."""

    def __init__(self, url: str, events_url: str, client: Callable[[], Any] = sqs_client) -> None:
        """Take the URLs of both queues; no call is made yet."""
        self._url = url
        self._events_url = events_url
        self._client = client

    def count(self) -> int:
        """Tell about how many there are, hidden ones included. Raises Unavailable."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        with reaching_queue():
            answer = self._client().get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def peek(self, limit: int) -> list[DeadLetter]:
        """Show up to ``limit``, in no order. They are hidden while they are read, and then as they were. Raises
        Unavailable."""
        found: dict[str, dict[str, Any]] = {}
        with reaching_queue():
            try:
                while len(found) < limit:
                    received = self._receive(min(_AT_ONCE, limit - len(found)), _PEEK_SECONDS)
                    if not received:
                        break
                    found |= {each["MessageId"]: each for each in received}
            finally:
                for each in found.values():
                    self._release(each["ReceiptHandle"])
        return [_read(each) for each in found.values()]

    def redrive(
        self,
        *,
        most: int | None = None,
        until: datetime | None = None,
        unless: Collection[str] = (),
        time_left: Callable[[], float] = lambda: 60.0,
    ) -> Redriven:
        """Send messages back, each as one that has not been tried yet.

        Those only that came before ``until`` (one that fails again at once would be sent for ever) and whose
        reason is none of ``unless``. Ends when ``most`` were sent or less than five seconds are left: then there
        may be more. Raises Unavailable; what was sent stays sent.
        """
        sent = 0
        kept: dict[str, str] = {}
        with reaching_queue():
            try:
                while (most is None or sent < most) and time_left() > 5:
                    received = self._receive(
                        _AT_ONCE if most is None else min(_AT_ONCE, most - sent), _HIDDEN_SECONDS
                    )
                    if not received:  # what stays may be received again, after two minutes of sending others
                        return Redriven(sent=sent, kept=len(kept), is_over=True)
                    for each in received:
                        letter = _read(each)
                        if letter.reason in unless or (until is not None and letter.given_up_at > _text(until)):
                            kept[each["MessageId"]] = each["ReceiptHandle"]
                            continue
                        self._send_back(each, letter)
                        sent += 1
            finally:
                for handle in kept.values():
                    if time_left() < _SPARED_SECONDS:
                        break  # the others are shown again by themselves, two minutes after they were received
                    self._release(handle)
        return Redriven(sent=sent, kept=len(kept), is_over=most is not None and sent >= most)

    def _receive(self, count: int, hidden_seconds: int) -> list[dict[str, Any]]:
        answer = self._client().receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=count,
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
            AttributeNames=["SentTimestamp"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _send_back(self, message: dict[str, Any], letter: DeadLetter) -> None:
        told = {
            name: value
            for name, value in message.get("MessageAttributes", {}).items()
            if name not in (REASON, ATTEMPTS)
        }
        told[FIRST_SEEN] = text_attribute(letter.first_seen)
        if letter.reason == UNTOLD:
            told[ALONE] = text_attribute("true")
        client = self._client()
        client.send_message(QueueUrl=self._events_url, MessageBody=message["Body"], MessageAttributes=told)
        client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])

    def _release(self, receipt_handle: str) -> None:
        """Show a message again at once; one that cannot be is shown a little later."""
        with contextlib.suppress(BotoCoreError, ClientError, DeadlineExceeded):
            self._client().change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=0
            )


def text_attribute(value: str) -> dict[str, str]:
    """Give an attribute of a message."""
    return {"DataType": "String", "StringValue": value}


def number_attribute(value: int) -> dict[str, str]:
    """Give an attribute of a message."""
    return {"DataType": "Number", "StringValue": str(value)}


def _read(message: dict[str, Any]) -> DeadLetter:
    told = {name: each.get("StringValue", "") for name, each in message.get("MessageAttributes", {}).items()}
    sent_at = _text(datetime.fromtimestamp(_sent_at(message), UTC))
    return DeadLetter(
        message_id=message["MessageId"],
        body=message["Body"],
        reason=told.get(REASON) or UNTOLD,
        attempts=int(told[ATTEMPTS]) if told.get(ATTEMPTS, "").isdecimal() and REASON in told else None,
        first_seen=told.get(FIRST_SEEN) or sent_at,
        given_up_at=sent_at,
    )


def _sent_at(message: dict[str, Any]) -> float:
    milliseconds = message.get("Attributes", {}).get("SentTimestamp")
    return time.time() if milliseconds is None else int(milliseconds) / 1000


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
