"""Does jobs: takes one, runs its steps as long as there is time, saves after each.

Whoever takes a job saves that first, with a lease to the end of the own invocation: nobody else takes it before,
and whoever is killed is followed by somebody else afterwards. Saves are on condition of the revision that was
read, so of two that do a job all the same only one is heard, and the other stops. An end is saved in the same
way, once.

A step that raises, or is found begun and abandoned, is a failed try. The job waits longer after each, and is DEAD
after three without getting any further. What failed because something does not answer waits longest.

A job that somebody wants no more was saved with that word, so whoever does it cannot save the next step, and
stops. Then its children are told, and what its runner has to undo is undone, by whoever has the lease, or comes
after it.
"""

from __future__ import annotations

import contextlib
import enum
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore.audit import AuditEvent
from artstore.errors import ArtStoreError, Unavailable
from artstore.jobs import Alongside, Job, JobError, Jobs, JobStatus, Priority, Wake, unwanted
from functions.maintenance.steps import Continue, Done, Fail, Parent, Runner, Step, Undoing, Wait

MAX_ATTEMPTS = 3
BACKOFF_SECONDS = (10, 60)
"""After the first and the second failure."""
OUTAGE_BACKOFF_SECONDS = (60, 300)
"""The same, where something that the step depends on did not answer."""
LEASE_MARGIN_SECONDS = 5
"""Clocks differ."""
RESERVED_SECONDS = 10
"""What is left of an invocation for saving; no step begins then."""
STRETCH_SECONDS: Mapping[Priority, float] = {Priority.HIGH: 240, Priority.NORMAL: 120, Priority.LOW: 30}
"""How long one job is worked at before it waits behind the others."""
CRASHED = JobError("crashed", "whoever did the job was stopped in the middle of a step, three times in a row")

CANCELLED = JobError("cancelled", "somebody wanted it no more")


class Outbox(Protocol):
    """Where events wait for the audit log; see ``artstore.aws.audit_outbox``."""

    def leave(self, event: AuditEvent, transaction: Any = None) -> None: ...


class Ran(enum.StrEnum):
    """What running a job came to."""

    COMPLETED = "completed"
    FAILED = "failed"
    DEAD = "dead"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    """A step failed; it will be tried again."""
    YIELDED = "yielded"
    """There was no time left, or it was somebody else's turn."""
    WAITING = "waiting"
    """There is nothing to do before a time that it told."""
    NOT_DUE = "not_due"
    BUSY = "busy"
    """Somebody else is at it, or came between."""
    OVER = "over"
    UNKNOWN = "unknown"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Engine:
    """Runs one job at a time."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        wake: Wake,
        runner_of: Callable[[str], Runner | None],
        outbox: Outbox | None = None,
        failed: Callable[[Job, BaseException], None] = lambda _job, _error: None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take the ports. ``runner_of`` gives the runner of a kind; ``failed`` is told of each failed try. Without
        an ``outbox`` no kind of job may have an event for the audit log."""
        self._jobs = jobs
        self._wake = wake
        self._outbox = outbox
        self._runner_of = runner_of
        self._failed = failed
        self._clock = clock

    def run(self, job_id: UUID, time_left: Callable[[], float]) -> Ran:
        """Take the job and do what there is time for. ``time_left`` tells the seconds of this invocation.

        Raises Unavailable when the job cannot be read or saved; then it is found again by its ``due_at``.
        """
        job = self._jobs.find(job_id)
        if job is None:
            return Ran.UNKNOWN
        now = self._clock()
        if job.is_over:
            return Ran.OVER
        if job.status is JobStatus.RUNNING and job.lease_until is not None and job.lease_until > now:
            return Ran.BUSY
        if job.status is JobStatus.WAITING and job.due_at is not None and job.due_at > now:
            return Ran.NOT_DUE
        if job.status is JobStatus.RUNNING and job.attempts + 1 >= MAX_ATTEMPTS:
            return self._end(job, JobStatus.DEAD, error=CRASHED)
        runner = self._runner_of(job.kind)
        if runner is None:
            return self._end(job, JobStatus.FAILED, error=JobError("unknown_kind", f"nobody does {job.kind} jobs"))
        taken = self._take(job, now, time_left())
        if taken is None:
            return Ran.BUSY
        ran = Ran.BUSY if taken.cancelled_by_id else self._work(taken, runner, time_left)
        if ran is not Ran.BUSY:
            return ran
        now_is = self._jobs.find(job_id)
        is_mine = now_is is not None and now_is.lease_until == taken.lease_until
        if now_is is None or now_is.cancelled_by_id is None or now_is.is_over or not is_mine:
            return Ran.BUSY
        return self._cancel(now_is, runner, time_left)

    def wake_due(self, limit: int) -> int:
        """Send the messages that were lost, or never meant to be sent; give how many."""
        due = self._jobs.due(self._clock(), limit)
        for job_id in due:
            self._wake(job_id)
        return len(due)

    def _take(self, job: Job, now: datetime, seconds: float) -> Job | None:
        lease = now + timedelta(seconds=seconds + LEASE_MARGIN_SECONDS)
        return self._save(
            job,
            status=JobStatus.RUNNING,
            attempts=job.attempts + (1 if job.status is JobStatus.RUNNING else 0),
            lease_until=lease,
            due_at=lease,
        )

    def _work(self, job: Job, runner: Runner, time_left: Callable[[], float]) -> Ran:
        ends_with = time_left() - STRETCH_SECONDS[job.priority]
        reserved = max(RESERVED_SECONDS, ends_with)

        def left() -> float:
            return time_left() - reserved

        while True:
            try:
                step = runner.step(job, left)
            except Exception as error:  # noqa: BLE001  # whatever a step raises is a failed try, and is told
                self._failed(job, error)
                return self._retry(job, error)
            if not isinstance(step, Continue):
                return self._settle(job, step)
            attempts = 0 if step.progress != job.progress or step.state not in (None, job.state) else job.attempts
            got = {"progress": step.progress, "state": step.state or job.state, "attempts": attempts}
            if left() <= 0:
                return self._wait(job, self._clock(), Ran.YIELDED, **got)
            saved = self._save(job, **got)
            if saved is None:
                return Ran.BUSY
            job = saved

    def _cancel(self, job: Job, runner: Runner, time_left: Callable[[], float]) -> Ran:
        """Undo a job on which we have the lease, and in no step of which anybody is."""
        try:
            if isinstance(runner, Parent):
                for child in runner.children(job):
                    cancel(self._jobs, self._wake, child, job.cancelled_by_id or "", self._clock())
            step: Step | None = None
            if isinstance(runner, Undoing):
                step = runner.cancel(job, lambda: time_left() - RESERVED_SECONDS)
        except Exception as error:  # noqa: BLE001  # as in a step
            self._failed(job, error)
            return self._retry(job, error)
        if step is None:
            return self._end(job, JobStatus.CANCELLED, error=CANCELLED)
        if isinstance(step, Continue):
            state = step.state or job.state
            return self._wait(job, self._clock(), Ran.YIELDED, progress=step.progress, state=state, attempts=0)
        if not isinstance(step, Fail) or step.dead:
            return self._settle(job, step)
        why = JobError(step.code, step.detail)
        state = step.state or job.state
        return self._end(job, JobStatus.CANCELLED, error=why, result=step.result, state=state)

    def _settle(self, job: Job, step: Wait | Done | Fail) -> Ran:
        state = step.state or job.state
        if isinstance(step, Wait):
            return self._wait(job, step.until, Ran.WAITING, progress=step.progress, state=state, attempts=0)
        if isinstance(step, Done):
            return self._end(job, JobStatus.COMPLETED, step.event, result=step.result, state=state)
        error = JobError(step.code, step.detail)
        status = JobStatus.DEAD if step.dead else JobStatus.FAILED
        return self._end(job, status, error=error, result=step.result, state=state)

    def _retry(self, job: Job, error: Exception) -> Ran:
        attempts = job.attempts + 1
        told = _told(error)
        if attempts >= MAX_ATTEMPTS:
            return self._end(job, JobStatus.DEAD, error=told, attempts=attempts)
        backoff = OUTAGE_BACKOFF_SECONDS if isinstance(error, Unavailable) else BACKOFF_SECONDS
        until = self._clock() + timedelta(seconds=backoff[attempts - 1])
        return self._wait(job, until, Ran.RETRIED, attempts=attempts, error=told)

    def _wait(self, job: Job, until: datetime, ran: Ran, **changes: object) -> Ran:
        saved = self._save(job, status=JobStatus.WAITING, lease_until=None, due_at=until, **changes)
        if saved is None:
            return Ran.BUSY
        seconds = (until - self._clock()).total_seconds()
        with contextlib.suppress(Unavailable):  # the clock finds it
            self._wake(job.job_id, delay_seconds=max(0, math.ceil(seconds)))
        return ran

    def _end(self, job: Job, status: JobStatus, event: AuditEvent | None = None, /, **changes: object) -> Ran:
        now = self._clock()
        ended: dict[str, object] = {"lease_until": None, "due_at": None, "finished_at": now, "progress": {}}
        if status is not JobStatus.COMPLETED:
            ended.pop("progress")  # a retry goes on from there
        else:
            changes = {"error": None, "attempts": 0} | changes
        changed = self._changed(job, status=status, **(ended | changes))
        saved = self._jobs.save(changed, self._telling(event))
        return Ran(status.lower()) if saved is not None else Ran.BUSY

    def _telling(self, event: AuditEvent | None) -> Alongside | None:
        if event is None:
            return None
        if self._outbox is None:
            raise ValueError(f"nothing takes {event.action} to the audit log")
        outbox = self._outbox
        return lambda transaction: outbox.leave(event, transaction)

    def _save(self, job: Job, **changes: object) -> Job | None:
        return self._jobs.save(self._changed(job, **changes))

    def _changed(self, job: Job, **changes: object) -> Job:
        return msgspec.structs.replace(job, updated_at=self._clock(), **changes)


def cancel(jobs: Jobs, wake: Wake, job_id: UUID, by: str, now: datetime) -> None:
    """Say of a job that is not over that ``by`` wants it no more, however often others save it meanwhile.

    Raises Unavailable.
    """
    while True:
        job = jobs.find(job_id)
        if job is None or job.is_over or job.cancelled_by_id is not None:
            return
        if jobs.save(unwanted(job, by, now)) is not None:
            break
    with contextlib.suppress(Unavailable):  # the clock finds it
        wake(job_id)


def _told(error: BaseException) -> JobError:
    """Say what an exception means to whoever looks at the job: our own errors are meant to be read, others are
    not."""
    if isinstance(error, ArtStoreError):
        return JobError(error.code, str(error))
    return JobError("unexpected", f"{type(error).__name__}; the log of the function says more")
