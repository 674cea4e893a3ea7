"""Changing many documents at once: the job is written down here, and done by maintenance."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from artstore.changes.bulk import KIND, Action, BulkJob, BulkPages, BulkRequest, check_bulk
from artstore.errors import Invalid, NotFound, Unavailable
from artstore.http import Request
from artstore.http.idempotency import derived_id, key_reused
from artstore.jobs import Job, Jobs, Wake, new_job
from artstore.security import Principal, Scope
from artstore.spaces import key_of
from functions.upload.documents.models import BulkShown, BulkStarted

SCOPE_OF: dict[Action, Scope] = {
    Action.TAG: Scope.FILES_WRITE,
    Action.SET_ATTRIBUTES: Scope.FILES_WRITE,
    Action.MOVE: Scope.FILES_WRITE,
    Action.DELETE: Scope.FILES_DELETE,
    Action.UNDELETE: Scope.FILES_DELETE,
    Action.HOLD: Scope.ELEMENTS_ADMIN,
    Action.RELEASE: Scope.ELEMENTS_ADMIN,
    Action.FINALIZE: Scope.FILES_WRITE,
}
"""The scope of the same act on a single document, needed beside the one of the operation."""
_DERIVED = uuid.UUID("2b0d2a2b-1f4d-5a5e-9b5c-8f5f0b9a7c11")
"""The namespace (RFC 9562 §5.5) of job ids that are derived from an account and an Idempotency-Key."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class BulkDesk:
    """The bulk jobs of one deployment, for those who ask for them."""

    def __init__(
        self, *, jobs: Jobs, pages: BulkPages, wake: Wake, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        """Take the ports."""
        self._jobs = jobs
        self._pages = pages
        self._wake = wake
        self._clock = clock

    def start(
        self, asked: BulkRequest, caller: Principal, request: Request, idempotency_key: str | None
    ) -> tuple[BulkStarted, bool]:
        """Write the job down, with the caller's reach as it is now, and wake who does it; tell whether it was
        started before, under the same ``idempotency_key``.

        Raises Invalid, Forbidden (``insufficient_scope``), Conflict (``idempotency_key_reused``), Unavailable.
        """
        asked = check_bulk(asked)
        scope = SCOPE_OF[asked.action]
        caller.require(scope)
        reach = caller.reach(scope)
        bulk = BulkJob(asked=asked, spaces=reach.key, withheld=key_of(reach.withheld))
        job_id = uuid.uuid4()
        if idempotency_key is not None:
            job_id = derived_id(_DERIVED, caller.client_id, idempotency_key)
        job = new_job(
            job_id,
            KIND,
            msgspec.to_builtins(bulk),
            self._clock(),
            created_by_id=caller.client_id,
            source_ip=request.source_ip,
            request_id=request.request_id,
        )
        created = self._jobs.create(job)
        if not created:
            kept = self._jobs.find(job_id)
            if kept is None or msgspec.convert(kept.request, BulkJob).asked != asked:
                raise key_reused()
            job = kept
        with contextlib.suppress(Unavailable):  # it is due, and found by the clock
            self._wake(job_id)
        return BulkStarted(job_id=job_id, status=job.status), not created

    def show(self, job_id: UUID, caller: Principal, cursor: str) -> BulkShown:
        """Give where one of the caller's own jobs stands, and a page of results.

        Raises NotFound (``job_not_found``), Invalid (``invalid_cursor``), Unavailable.
        """
        job = self._jobs.find(job_id)
        if job is None or job.kind != KIND or job.created_by_id != caller.client_id:
            raise NotFound("there is no such job", code="job_not_found")
        number = int(cursor) if re.fullmatch("[0-9]{1,10}", cursor) else None
        page = None if number is None else self._pages.read(job_id, number)
        if number is None or (page is None and number):
            raise Invalid("the cursor is not one that this job gave", code="invalid_cursor", field="cursor")
        asked = msgspec.convert(job.request, BulkJob).asked
        told = job.result or job.progress
        is_frozen = job.result is not None or bool(told.get("frozen"))
        documents = told.get("documents") if is_frozen else None
        is_whole = page is not None and len(page.results) == len(page.ids)
        more = is_whole and is_frozen and self._has_page(job, number + 1)
        return BulkShown(
            job_id=job_id,
            status=job.status,
            action=asked.action,
            dry_run=asked.dry_run,
            documents=documents,
            counts=told.get("counts", {}),
            error=job.error,
            created_at=job.created_at,
            finished_at=job.finished_at,
            items=page.results if page is not None else [],
            next_cursor=str(number + 1) if more else None,
        )

    def _has_page(self, job: Job, number: int) -> bool:
        return self._pages.read(job.job_id, number) is not None
