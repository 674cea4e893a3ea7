"""Looking at the index each minute: a circuit breaker for the event queue.

A short outage is waited for by whoever has the messages in hand (functions.storage_events.delivery). One that
lasts pauses the mapping between queue and function, so that nobody takes messages out to put them back; they wait
where they are. While it is paused somebody always looks, and when the index is back the mapping is resumed and
what was given up meanwhile is sent back.

What is known of an outage is kept in a table, so that each run, and two at once, go on from there. A mapping that
somebody else has disabled stays disabled.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid5

import msgspec

from artstore.errors import Unavailable
from artstore.jobs import Job, new_job
from functions.maintenance.redriving.runner import KIND, RedriveRequest

PAUSED_AFTER = timedelta(minutes=2)
_TURN_SECONDS = 56.0
"""How long one run looks on while the index is away; the next one begins within the minute."""
_LOOK_SECONDS = 2.0
_OUTAGES = UUID("4b5c8f52-0a6e-5c1b-9c0e-0f5a3c1d7b29")
"""The namespace (RFC 9562 §5.5) of jobs that are named after the outage that they end."""


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """Since when the index is away, and whether the mapping was paused for it."""

    since: datetime
    paused: bool = False


class Outages(Protocol):
    """Where the present outage is kept; see functions.maintenance.outage.memory."""

    def present(self) -> Outage | None: ...
    def put(self, outage: Outage | None) -> None: ...


class Mapping(Protocol):
    """What hands events to their function; see functions.maintenance.outage.mapping."""

    def is_enabled(self) -> bool: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Tended(msgspec.Struct, frozen=True, kw_only=True):
    """What one run came to. ``resumed``: it ended a pause."""

    answers: bool
    paused: bool
    resumed: bool = False
    since: datetime | None = None


class IndexTending:
    """Tends the index of one deployment."""

    def __init__(
        self,
        *,
        ping: Callable[[], None],
        outages: Outages,
        mapping: Mapping,
        start: Callable[[Job], object],
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the ports; ``ping`` raises Unavailable while the index is away, ``start`` starts a job, once."""
        self._ping = ping
        self._outages = outages
        self._mapping = mapping
        self._start = start
        self._clock = clock
        self._sleep = sleep

    def tend(self) -> Tended:
        """Look at the index, and on while it is away. Raises Unavailable when nothing can be done about it."""
        began = self._clock()
        known = self._outages.present()
        while not self._answers():
            known = self._away(known)
            if (self._clock() - began).total_seconds() + _LOOK_SECONDS > _TURN_SECONDS:
                return Tended(answers=False, paused=known.paused, since=known.since)
            self._sleep(_LOOK_SECONDS)
        if known is not None:
            self._back(known)
        return Tended(answers=True, paused=False, resumed=known is not None and known.paused)

    def _answers(self) -> bool:
        try:
            self._ping()
        except Unavailable:
            return False
        return True

    def _away(self, known: Outage | None) -> Outage:
        now = self._clock()
        if known is None:
            known = Outage(since=now)
            self._outages.put(known)
        is_due = known.paused or now - known.since >= PAUSED_AFTER
        if is_due and self._mapping.is_enabled():
            # Written first: who stops in between leaves a pause that ends, not one that nobody knows of.
            known = Outage(since=known.since, paused=True)
            self._outages.put(known)
            self._mapping.pause()
        return known

    def _back(self, known: Outage) -> None:
        if known.paused:
            self._mapping.resume()
            asked = RedriveRequest(only_untried=True)
            name = uuid5(_OUTAGES, known.since.isoformat())
            self._start(new_job(name, KIND, msgspec.to_builtins(asked), self._clock(), about="events"))
        self._outages.put(None)
