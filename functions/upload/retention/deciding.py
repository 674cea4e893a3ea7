"""Decisions about what is due: the job is written down here, and done by maintenance."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from artstore.changes.bulk import BulkPages
from artstore.changes.disposition import KIND, DecisionJob, DecisionRequest, check_decision
from artstore.changes.retaining import check_until
from artstore.errors import Invalid, Unavailable
from artstore.http import Request
from artstore.http.idempotency import derived_id, key_reused
from artstore.jobs import Jobs, Wake, new_job
from artstore.security import Principal, Scope
from artstore.spaces import EVERYWHERE, not_found
from functions.upload.retention.models import DecisionShown, DecisionStarted

_DERIVED = uuid.UUID("5b1f0c0e-93e2-5a53-9c0e-0e6a4c7d2f31")
"""The namespace (RFC 9562 §5.5) of job ids that are derived from an account and an Idempotency-Key."""


class DecisionDesk:
    """The decisions of one deployment, for those who make them."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        pages: BulkPages,
        wake: Wake,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports."""
        self._jobs = jobs
        self._pages = pages
        self._wake = wake
        self._clock = clock

    def start(
        self, asked: DecisionRequest, caller: Principal, request: Request, idempotency_key: str | None
    ) -> tuple[DecisionStarted, bool]:
        """Write the job down, with the caller's reach as it is now, and wake who does it; tell whether it was
        started before, under the same ``idempotency_key``.

        Raises Invalid, Conflict (``idempotency_key_reused``), Unavailable.
        """
        asked = check_decision(asked)
        job_id = uuid.uuid4()
        if idempotency_key is not None:
            job_id = derived_id(_DERIVED, caller.client_id, idempotency_key)
        job = new_job(
            job_id,
            KIND,
            msgspec.to_builtins(DecisionJob(asked=asked, spaces=caller.reach(Scope.ELEMENTS_ADMIN).key)),
            self._clock(),
            created_by_id=caller.client_id,
            source_ip=request.source_ip,
            request_id=request.request_id,
        )
        kept = self._jobs.find(job_id) if idempotency_key is not None else None
        if kept is None:
            if asked.until is not None:
                check_until(asked.until, self._clock())
            kept = None if self._jobs.create(job) else self._jobs.find(job_id)
        if kept is not None:
            if msgspec.convert(kept.request, DecisionJob).asked != asked:
                raise key_reused()
            job = kept
        with contextlib.suppress(Unavailable):  # it is due, and found by the clock
            self._wake(job_id)
        return DecisionStarted(job_id=job_id, kind=KIND, status=job.status), kept is not None

    def show(self, job_id: UUID, caller: Principal, cursor: str) -> DecisionShown:
        """Give where a decision stands that the caller made, or any to who sees every space, and a page of
        results.

        Raises NotFound (``job_not_found``), Invalid (``invalid_cursor``), Unavailable.
        """
        job = self._jobs.find(job_id)
        sees_all = caller.administers() == EVERYWHERE
        if job is None or job.kind != KIND or not (sees_all or job.created_by_id == caller.client_id):
            raise not_found("job")
        number = int(cursor) if re.fullmatch("[0-9]{1,10}", cursor) else None
        page = None if number is None else self._pages.read(job_id, number)
        if number is None or (page is None and number):
            raise Invalid("the cursor is not one that this job gave", code="invalid_cursor", field="cursor")
        asked = msgspec.convert(job.request, DecisionJob).asked
        is_whole = page is not None and len(page.results) == len(page.ids)
        more = is_whole and self._pages.read(job_id, number + 1) is not None
        told = job.result or job.progress
        return DecisionShown(
            job_id=job_id,
            status=job.status,
            decision=asked.decision,
            until=asked.until,
            reason=asked.reason,
            documents=len(asked.ids),
            counts=told.get("counts", {}),
            error=job.error,
            created_at=job.created_at,
            finished_at=job.finished_at,
            items=page.results if page is not None else [],
            next_cursor=str(number + 1) if more else None,
        )
