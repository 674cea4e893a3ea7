"""What of an event goes into the queue, and what cannot."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import msgspec

from artstore.errors import Invalid, TooLarge
from functions.storage_events.events.contract import UnknownMessage
from functions.storage_events.events.filer import shorten

MAX_BYTES = 255 * 1024
"""Of a body. A queue's message may have 256 KiB, its attributes included: the source, and what is told of one that
failed."""
_UNSENDABLE = {code: f"\\u{code:04x}" for code in (0xFFFE, 0xFFFF)}
"""Characters that JSON allows in a text and SQS in no message ("MessageBody"), as JSON escapes them."""


class Source(enum.StrEnum):
    """Who tells of events over HTTP."""

    MINIO = "minio"
    SEAWEEDFS = "seaweedfs"


class Forwarding:
    """Puts events into the queue."""

    def __init__(self, send: Callable[[str, str], str]) -> None:
        """Take what sends a message and the name of its source, and gives the message's id."""
        self._send = send

    def forward(self, source: Source, body: bytes) -> str:
        """Put the body into the queue, unchanged but for what nobody would read; give the message's id.

        Raises Invalid (``invalid_event``) for what is no JSON object, TooLarge (``event_too_large``), Unavailable.
        """
        message = _decode(body)
        if source is Source.SEAWEEDFS:
            body = _shorten(message, body)
        text = body.decode().translate(_UNSENDABLE)
        if len(text.encode()) > MAX_BYTES:
            raise TooLarge(f"an event has at most {MAX_BYTES} bytes", code="event_too_large")
        return self._send(text, source)


def _decode(body: bytes) -> dict[str, Any]:
    try:
        message = msgspec.json.decode(body)
        body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("the body is not JSON in UTF-8", code="invalid_event") from error
    if not isinstance(message, dict):
        raise Invalid("the body is not a JSON object", code="invalid_event")
    return message


def _shorten(message: dict[str, Any], body: bytes) -> bytes:
    """Shorten what a filer says; what is nothing of a filer's goes on as it is, to be told as unknown."""
    try:
        return msgspec.json.encode(shorten(message))
    except UnknownMessage:
        return body
