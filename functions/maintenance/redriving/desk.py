"""Dead letters for those who look after them."""

from __future__ import annotations

from typing import Annotated, Protocol
from urllib.parse import unquote_plus

import msgspec
from msgspec import Meta

from artstore.aws.dead_letters import DeadLetter
from artstore.http import Request
from artstore.jobs import Job
from artstore.security import Principal
from functions.maintenance.redriving.runner import KIND, RedriveRequest
from functions.maintenance.started import JobStarter

_LONGEST_BODY = 1000


class DeadLettersQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How many are shown."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class DeadLetterShown(msgspec.Struct, kw_only=True):
    """An event that was given up. Its document is stored, but not described, or not found as it is."""

    message_id: str
    reason: str
    """Why: the code of what went wrong the last time; never_finished when the function never came to an end."""
    attempts: int | None
    """How often it was tried; null where the function never told."""
    first_seen: str
    """When it came for the first time."""
    given_up_at: str
    bucket: str | None
    """Where the event leads; null when it is no event that can be read."""
    key: str | None
    event: str | None
    body: str | None
    """What it is, up to a thousand characters, when it is no event that can be read."""


class DeadLetterList(msgspec.Struct):
    """Some of the dead letters, in no order, and about how many there are."""

    items: list[DeadLetterShown]
    total: int


class Letters(Protocol):
    """The dead letter queue; see artstore.aws.dead_letters."""

    def count(self) -> int: ...
    def peek(self, limit: int) -> list[DeadLetter]: ...


class DeadLetterDesk:
    """Shows the dead letters of one deployment, and has them sent back."""

    def __init__(self, letters: Letters, starter: JobStarter) -> None:
        """Take the queue, and what starts jobs."""
        self._letters = letters
        self._starter = starter

    def list(self, query: DeadLettersQuery) -> DeadLetterList:
        """Show some, and leave them where they are. Raises Unavailable."""
        items = [show(each) for each in self._letters.peek(query.limit)]
        return DeadLetterList(items, max(self._letters.count(), len(items)))

    def redrive(self, asked: RedriveRequest, caller: Principal, request: Request) -> Job:
        """Have them sent back; written to the audit log. Raises what starting raises."""
        audited = msgspec.to_builtins(asked)
        return self._starter.start(KIND, asked, caller, request, about="events", audited=audited)


def show(letter: DeadLetter) -> DeadLetterShown:
    """Give what is shown of a dead letter."""
    event = _first_event(letter.body)
    return DeadLetterShown(
        message_id=letter.message_id,
        reason=letter.reason,
        attempts=letter.attempts,
        first_seen=letter.first_seen,
        given_up_at=letter.given_up_at,
        bucket=None if event is None else event.s3.bucket.name,
        key=None if event is None else unquote_plus(event.s3.object.key),
        event=None if event is None else event.event_name.removeprefix("s3:"),
        body=letter.body[:_LONGEST_BODY] if event is None else None,
    )


class _Bucket(msgspec.Struct):
    name: str


class _Object(msgspec.Struct):
    key: str


class _S3(msgspec.Struct):
    bucket: _Bucket
    object: _Object


class _Event(msgspec.Struct, rename="camel"):
    event_name: str
    s3: _S3


class _Body(msgspec.Struct):
    records: list[_Event] = msgspec.field(name="Records")


def _first_event(body: str) -> _Event | None:
    """Read what an event says of its place; the functions that handle events know more forms."""
    try:
        records = msgspec.json.decode(body, type=_Body).records
    except (msgspec.DecodeError, RecursionError):
        return None
    return records[0] if records else None
