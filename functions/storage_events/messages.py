"""Messages of the event queue, and what becomes of one that was not handled.

SQS counts how often a message was received, which says little: it counts what was given back for lack of time or
while the index was away, too. So a message that fails is sent again as a copy that says how often it has been
tried, and the count of receives tells of functions that died.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from artstore.aws.dead_letters import ALONE, ATTEMPTS, FIRST_SEEN, UNTOLD
from artstore.errors import ArtStoreError, Unavailable
from functions.storage_events.events import UnknownMessage

BACK_OFF_SECONDS: Final = (5, 30, 180, 900)
"""How long a message waits after its first failure, its second and so on; after one more it is given up."""
MOST_RECEIVES: Final = 5
"""The queue's maxReceiveCount: a message that was received so often without being settled is given up."""
INDEX_AWAY: Final = "index_unavailable"
UNKNOWN: Final = "unknown_message"
OUT_OF_TIME: Final = "out_of_time"
_AWAY_SECONDS = 3
"""How long a message waits that nobody could work at since the index is away."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it was received.

    ``attempts`` is how often it was tried and failed, ``received`` how often this copy was received, this time
    included. ``told`` are its attributes, as SQS gives them to Lambda.
    """

    message_id: str
    receipt_handle: str
    body: str
    received: int = 1
    attempts: int = 0
    first_seen: str = ""
    alone: bool = False
    told: Mapping[str, Any] = {}

    @property
    def is_suspect(self) -> bool:
        """Tell whether a function may have died of it, so that it is handled where nothing else can be lost."""
        return self.alone or self.received > 1


class GiveBack(msgspec.Struct, frozen=True):
    """It was not to blame: it comes again as it is, after ``delay_seconds``."""

    reason: str
    delay_seconds: int = 0
    alone: bool = False


class TryAgain(msgspec.Struct, frozen=True):
    """It failed, and is tried again later."""

    reason: str
    delay_seconds: int


class GiveUp(msgspec.Struct, frozen=True):
    """It goes to the dead letter queue."""

    reason: str


Verdict = GiveBack | TryAgain | GiveUp


def read_record(record: Mapping[str, Any]) -> Message:
    """Read a record of Lambda's event (Lambda Developer Guide, "Using Lambda with Amazon SQS")."""
    told: Mapping[str, Any] = record.get("messageAttributes") or {}
    about: Mapping[str, str] = record.get("attributes") or {}
    return Message(
        message_id=record["messageId"],
        receipt_handle=record.get("receiptHandle", ""),
        body=record["body"],
        received=_number(about.get("ApproximateReceiveCount"), 1),
        attempts=_number(_text(told, ATTEMPTS), 0),
        first_seen=_text(told, FIRST_SEEN) or _moment(_number(about.get("SentTimestamp"), 0)),
        alone=bool(_text(told, ALONE)),
        told=told,
    )


def judge(message: Message, error: Exception, *, index_answers: bool, out_of_time: bool) -> Verdict:
    """Tell what becomes of a message that ``error`` kept from being handled."""
    if isinstance(error, UnknownMessage):
        return GiveUp(UNKNOWN)
    if isinstance(error, Unavailable) and error.code == INDEX_AWAY and not index_answers:
        return index_is_away()
    if out_of_time and not message.alone:
        return GiveBack(OUT_OF_TIME, alone=True)
    reason = error.code if isinstance(error, ArtStoreError) else type(error).__name__
    if message.attempts >= len(BACK_OFF_SECONDS):
        return GiveUp(reason)
    return TryAgain(reason, BACK_OFF_SECONDS[message.attempts])


def index_is_away() -> GiveBack:
    """Give what becomes of every message while the index does not answer."""
    return GiveBack(INDEX_AWAY, _AWAY_SECONDS)


def never_finished(message: Message) -> GiveUp | None:
    """Tell whether a function died of it so often that it is given up."""
    return GiveUp(UNTOLD) if message.received >= MOST_RECEIVES else None


def _text(told: Mapping[str, Any], name: str) -> str:
    return str((told.get(name) or {}).get("stringValue") or "")


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


def _moment(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else datetime.now(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
