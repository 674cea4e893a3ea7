"""Starting finalizations, and telling where they stand.

A finalization is a job and the document's item, written in one transaction with the entry of the audit log: so of
two requests at the same moment one begins it, and the other is told of it. What is under way, or was done, is not
begun again; what broke is gone on with.
"""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore.attributes import Attributes
from artstore.audit import SUCCESS, AuditEvent
from artstore.elements import Mode, RetentionPolicy, StorageElement, StorageElements
from artstore.errors import ArtStoreError, Conflict, Invalid, Unavailable
from artstore.finalizations import Finalization, Phase
from artstore.http import Request
from artstore.http.idempotency import key_reused
from artstore.index import IndexedDocument
from artstore.index.claims import Place
from artstore.jobs import Job, Jobs, JobStatus, Wake, new_job
from artstore.naming import MAX_KEY_BYTES, attributes_key, file_id_of, object_key
from artstore.security import Principal, Scope
from artstore.spaces import Reach, not_found
from functions.upload.documents.finalizing_models import (
    FinalizationList,
    FinalizationQuery,
    FinalizationShown,
    FinalizeManyOutcome,
    FinalizeManyRequest,
    FinalizeOutcome,
    FinalizeRequest,
    Reason,
    show,
    summarize,
)

KIND = "finalize"
_PENDING = "pending"
_TOGETHER = 33
"""Finalizations that are begun in one transaction: each takes three of its hundred writes."""
_DERIVED = uuid.UUID("0b8a8f0e-3d0c-5c1b-9a55-5f0f8c2b7d41")
"""The namespace (RFC 9562 §5.5) of transactions that are derived from an account, a key and a document."""
_STATUS_OF = {"completed": JobStatus.COMPLETED, "rolled_back": JobStatus.FAILED}
"""States that jobs of one status alone are in."""


class Index(Protocol):
    """The calls on the index that are made here."""

    def find(self, file_id: UUID, reach: Reach) -> IndexedDocument | None: ...


class Finalizations(Protocol):
    """The item of each document; see artstore.aws.finalization_table."""

    def find(self, file_id: UUID) -> Finalization | None: ...
    def find_all(self, file_ids: Iterable[UUID]) -> dict[UUID, Finalization]: ...
    def begin(self, finalization: Finalization, transaction: Any) -> None: ...


class Waking(Wake, Protocol):
    """Wakes whoever does jobs; see artstore.aws.job_queue."""

    def all(self, job_ids: Sequence[UUID]) -> None: ...


class Outbox(Protocol):
    """Where events wait for the audit log; see ``artstore.aws.audit_outbox``."""

    def leave(self, event: AuditEvent, transaction: Any = None) -> None: ...


@dataclass(frozen=True)
class Started:
    """What a request came to; ``begun`` is False for what was under way, or done, before."""

    shown: FinalizationShown
    begun: bool


@dataclass(frozen=True)
class _Plan:
    """A finalization that can be begun."""

    job: Job
    finalization: Finalization


class Finalizing:
    """The finalizations of one deployment."""

    def __init__(
        self,
        *,
        elements: Callable[[], StorageElements],
        index: Index,
        jobs: Jobs,
        wake: Waking,
        finalizations: Finalizations,
        outbox: Outbox,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports."""
        self._elements = elements
        self._index = index
        self._jobs = jobs
        self._wake = wake
        self._finalizations = finalizations
        self._outbox = outbox
        self._clock = clock

    def start(
        self, file_id: UUID, asked: FinalizeRequest, caller: Principal, request: Request, key: str | None = None
    ) -> Started:
        """Begin the finalization of a document, unless it is under way or done.

        Raises NotFound (``document_not_found``), Conflict (``not_in_edit``, ``already_finalized``,
        ``document_missing``, ``quarantined``, ``idempotency_key_reused``, ``finalization_busy``), Invalid
        (``retain_until_past``), Unavailable, and what placing a document raises.
        """
        self._check_time(asked)
        transaction_id = uuid.uuid4()
        if key is not None:
            transaction_id = uuid.uuid5(_DERIVED, f"{caller.client_id}\x00{key}\x00{file_id}")
            if (before := self._jobs.find(transaction_id)) is not None:
                caller.reach(Scope.FILES_WRITE).require(before.space, "document")
                if before.request.get("fingerprint") != _fingerprint(asked):
                    raise key_reused()
                return Started(show(before), begun=False)
        planned = self._plan(file_id, self._finalizations.find(file_id), asked, caller, request, transaction_id)
        if isinstance(planned, Started):
            return planned
        return self._begin(planned, request)

    def start_all(self, asked: FinalizeManyRequest, caller: Principal, request: Request) -> FinalizeManyOutcome:
        """Begin many; each has an outcome of its own. Raises what ``start`` raises of all, and Unavailable."""
        one = FinalizeRequest(retain_until=asked.retain_until)
        self._check_time(one)
        file_ids = list(dict.fromkeys(asked.file_ids))
        known = self._finalizations.find_all(file_ids)
        outcomes: dict[UUID, FinalizeOutcome] = {}
        planned: list[_Plan] = []
        for file_id in file_ids:
            try:
                plan = self._plan(file_id, known.get(file_id), one, caller, request, uuid.uuid4())
            except Unavailable:
                raise
            except ArtStoreError as error:
                outcomes[file_id] = _refused(file_id, error)
                continue
            if isinstance(plan, Started):
                outcomes[file_id] = _accepted(plan)
            else:
                planned.append(plan)
        for at in range(0, len(planned), _TOGETHER):
            outcomes |= self._begin_all(planned[at : at + _TOGETHER], request)
        items = [outcomes[each] for each in file_ids]
        accepted = sum(each.error is None for each in items)
        return FinalizeManyOutcome(items, accepted=accepted, refused=len(items) - accepted)

    def show(self, transaction_id: UUID, caller: Principal) -> FinalizationShown:
        """Tell where a finalization stands. Raises NotFound (``finalization_not_found``), Unavailable."""
        job = self._jobs.find(transaction_id)
        if job is None or job.kind != KIND:
            raise not_found("finalization")
        caller.reach(Scope.FILES_WRITE).require(job.space, "finalization")
        return show(job)

    def list(self, query: FinalizationQuery, caller: Principal) -> FinalizationList:
        """Give one page, newest first. Raises Invalid (``invalid_cursor``), Unavailable."""
        status = None if query.status is None else _STATUS_OF.get(query.status)
        page = self._jobs.list(KIND, status, query.limit, query.cursor)
        reach = caller.reach(Scope.FILES_WRITE)
        items = [summarize(each) for each in page.items if reach.includes(each.space)]
        return FinalizationList([each for each in items if query.status in (None, each.state)], page.next)

    def _find(self, file_id: UUID, caller: Principal) -> IndexedDocument:
        document = self._index.find(file_id, caller.reach(Scope.FILES_WRITE))
        if document is None:
            raise not_found("document")
        return document

    def _check(self, document: IndexedDocument) -> StorageElement:
        """Give the element that the document leaves. Raises Conflict."""
        element = self._elements().locate(document.bucket, document.key)
        if element is None or element.mode is not Mode.EDIT:
            raise Conflict("the document does not lie in an edit element", code="not_in_edit")
        if document.missing:
            raise Conflict("the document's bytes are gone", code="document_missing")
        if document.attributes.quarantine is not None:
            raise Conflict("the document is in quarantine", code="quarantined")
        return element

    def _check_time(self, asked: FinalizeRequest) -> None:
        if asked.retain_until is not None and asked.retain_until <= self._clock():
            raise Invalid("retain_until is over already", code="retain_until_past", field="retain_until")

    def _plan(
        self,
        file_id: UUID,
        known: Finalization | None,
        asked: FinalizeRequest,
        caller: Principal,
        request: Request,
        transaction_id: UUID,
    ) -> _Plan | Started:
        """Plan a finalization, or tell of the one that is under way or was completed."""
        document = self._find(file_id, caller)
        if known is not None and known.phase is Phase.OPEN:
            return self._go_on(known)
        if known is not None and known.target == (document.bucket, document.key):
            return self._done(known)
        source, attributes, now = self._check(document), document.attributes, self._clock()
        element = self._elements().place(
            RetentionPolicy.PERMANENT, attributes.file_size, attributes.content_type, now.timestamp()
        )
        finalization = Finalization(
            file_id=file_id,
            transaction_id=transaction_id,
            source=Place(document.bucket, document.key),
            target=Place(element.bucket, target_key(attributes, document.key, source, element)),
            element_id=element.element_id,
            started_at=now,
        )
        job = new_job(
            transaction_id,
            KIND,
            msgspec.to_builtins(
                {
                    "file_id": file_id,
                    "source": finalization.source,
                    "target": finalization.target,
                    "element_id": element.element_id,
                    "retain_until": asked.retain_until,
                    "size": attributes.file_size,
                    "fingerprint": _fingerprint(asked),
                }
            ),
            now,
            state=_PENDING,
            about=f"file/{file_id}",
            space=attributes.space,
            created_by_id=caller.client_id,
            source_ip=request.source_ip,
            request_id=request.request_id,
        )
        return _Plan(job, finalization)

    def _begin(self, plan: _Plan, request: Request) -> Started:
        if not self._jobs.create(plan.job, lambda transaction: self._add(plan, request, transaction)):
            known = self._finalizations.find(plan.finalization.file_id)
            if known is None or known.phase is not Phase.OPEN:
                raise Conflict("the finalization could not be begun; try again", code="finalization_busy")
            return self._go_on(known)
        with contextlib.suppress(Unavailable):  # it is due, and found by the clock
            self._wake(plan.job.job_id)
        return Started(show(plan.job), begun=True)

    def _begin_all(self, plans: Sequence[_Plan], request: Request) -> dict[UUID, FinalizeOutcome]:
        """Begin some in one transaction; where somebody else has begun one of them meanwhile, one by one."""

        def alongside(transaction: Any) -> None:
            for plan in plans:
                self._add(plan, request, transaction)

        outcomes: dict[UUID, FinalizeOutcome] = {}
        if self._jobs.create_all([plan.job for plan in plans], alongside):
            with contextlib.suppress(Unavailable):
                self._wake.all([plan.job.job_id for plan in plans])
            return {plan.finalization.file_id: _accepted(Started(show(plan.job), begun=True)) for plan in plans}
        for plan in plans:
            file_id = plan.finalization.file_id
            try:
                outcomes[file_id] = _accepted(self._begin(plan, request))
            except ArtStoreError as error:
                outcomes[file_id] = _refused(file_id, error)
        return outcomes

    def _add(self, plan: _Plan, request: Request, transaction: Any) -> None:
        """Add what is written with a job: the document's item, and the event for the audit log."""
        self._finalizations.begin(plan.finalization, transaction)
        self._outbox.leave(_requested(plan.job, plan.finalization, request), transaction)

    def _go_on(self, known: Finalization) -> Started:
        """Tell of what is under way; what has broken three times is tried again."""
        job = self._jobs.find(known.transaction_id)
        if job is None:
            raise Conflict("the document is being finalized", code="finalization_busy")
        if job.status is JobStatus.DEAD:
            now = self._clock()
            again = msgspec.structs.replace(
                job, status=JobStatus.WAITING, attempts=0, error=None, finished_at=None, due_at=now, updated_at=now
            )
            job = self._jobs.save(again) or job
            with contextlib.suppress(Unavailable):
                self._wake(job.job_id)
        return Started(show(job), begun=False)

    def _done(self, known: Finalization) -> Started:
        job = self._jobs.find(known.transaction_id)
        if job is None:
            raise Conflict("the document was finalized long ago", code="already_finalized")
        return Started(show(job), begun=False)


def target_key(attributes: Attributes, key: str, source: StorageElement, target: StorageElement) -> str:
    """Give the key at the target: the same below the prefix, where that holds the document's id; else a new one.

    By the id in the key ingest knows whose an object without an attr.json is.
    """
    same = target.prefix + key.removeprefix(source.prefix)
    if file_id_of(key) == attributes.file_id and len(attributes_key(same).encode()) <= MAX_KEY_BYTES:
        return same
    return object_key(
        target.prefix,
        attributes.original_filename,
        attributes.created_by_username,
        attributes.created_at,
        attributes.file_id,
    )


def _accepted(started: Started) -> FinalizeOutcome:
    shown = started.shown
    return FinalizeOutcome(file_id=shown.file_id, transaction_id=shown.transaction_id, state=shown.state)


def _refused(file_id: UUID, error: ArtStoreError) -> FinalizeOutcome:
    return FinalizeOutcome(file_id=file_id, error=Reason(error.code, error.detail))


def _fingerprint(asked: FinalizeRequest) -> str:
    return hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()


def _requested(job: Job, finalization: Finalization, request: Request) -> AuditEvent:
    return AuditEvent(
        action="finalization.requested",
        actor=job.created_by_id,
        object=f"file/{finalization.file_id}",
        outcome=SUCCESS,
        source_ip=request.source_ip,
        request_id=request.request_id,
        after={"transaction_id": str(job.job_id), "storage_element_id": finalization.element_id},
    )
