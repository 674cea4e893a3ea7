"""The Lambda handler that does the work: jobs from their queue, and what comes by the clock.

A message names a job, and only wakes. Whatever becomes of the job is in its record, so a message is given back
only when the record cannot be read or saved. EventBridge invokes the same function with ``{"task": ...}``:

``resume-jobs``    wakes the jobs that are due and that no message came for -> ``{"woken": n}``
``start-sweeps``   starts sweeps, reconciliation, fixity, scan whose time has come, and drops what a rebuild of the
                   index has left that nobody goes on with -> ``{"started": [names], "dropped": [names]}``
``tend-elements``  probes the storage of each element, writes down what lies in it, takes up changes of mode
``tend-index``     looks at the index; while it is away for long, events wait in their queue

Each task may run twice, late or not at all. The metric TasksFinished counts the runs that came to their end:
when it stays away, an alarm tells.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from aws_lambda_powertools.metrics import MetricUnit

from artstore import deadline, telemetry
from artstore.aws.job_queue import job_id_in
from artstore.errors import Unavailable
from artstore.jobs import Job
from functions.maintenance import dependencies
from functions.maintenance.jobs.engine import Engine, Ran
from functions.maintenance.runners import runner_of

SERVICE = "maintenance-worker"
WOKEN_AT_ONCE = 200
"""Jobs that one run of resume-jobs wakes; the next minute goes on."""
RESERVED_SECONDS = 2
"""What is left of the invocation's time, whatever a step waits for, to answer."""

_METRICS = {
    Ran.COMPLETED: "JobsCompleted",
    Ran.FAILED: "JobsFailed",
    Ran.DEAD: "JobsDead",
    Ran.RETRIED: "JobsRetried",
}


class Context(Protocol):
    """What is used of a Lambda context."""

    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Do the jobs that the messages name, or the task. Raises ValueError for an unknown task, and what it
    raises."""
    if "Records" in event:
        return _do_jobs(event["Records"], context)
    task = event.get("task")
    run = TASKS.get(str(task))
    if run is None:
        raise ValueError(f"unknown task {task!r}")
    outcome = run()
    _logger().info("task", extra={"task": task, **outcome})
    _emit({"TasksFinished": (MetricUnit.Count, 1)}, {"task": str(task)})
    return {"task": task, **outcome}


def _do_jobs(records: list[dict[str, Any]], context: Context) -> dict[str, Any]:
    """Do the jobs of a batch; the answer names the messages to be sent again (ReportBatchItemFailures)."""
    counts: Counter[Ran] = Counter()
    failures: list[dict[str, str]] = []
    engine = _engine()
    for record in records:

        def time_left() -> float:
            return context.get_remaining_time_in_millis() / 1000

        try:
            job_id = job_id_in(record["body"])
            with deadline.within(time_left() - RESERVED_SECONDS):
                ran = engine.run(job_id, time_left)
        except Exception as error:  # noqa: BLE001  # whatever it is, the message comes again
            _logger().exception("job", extra={"message_id": record["messageId"], "reason": str(error)})
            failures.append({"itemIdentifier": record["messageId"]})
            continue
        counts[ran] += 1
        _logger().info("job", extra={"job_id": str(job_id), "outcome": str(ran)})
    _emit({name: (MetricUnit.Count, counts[ran]) for ran, name in _METRICS.items()})
    return {"batchItemFailures": failures}


def _engine() -> Engine:
    return Engine(
        jobs=dependencies.jobs(),
        wake=dependencies.wake(),
        runner_of=runner_of,
        outbox=dependencies.audit_outbox(),
        failed=_log_failure,
    )


def _log_failure(job: Job, error: BaseException) -> None:
    about = {"job_id": str(job.job_id), "kind": job.kind, "state": job.state, "attempts": job.attempts + 1}
    _logger().error("a step failed", exc_info=error, extra=about)


def _resume_jobs() -> dict[str, Any]:
    return {"woken": _engine().wake_due(WOKEN_AT_ONCE)}


def _logger() -> Any:
    return telemetry.get_logger(SERVICE, dependencies.worker_settings().log_level)


def _emit(values: dict[str, tuple[MetricUnit, float]], dimensions: dict[str, str] | None = None) -> None:
    telemetry.emit_metrics(SERVICE, dependencies.worker_settings().prefix, values, dimensions)


def _start_sweeps() -> dict[str, Any]:
    started = dependencies.sweep_starter().start_due()
    repair = dependencies.worker_settings().reconcile_repair
    if dependencies.reconciliation_starter().start_due(repair=repair):
        started = [*started, "reconcile"]
    if dependencies.worker_settings().fixity_days and dependencies.fixity_starter().start_due():
        started = [*started, "fixity"]
    if dependencies.worker_settings().scanner is not None and dependencies.scan_starter().start_due():
        started = [*started, "scan"]
    return {"started": started, "dropped": ["reindex"] if _drop_leftovers() else []}


def _drop_leftovers() -> bool:
    """Drop what a rebuild has left; an index that does not answer now is asked in a quarter of an hour."""
    from functions.maintenance.reindexing_dependencies import leftovers

    with contextlib.suppress(Unavailable):
        return leftovers().drop()
    return False


def _tend_elements() -> dict[str, Any]:
    tended = dependencies.element_tending().tend()
    counts = Counter(tended.fills.values())
    metrics = {"ElementsFailing": len(tended.failing), "ElementProblems": len(tended.problems)}
    metrics |= {f"Elements{fill.capitalize()}": counts[fill] for fill in ("WARNING", "CRITICAL", "FULL")}
    _emit({name: (MetricUnit.Count, count) for name, count in metrics.items()})
    outcome: dict[str, Any] = msgspec.to_builtins(tended)
    return outcome


def _tend_index() -> dict[str, Any]:
    tended = dependencies.index_tending().tend()
    metrics = {"IndexAway": int(not tended.answers), "EventsPaused": int(tended.paused)}
    _emit({name: (MetricUnit.Count, count) for name, count in metrics.items()})
    outcome: dict[str, Any] = msgspec.to_builtins(tended)
    return outcome


TASKS: dict[str, Callable[[], dict[str, Any]]] = {
    "resume-jobs": _resume_jobs,
    "start-sweeps": _start_sweeps,
    "tend-elements": _tend_elements,
    "tend-index": _tend_index,
}
