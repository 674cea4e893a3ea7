"""Runs sweeps as jobs: a page at a time, each candidate by itself, the report growing in the job's progress.

One candidate that fails holds no other up: it is tried again at the end, after 10 seconds and after 60. What
failed three times is in the report, and makes the job DEAD, so that somebody looks; the next sweep finds it
anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from artstore.errors import ArtStoreError, Unavailable
from artstore.jobs import Job
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait
from functions.maintenance.sweeping import Candidate, Did, Sweep, Verdict
from functions.maintenance.sweeps.report import Report

KIND = "sweep"
FOUND_AT_ONCE = 100
SETTLED_AT_ONCE = 25
"""Candidates between two saves: so many may be looked at twice after a crash."""
BACKOFF_SECONDS = (10, 60)
MOST_IN_A_ROW = 5
"""After so many that could not be reached one after another, it is not their fault."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SweepRunner:
    """The runner of jobs of the kind ``sweep``: ``{"sweep": name, "dry_run": bool}``."""

    def __init__(
        self,
        sweeps: Mapping[str, Callable[[], Sweep]],
        failed: Callable[[Candidate, BaseException], None] = lambda _candidate, _error: None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take what builds each sweep; ``failed`` is told of each candidate that failed."""
        self._sweeps = sweeps
        self._failed = failed
        self._clock = clock

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Settle some of what was found, or find more. Raises Unavailable."""
        name, dry_run = str(job.request.get("sweep")), bool(job.request.get("dry_run"))
        build = self._sweeps.get(name)
        if build is None:
            return Fail("unknown_sweep", f"there is no sweep {name}")
        sweep = build()
        report = msgspec.convert(job.progress, Report)
        if not report.pending and not report.found_all:
            page = sweep.find(report.cursor, FOUND_AT_ONCE)
            report.pending, report.cursor, report.found_all = page.candidates, page.next, page.next is None
            if report.pending:  # written down first: what is settled when a crash comes is settled again
                return Continue(msgspec.to_builtins(report))
        self._settle(sweep, report, time_left, dry_run=dry_run)
        if report.pending or not report.found_all:
            return Continue(msgspec.to_builtins(report))
        if report.again:
            until = self._clock() + timedelta(seconds=BACKOFF_SECONDS[report.turn - 1])
            report.turn, report.pending, report.again = report.turn + 1, report.again, []
            return Wait(msgspec.to_builtins(report), until)
        result = report.result(name, dry_run=dry_run)
        if failed := report.counts.get(Did.FAILED):
            return Fail("candidates_failed", f"{failed} could not be settled", result=result, dead=True)
        return Done(result)

    def _settle(self, sweep: Sweep, report: Report, time_left: Callable[[], float], *, dry_run: bool) -> None:
        unreachable = 0
        for number, candidate in enumerate(report.take(SETTLED_AT_ONCE)):
            if number and time_left() <= 0:
                return
            try:
                verdict = sweep.settle(candidate, dry_run=dry_run)
                unreachable = 0
            except Exception as error:
                unreachable += isinstance(error, Unavailable)
                if unreachable >= MOST_IN_A_ROW:
                    raise
                self._failed(candidate, error)
                if report.put_off(candidate):
                    continue
                verdict = Verdict(Did.FAILED, error.code if isinstance(error, ArtStoreError) else "unexpected")
            report.note(candidate, verdict)
