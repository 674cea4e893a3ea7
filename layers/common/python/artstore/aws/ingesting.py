"""Ingest now, not soon: has the function behind the event queue look at a place at once.

What was just written into a bucket is described and indexed when its event comes, within seconds. A client that
asks to have its upload completed, or has changed a document, is to see that in the answer and in the next
search. So the same function is invoked directly, and does exactly what it would do for the event; which comes
all the same and finds nothing left to do. Where it fails or takes too long, the event does it: what was changed
stays changed.

Rights needed: lambda:InvokeFunction on that function.
"""

from __future__ import annotations

import functools
from typing import Any
from uuid import UUID

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from artstore import deadline
from artstore.aws import create_client
from artstore.deadline import DeadlineExceeded

LATER = "later"
"""The outcome where nobody could look at once, or whoever did failed; the event will."""
_LONGEST_SECONDS = 8
_TIMEOUTS = Config(
    connect_timeout=2, read_timeout=_LONGEST_SECONDS, retries={"total_max_attempts": 1, "mode": "standard"}
)


class IngestOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a place: an outcome of docs/monitoring.md, or LATER.

    ``attributes`` is the attr.json that lies there now, as JSON, and ``attributes_etag`` its ETag; None where
    none is.
    """

    outcome: str
    file_id: UUID | None = None
    reason: str | None = None
    attributes: dict[str, Any] | None = None
    attributes_etag: str | None = None


@functools.cache
def _client() -> Any:
    return create_client("lambda", _TIMEOUTS)


class IngestNow:
    """Has one deployment's function look at a place."""

    def __init__(self, function_name: str) -> None:
        """Take the name of the function; no call is made yet."""
        self._function_name = function_name

    def at(self, bucket: str, key: str) -> IngestOutcome:
        """Have the place of the document ``key`` looked at, as after an event that tells of it. Never raises:
        whatever goes wrong, the outcome is LATER."""
        payload = msgspec.json.encode({"ingest": {"bucket": bucket, "key": key}})
        try:
            deadline.check()
            answer = _client().invoke(FunctionName=self._function_name, Payload=payload)
            body = answer["Payload"].read()
        except (BotoCoreError, ClientError, DeadlineExceeded, OSError):
            return IngestOutcome(outcome=LATER)
        if answer.get("FunctionError"):
            return IngestOutcome(outcome=LATER)
        try:
            return msgspec.json.decode(body, type=IngestOutcome)
        except msgspec.DecodeError:
            return IngestOutcome(outcome=LATER)
