"""Routes of jobs, all with the scope ``elements:admin``."""

from __future__ import annotations

from uuid import UUID

from artstore.http import Reply, Request, endpoint
from artstore.security import Principal, Scope
from functions.maintenance import dependencies
from functions.maintenance.jobs.models import JobList, JobQuery, JobShown, show

_JOBS = "/api/v1/maintenance/jobs"
_NO_STORE = {"Cache-Control": "no-store"}


@endpoint("GET", _JOBS, scope=Scope.ELEMENTS_ADMIN, summary="List jobs")
def list_jobs(query: JobQuery, caller: Principal) -> Reply[JobList]:
    """List jobs newest first; with status DEAD, those that broke three times and wait for somebody to look.

    A job just started may take a moment to appear here; by its id it is shown at once. A job is kept for 90 days
    after its end.
    """
    return Reply(dependencies.job_desk().list(query, caller), _NO_STORE)


@endpoint("GET", f"{_JOBS}/{{job_id}}", scope=Scope.ELEMENTS_ADMIN, summary="Show a job", error_statuses=(404,))
def show_job(job_id: UUID, caller: Principal) -> Reply[JobShown]:
    """Show what was asked, how far it has come, and the report once it is over."""
    return Reply(show(dependencies.job_desk().find(job_id, caller)), _NO_STORE)


@endpoint(
    "POST",
    f"{_JOBS}/{{job_id}}/retry",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Try a dead or cancelled job again",
    error_statuses=(404, 409),
)
def retry_job(job_id: UUID, caller: Principal, request: Request) -> Reply[JobShown]:
    """Let a DEAD or CANCELLED job be tried three times more, from where it had come. One in another status is
    409."""
    return Reply(show(dependencies.job_desk().retry(job_id, caller, request)), _NO_STORE)


@endpoint(
    "POST",
    f"{_JOBS}/{{job_id}}/cancel",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Cancel a job",
    error_statuses=(404, 409),
)
def cancel_job(job_id: UUID, caller: Principal, request: Request) -> Reply[JobShown]:
    """Have a job stopped at its next step, with the jobs that do parts of it, and undone where that is needed.

    It is CANCELLED some seconds later; a finalization that was completed meanwhile is COMPLETED. What it had done
    and is no harm stays done: docs/maintenance.md tells of each kind. A job that is over is 409 job_over, and a
    change of a storage element's mode 409 job_not_cancellable.
    """
    return Reply(show(dependencies.job_desk().cancel(job_id, caller, request)), _NO_STORE)


ENDPOINTS = (list_jobs, show_job, retry_job, cancel_job)
