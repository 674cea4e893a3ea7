"""Routes of retention schedules, of what is due by them, and of decisions about it."""

from __future__ import annotations

from uuid import UUID

from artstore.changes.disposition import DecisionRequest
from artstore.http import Reply, Request, endpoint
from artstore.http.acting import actor_of
from artstore.http.idempotency import IDEMPOTENCY_KEY, idempotency_key
from artstore.http.preconditions import IF_MATCH, OPTIONAL_IF_MATCH, optional_if_match, require_if_match
from artstore.schedules import ScheduleName
from artstore.security import Principal, Scope
from artstore.tables import ScheduleItem
from functions.upload.retention import dependencies
from functions.upload.retention.administration import etag, show
from functions.upload.retention.models import (
    DecisionShown,
    DecisionStarted,
    DueList,
    DueQuery,
    ResultsQuery,
    RetentionSchedule,
    ScheduleChange,
    ScheduleList,
    ScheduleRequest,
)

_SCHEDULES = "/api/v1/retention-schedules"
_SCHEDULE = f"{_SCHEDULES}/{{name}}"
_DECISIONS = "/api/v1/retention/decisions"
_NO_STORE = {"Cache-Control": "no-store"}


@endpoint(
    "POST",
    _SCHEDULES,
    scope=Scope.ELEMENTS_ADMIN,
    status=201,
    summary="Create a retention schedule",
    headers=(IDEMPOTENCY_KEY,),
    repeated_status=200,
    etag=True,
    error_statuses=(409,),
)
def create_retention_schedule(
    body: ScheduleRequest, caller: Principal, request: Request
) -> Reply[RetentionSchedule]:
    """Create a schedule, which documents and spaces can name from now on.

    Only an account that is itself kept to no spaces creates them. With an Idempotency-Key the same request under
    the same key is answered 200 with the schedule.
    """
    administration = dependencies.administration()
    key = idempotency_key(request)
    created, repeated = administration.create(body, caller, actor_of(caller, request), key)
    headers = {"Location": f"retention-schedules/{created.name}"} | _headers(created)
    return Reply(show(created), headers, 200 if repeated else None)


@endpoint("GET", _SCHEDULES, scope=Scope.FILES_READ, summary="List retention schedules")
def list_retention_schedules() -> Reply[ScheduleList]:
    """List all schedules by their names: whoever reads documents may know what theirs mean."""
    return Reply(ScheduleList([show(each) for each in dependencies.administration().list()]), _NO_STORE)


@endpoint(
    "GET", _SCHEDULE, scope=Scope.FILES_READ, summary="Show a retention schedule", etag=True, error_statuses=(404,)
)
def show_retention_schedule(name: ScheduleName) -> Reply[RetentionSchedule]:
    """Show a schedule; ETag is what If-Match is compared with."""
    return _reply(dependencies.administration().find(name))


@endpoint(
    "PATCH",
    _SCHEDULE,
    scope=Scope.ELEMENTS_ADMIN,
    summary="Change a retention schedule",
    headers=(IF_MATCH,),
    etag=True,
    error_statuses=(404, 409, 412, 428),
)
def change_retention_schedule(
    name: ScheduleName, body: ScheduleChange, caller: Principal, request: Request
) -> Reply[RetentionSchedule]:
    """Change what the body names; needs If-Match. It holds at once for all documents that name the schedule."""
    precondition = require_if_match(request)
    actor = actor_of(caller, request)
    return _reply(dependencies.administration().change(name, body, precondition, caller, actor))


@endpoint(
    "DELETE",
    _SCHEDULE,
    scope=Scope.ELEMENTS_ADMIN,
    status=204,
    summary="Delete a retention schedule",
    headers=(OPTIONAL_IF_MATCH,),
    error_statuses=(404, 409, 412),
)
def delete_retention_schedule(name: ScheduleName, caller: Principal, request: Request) -> Reply[None]:
    """Delete a schedule that no document and no space names; one that is in use is 409 schedule_in_use."""
    precondition = optional_if_match(request)
    dependencies.administration().delete(name, precondition, caller, actor_of(caller, request))
    return Reply(None, _NO_STORE)


@endpoint("GET", "/api/v1/retention/due", scope=Scope.ELEMENTS_ADMIN, summary="List what is due")
def list_due_documents(query: DueQuery, caller: Principal) -> Reply[DueList]:
    """List documents that their schedules say are due, now or by a day to come, each with why; and those of which
    nobody can say when they are, as not_computable with the reason.

    What is kept for good is not listed, nor what lies in the trash. Documents of the spaces that the caller
    administers.
    """
    return Reply(dependencies.due_documents().list(query, caller.reach(Scope.ELEMENTS_ADMIN)), _NO_STORE)


@endpoint(
    "POST",
    _DECISIONS,
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Decide about what is due",
    headers=(IDEMPOTENCY_KEY,),
    repeated_status=200,
    error_statuses=(409,),
)
def start_retention_decision(body: DecisionRequest, caller: Principal, request: Request) -> Reply[DecisionStarted]:
    """Decide about up to 1,000 documents: approve what their schedules say, extend until a day, or keep for good.

    It is done by a job, which has a result for each. What is approved must be due. What is deleted goes into the
    trash, or, where documents are kept, for good once its locks are over; a certificate of it is in the audit log
    (retention.disposed). A legal hold is stronger than any decision.
    """
    desk = dependencies.decisions()
    started, repeated = desk.start(body, caller, request, idempotency_key(request))
    headers = {"Location": f"decisions/{started.job_id}"} | _NO_STORE
    return Reply(started, headers, 200 if repeated else None)


@endpoint(
    "GET",
    f"{_DECISIONS}/{{job_id}}",
    scope=Scope.ELEMENTS_ADMIN,
    summary="Show what came of a decision",
    error_statuses=(404,),
)
def show_retention_decision(job_id: UUID, query: ResultsQuery, caller: Principal) -> Reply[DecisionShown]:
    """Show how far a decision has come, to who made it or administers every space, and a page of its results."""
    return Reply(dependencies.decisions().show(job_id, caller, query.cursor), _NO_STORE)


ENDPOINTS = (
    create_retention_schedule,
    list_retention_schedules,
    show_retention_schedule,
    change_retention_schedule,
    delete_retention_schedule,
    list_due_documents,
    start_retention_decision,
    show_retention_decision,
)


def _reply(item: ScheduleItem) -> Reply[RetentionSchedule]:
    return Reply(show(item), _headers(item))


def _headers(item: ScheduleItem) -> dict[str, str]:
    return {"ETag": etag(item)} | _NO_STORE
