"""Has places looked at soon: a message for each to the queue of storage events, as if something had happened.

Whoever handles events looks at the place and writes what is due, and nobody else does. A message that comes twice
changes nothing. ``artstore.aws.ingesting`` has a place looked at at once, and tells what came of it.

Rights needed: sqs:SendMessage. Calls are bounded: connect 2 s, read 3 s, three tries, and the deadline of the
request.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from artstore import deadline
from artstore.aws import create_client
from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable
from artstore.index.claims import Place

_TIMEOUTS = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 3, "mode": "standard"})
_AT_ONCE = 8
"""Messages that are sent side by side."""


@functools.cache
def _client() -> Any:
    return create_client("sqs", _TIMEOUTS)


class LookQueue:
    """Has places looked at, by messages to a queue."""

    def __init__(self, queue_url: str) -> None:
        """Take the URL of the queue; no call is made yet."""
        self._queue_url = queue_url

    def __call__(self, places: Collection[Place]) -> None:
        """Send a message for each document's place, side by side. Raises Unavailable; some may have been sent.

        One by one: what permits SendMessage permits SendMessageBatch on AWS, and not with every emulator.
        """
        _client()  # made before there are threads
        ends_in = deadline.remaining()

        def send(place: Place) -> None:
            with deadline.within(ends_in):  # a deadline belongs to its thread
                self._send(place)

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(send, places))

    def _send(self, place: Place) -> None:
        body = msgspec.json.encode({"look": {"bucket": place.bucket, "key": place.key}}).decode()
        try:
            _client().send_message(QueueUrl=self._queue_url, MessageBody=body)
        except (BotoCoreError, ClientError, DeadlineExceeded) as error:
            raise Unavailable("the queue of events does not answer", code="queue_unavailable") from error
