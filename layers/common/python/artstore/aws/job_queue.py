"""Waking whoever does jobs: a message for each, in the queue ``{prefix}-jobs``.

Rights needed: sqs:SendMessage. Calls are bounded: connect 2 s, read 3 s, three tries, and the deadline of the
request.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from artstore import deadline
from artstore.aws import create_client
from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable

MAX_DELAY_SECONDS = 900
"""The longest that SQS holds a message back. What is due later is found by the clock."""
_TIMEOUTS = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 3, "mode": "standard"})


_AT_ONCE = 8
"""Messages that are sent side by side."""


class _Message(msgspec.Struct):
    job_id: UUID


@functools.cache
def _client() -> Any:
    return create_client("sqs", _TIMEOUTS)


class JobQueue:
    """Wakes by a message to a queue; see ``artstore.jobs.Wake``."""

    def __init__(self, queue_url: str) -> None:
        """Take the URL of the queue; no call is made yet."""
        self._queue_url = queue_url

    def __call__(self, job_id: UUID, *, delay_seconds: int = 0) -> None:
        """Send the message. Raises Unavailable."""
        body = msgspec.json.encode(_Message(job_id)).decode()
        delay = min(max(delay_seconds, 0), MAX_DELAY_SECONDS)
        try:
            _client().send_message(QueueUrl=self._queue_url, MessageBody=body, DelaySeconds=delay)
        except (BotoCoreError, ClientError, DeadlineExceeded) as error:
            raise Unavailable("the queue of jobs does not answer", code="queue_unavailable") from error

    def all(self, job_ids: Sequence[UUID]) -> None:
        """Send a message for each, side by side. Raises Unavailable; some may have been sent.

        One by one: what permits SendMessage permits SendMessageBatch on AWS, and not with every emulator.
        """
        _client()  # made before there are threads
        ends_in = deadline.remaining()

        def send(job_id: UUID) -> None:
            with deadline.within(ends_in):  # a deadline belongs to its thread
                self(job_id)

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(send, job_ids))


def job_id_in(body: str) -> UUID:
    """Read the message. Raises ValueError for another one."""
    return msgspec.json.decode(body, type=_Message).job_id
