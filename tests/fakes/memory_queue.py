"""Settling messages in lists; see functions.storage_events.event_queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from functions.storage_events.messages import Message


class Again(NamedTuple):
    """A copy that was sent to the event queue."""

    body: str
    attempts: int
    delay_seconds: int
    alone: bool


class GivenUp(NamedTuple):
    """A copy that was sent to the dead letter queue."""

    body: str
    reason: str


@dataclass
class MemoryQueue:
    """Remembers what it was told to do; ``failure`` is raised instead."""

    again: list[Again] = field(default_factory=list)
    given_up: list[GivenUp] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    failure: Exception | None = None

    def send_again(self, message: Message, *, attempts: int, delay_seconds: int, alone: bool) -> None:
        """See EventQueue."""
        self._fail()
        self.again.append(Again(message.body, attempts, delay_seconds, alone))

    def give_up(self, message: Message, reason: str) -> None:
        """See EventQueue."""
        self._fail()
        self.given_up.append(GivenUp(message.body, reason))

    def delete(self, message: Message) -> None:
        """See EventQueue."""
        self._fail()
        self.deleted.append(message.message_id)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure
