"""Settling messages by hand: sending a copy of one, giving one up, deleting what is done.

Rights needed: sqs:SendMessage on the event queue and its dead letter queue, sqs:DeleteMessage on the event queue.
Calls are bounded: connect 2 s, read 5 s, three tries, and the deadline of the invocation.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from artstore.aws.dead_letters import (
    ALONE,
    ATTEMPTS,
    FIRST_SEEN,
    REASON,
    number_attribute,
    reaching_queue,
    sqs_client,
    text_attribute,
)
from functions.storage_events.messages import Message


class EventQueue:
    """The event queue of one deployment, and its dead letter queue."""

    def __init__(self, url: str, dead_letters_url: str, client: Callable[[], Any] = sqs_client) -> None:
        """Take the URLs of both; no call is made yet."""
        self._url = url
        self._dead_letters_url = dead_letters_url
        self._client = client

    def send_again(self, message: Message, *, attempts: int, delay_seconds: int, alone: bool) -> None:
        """Send a copy, with all that was told of it. Raises Unavailable."""
        told = _told(message, attempts)
        if alone:
            told[ALONE] = text_attribute("true")
        self._send(self._url, message.body, told, DelaySeconds=delay_seconds)

    def give_up(self, message: Message, reason: str) -> None:
        """Send a copy to the dead letter queue, with the reason. Raises Unavailable."""
        told = _told(message, message.attempts + 1) | {REASON: text_attribute(reason)}
        self._send(self._dead_letters_url, message.body, told)

    def delete(self, message: Message) -> None:
        """Delete a message that was received; that is also done by Lambda for all of a batch. Raises
        Unavailable."""
        with reaching_queue():
            self._client().delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt_handle)

    def _send(self, url: str, body: str, told: dict[str, Any], **named: Any) -> None:
        with reaching_queue():
            self._client().send_message(QueueUrl=url, MessageBody=body, MessageAttributes=told, **named)


def _told(message: Message, attempts: int) -> dict[str, Any]:
    """Give the attributes of a copy, as SQS takes them."""
    told = {name: _taken(each) for name, each in message.told.items()}
    return told | {ATTEMPTS: number_attribute(attempts), FIRST_SEEN: text_attribute(message.first_seen)}


def _taken(given: dict[str, Any]) -> dict[str, Any]:
    kind = given["dataType"]
    if kind.startswith("Binary"):
        return {"DataType": kind, "BinaryValue": base64.b64decode(given["binaryValue"])}
    return {"DataType": kind, "StringValue": given["stringValue"]}
