"""The job ``redrive``: sends back what waits in the dead letter queue of events, each as if it had not been tried.

Only what was there when the job was asked for: a message that fails again at once is not sent for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from artstore.aws.dead_letters import Redriven
from artstore.jobs import Job
from functions.maintenance.steps import Continue, Done, Step

KIND = "redrive"
UNMENDABLE = ("unknown_message",)
"""Reasons that trying again does not mend."""


class RedriveRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Which dead letters are sent back."""

    max: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    """The most of them; all that are there unless it is said."""
    only_untried: bool = False
    """Not those that nobody can read, whatever is mended: unknown_message."""


class Letters(Protocol):
    """The dead letter queue; see artstore.aws.dead_letters."""

    def redrive(
        self,
        *,
        most: int | None = None,
        until: datetime | None = None,
        unless: Collection[str] = (),
        time_left: Callable[[], float] = ...,
    ) -> Redriven: ...


class RedriveRunner:
    """Sends dead letters back; see functions.maintenance.steps.Runner."""

    def __init__(self, letters: Letters) -> None:
        """Take the queue."""
        self._letters = letters

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Send as many as there is time for."""
        asked = msgspec.convert(job.request, RedriveRequest)
        before = int(job.progress.get("sent", 0))
        came = self._letters.redrive(
            most=None if asked.max is None else asked.max - before,
            until=job.created_at,
            unless=UNMENDABLE if asked.only_untried else (),
            time_left=time_left,
        )
        told = {"sent": before + came.sent, "kept": came.kept}
        return Done(told) if came.is_over else Continue(told)
