"""Beginning finalizations.

A finalization is a job and the document's item, written in one transaction with the entry of the audit log: so of
two requests at the same moment one begins it, and the other is told of it. What is under way, or was done, is not
begun again; what broke is gone on with.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore.attributes import Attributes
from artstore.audit import Actor, AuditEvent
from artstore.changes.limits import LONGEST_RETENTION
from artstore.elements import Mode, RetentionPolicy, StorageElement, StorageElements
from artstore.errors import ArtStoreError, Conflict, Invalid, Unavailable
from artstore.finalizations import Finalization, Phase
from artstore.index import IndexedDocument
from artstore.index.claims import Place
from artstore.jobs import Job, Jobs, JobStatus, Wake, new_job, retried
from artstore.naming import MAX_KEY_BYTES, attributes_key, file_id_of, object_key
from artstore.spaces import Reach, not_found

KIND = "finalize"
"""The kind of job."""
_PENDING = "pending"
_TOGETHER = 33
"""Finalizations that are begun in one transaction: each takes three of its hundred writes."""


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
class Begun:
    """The finalization of a document; ``now`` is False for one that was under way, or done, before."""

    job: Job
    now: bool


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
        self,
        file_id: UUID,
        reach: Reach,
        actor: Actor,
        retain_until: datetime | None = None,
        transaction_id: UUID | None = None,
    ) -> Begun:
        """Begin the finalization of a document, unless it is under way or done.

        Raises NotFound (``document_not_found``), Conflict (``not_in_edit``, ``already_finalized``,
        ``document_missing``, ``quarantined``, ``checksum_pending``, ``finalization_busy``), Invalid
        (``retain_until_past``, ``retention_out_of_range``), Unavailable, and what placing a document raises.
        """
        self._check_time(retain_until)
        known = self._finalizations.find(file_id)
        planned = self._plan(file_id, known, reach, actor, retain_until, transaction_id or uuid.uuid4())
        return planned if isinstance(planned, Begun) else self._begin(planned)

    def start_all(
        self, file_ids: Sequence[UUID], reach: Reach, actor: Actor, retain_until: datetime | None = None
    ) -> dict[UUID, Begun | ArtStoreError]:
        """Begin many, many at a time; what cannot be begun has its error, and so has each from the moment on when
        the tables stop answering. Raises Invalid, and Unavailable when none was begun."""
        self._check_time(retain_until)
        known = self._finalizations.find_all(file_ids)
        outcomes: dict[UUID, Begun | ArtStoreError] = {}
        planned: list[_Plan] = []
        for file_id in dict.fromkeys(file_ids):
            try:
                plan = self._plan(file_id, known.get(file_id), reach, actor, retain_until, uuid.uuid4())
            except Unavailable:
                raise
            except ArtStoreError as error:
                outcomes[file_id] = error
                continue
            if isinstance(plan, Begun):
                outcomes[file_id] = plan
            else:
                planned.append(plan)
        for at in range(0, len(planned), _TOGETHER):
            try:
                outcomes |= self._begin_all(planned[at : at + _TOGETHER])
            except Unavailable as error:
                if at == 0:
                    raise
                outcomes |= {plan.finalization.file_id: error for plan in planned[at:]}
                break
        return outcomes

    def _find(self, file_id: UUID, reach: Reach) -> IndexedDocument:
        document = self._index.find(file_id, reach)
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
        if document.attributes.checksum is None:
            raise Conflict("the document's bytes are yet to be read through", code="checksum_pending")
        return element

    def _check_time(self, retain_until: datetime | None) -> None:
        if retain_until is not None and retain_until <= self._clock():
            raise Invalid("retain_until is over already", code="retain_until_past", field="retain_until")
        if retain_until is not None and retain_until > self._clock() + LONGEST_RETENTION:
            raise Invalid(
                "retain_until is a hundred years ahead at most",
                code="retention_out_of_range",
                field="retain_until",
            )

    def _plan(
        self,
        file_id: UUID,
        known: Finalization | None,
        reach: Reach,
        actor: Actor,
        retain_until: datetime | None,
        transaction_id: UUID,
    ) -> _Plan | Begun:
        """Plan a finalization, or tell of the one that is under way or was completed."""
        document = self._find(file_id, reach)
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
                    "retain_until": retain_until,
                    "size": attributes.file_size,
                }
            ),
            now,
            state=_PENDING,
            about=f"file/{file_id}",
            space=attributes.space,
            created_by_id=actor.client_id,
            source_ip=actor.source_ip,
            request_id=actor.request_id,
        )
        return _Plan(job, finalization)

    def _begin(self, plan: _Plan) -> Begun:
        if not self._jobs.create(plan.job, lambda transaction: self._add(plan, transaction)):
            known = self._finalizations.find(plan.finalization.file_id)
            if known is None or known.phase is not Phase.OPEN:
                raise Conflict("the finalization could not be begun; try again", code="finalization_busy")
            return self._go_on(known)
        with contextlib.suppress(Unavailable):  # it is due, and found by the clock
            self._wake(plan.job.job_id)
        return Begun(plan.job, now=True)

    def _begin_all(self, plans: Sequence[_Plan]) -> dict[UUID, Begun | ArtStoreError]:
        """Begin some in one transaction; where somebody else has begun one of them meanwhile, one by one."""

        def alongside(transaction: Any) -> None:
            for plan in plans:
                self._add(plan, transaction)

        outcomes: dict[UUID, Begun | ArtStoreError] = {}
        if self._jobs.create_all([plan.job for plan in plans], alongside):
            with contextlib.suppress(Unavailable):
                self._wake.all([plan.job.job_id for plan in plans])
            return {plan.finalization.file_id: Begun(plan.job, now=True) for plan in plans}
        for plan in plans:
            file_id = plan.finalization.file_id
            try:
                outcomes[file_id] = self._begin(plan)
            except ArtStoreError as error:
                outcomes[file_id] = error
        return outcomes

    def _add(self, plan: _Plan, transaction: Any) -> None:
        """Add what is written with a job: the document's item, and the event for the audit log."""
        self._finalizations.begin(plan.finalization, transaction)
        self._outbox.leave(_requested(plan), transaction)

    def _go_on(self, known: Finalization) -> Begun:
        """Tell of what is under way; what has broken three times is tried again."""
        job = self._jobs.find(known.transaction_id)
        if job is None:
            raise Conflict("the document is being finalized", code="finalization_busy")
        if job.status is JobStatus.DEAD:
            job = self._jobs.save(retried(job, self._clock())) or job
            with contextlib.suppress(Unavailable):
                self._wake(job.job_id)
        return Begun(job, now=False)

    def _done(self, known: Finalization) -> Begun:
        job = self._jobs.find(known.transaction_id)
        if job is None:
            raise Conflict("the document was finalized long ago", code="already_finalized")
        return Begun(job, now=False)


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


def _requested(plan: _Plan) -> AuditEvent:
    job, finalization = plan.job, plan.finalization
    return Actor(job.created_by_id, job.source_ip, job.request_id).event(
        "finalization.requested",
        f"file/{finalization.file_id}",
        after={"transaction_id": str(job.job_id), "storage_element_id": finalization.element_id},
    )
