"""The queue of storage events, as the webhook writes to it.

Rights needed: sqs:SendMessage. Calls are bounded: connect 2 s, read 5 s, three tries, and the deadline of the
request.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from artstore.aws import create_client
from artstore.aws.json_service import SQS, JsonService
from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable

_TIMEOUTS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})


@functools.cache
def _caller() -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    service = JsonService.of(SQS)
    if service is not None:
        return service.call
    client = create_client(SQS.name, _TIMEOUTS)
    return lambda operation, arguments: client._make_api_call(operation, arguments)


class EventsQueue:
    """Sends to the queue of one deployment."""

    def __init__(self, queue_url: str) -> None:
        """Take the URL of the queue; no call is made yet."""
        self._queue_url = queue_url

    def send(self, body: str, source: str) -> str:
        """Send a message that names its source; give the id of the message, which is kept by then.

        Raises Unavailable.
        """
        message = {
            "QueueUrl": self._queue_url,
            "MessageBody": body,
            "MessageAttributes": {"source": {"DataType": "String", "StringValue": source}},
        }
        try:
            message_id: str = _caller()("SendMessage", message)["MessageId"]
        except (BotoCoreError, ClientError, DeadlineExceeded) as error:
            raise Unavailable("the queue of events does not answer", code="queue_unavailable") from error
        return message_id
