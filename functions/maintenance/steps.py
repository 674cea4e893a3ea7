"""What a runner is: how the work of one kind of job is cut into steps, and what each step may come to.

Every step may be run twice: whoever does it can stop after its effects and before they are saved. So a step
looks at what is there before it acts, and acts on condition of what it saw. A step is to end within
``time_left`` seconds; one that takes long asks again and again, and gives what it has done so far as progress.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from artstore.audit import AuditEvent
from artstore.jobs import Job


class Continue(msgspec.Struct, frozen=True):
    """There is more to do. ``progress`` replaces the one before; a ``state`` of None stays what it was."""

    progress: dict[str, Any]
    state: str | None = None


class Wait(msgspec.Struct, frozen=True):
    """There is nothing to do before ``until`` (UTC)."""

    progress: dict[str, Any]
    until: datetime
    state: str | None = None


class Done(msgspec.Struct, frozen=True):
    """It is done; ``result`` is the report that stays, of 350 kB at most as JSON.

    ``event`` goes to the audit log if this end of the job is the one that is saved.
    """

    result: dict[str, Any]
    state: str | None = None
    event: AuditEvent | None = None


class Fail(msgspec.Struct, frozen=True):
    """What was asked cannot be done, and trying again will not help; ``result`` tells what was done all the same.

    ``dead``: a part of it broke three times, and trying again helps once the cause is mended.
    """

    code: str
    detail: str
    state: str | None = None
    result: dict[str, Any] | None = None
    dead: bool = False


Step = Continue | Wait | Done | Fail


@runtime_checkable
class Undoing(Protocol):
    """A runner of jobs that leave something to be undone when they are cancelled; others just stop."""

    def cancel(self, job: Job, time_left: Callable[[], float]) -> Step | None:
        """Undo, as a step does: twice, if need be. None: it is undone, and the job is CANCELLED; Fail: the same,
        with this code, state and result; Done: it was too late, and the job is COMPLETED; otherwise there is more
        to do."""
        ...


@runtime_checkable
class Parent(Protocol):
    """A runner of jobs that have others do parts of them."""

    def children(self, job: Job) -> Collection[UUID]:
        """Name the jobs that are cancelled with this one; some may not be there, or be over."""
        ...


class Runner(Protocol):
    """Does the jobs of one kind."""

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Do the next step of ``job``. What it raises counts as a failed try; three in a row are the end."""
        ...
