"""A finalization, step by step: pending, copying, copied, verifying, completed; or failed, or rolled_back.

Up to the moment at which the target's attr.json is created the document lies at the source and can be changed
there; the seal before it lasts no longer than a few calls. Whatever makes it impossible until then undoes what was
done. A step may be done twice at any point, and each begins with the question whether all is over already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from artstore.attributes import Attributes
from artstore.audit import REFUSED, SUCCESS, AuditEvent
from artstore.elements import Mode, Right, StorageElement
from artstore.errors import NotFound
from artstore.finalizations import Finalization, Phase
from artstore.jobs import Job
from functions.maintenance.finalizing.copying import Copying, source_changed
from functions.maintenance.finalizing.handover import Handover, retention_of
from functions.maintenance.finalizing.ports import (
    Asked,
    Copies,
    Elements,
    Finalizations,
    Ingesting,
    Objects,
    Progress,
    Refused,
)
from functions.maintenance.steps import Continue, Done, Fail, Step

PENDING, COPYING, COPIED, VERIFYING = "pending", "copying", "copied", "verifying"
COMPLETED, FAILED, ROLLED_BACK = "completed", "failed", "rolled_back"


class Outbox(Protocol):
    """Where events wait for the audit log; see ``artstore.aws.audit_outbox``."""

    def leave(self, event: AuditEvent, transaction: Any = None) -> None: ...


class _Work(msgspec.Struct, frozen=True):
    """One step's share: the job as it is, and what it says."""

    job: Job
    known: Finalization
    asked: Asked
    progress: Progress
    time_left: Callable[[], float]


class Finalizer:
    """Runs finalizations; see functions.maintenance.steps.Runner."""

    def __init__(
        self,
        *,
        elements: Elements,
        objects: Objects,
        copies: Copies,
        finalizations: Finalizations,
        ingest: Ingesting,
        outbox: Outbox,
        whole_bytes: int,
        part_bytes: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports. What has more than ``whole_bytes`` is copied in parts of ``part_bytes`` at least."""
        self._elements = elements
        self._objects = objects
        self._copies = copies
        self._finalizations = finalizations
        self._ingest = ingest
        self._outbox = outbox
        self._clock = clock
        self._copying = Copying(objects, copies, whole_bytes=whole_bytes, part_bytes=part_bytes)
        self._handover = Handover(objects, clock)
        self._steps: Mapping[str, Callable[[_Work], Step]] = {
            PENDING: self._begin,
            COPYING: self._copy,
            COPIED: self._check_copy,
            VERIFYING: self._verify,
        }

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Do the next step. Raises Unavailable, and whatever else lets the engine try again."""

        def go_on(work: _Work) -> Step:
            try:
                return self._steps[job.state or PENDING](work)
            except Refused as refusal:
                return self._undo(work, refusal)

        return self._unless_over(job, time_left, go_on)

    def cancel(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Undo it, unless it is over; see functions.maintenance.steps.Undoing."""
        wanted_no_more = Refused("cancelled", "somebody wanted it no more")
        return self._unless_over(job, time_left, lambda work: self._undo(work, wanted_no_more))

    def _unless_over(self, job: Job, time_left: Callable[[], float], act: Callable[[_Work], Step]) -> Step:
        """Act on what is under way; of what is over tell how it ended."""
        asked, progress = msgspec.convert(job.request, Asked), msgspec.convert(job.progress, Progress)
        known = self._finalizations.find(asked.file_id)
        if known is None or known.transaction_id != job.job_id:
            return Fail("superseded", "another finalization of the document has begun", FAILED)
        work = _Work(job, known, asked, progress, time_left)
        if known.phase is Phase.COMMITTED:
            return _done(work, known.settled_at)
        if known.phase is Phase.UNDONE:
            return _failed(work, known.code or "", known.detail or "")
        return act(work)

    def undo(self, job: Job, known: Finalization, code: str, detail: str) -> Step:
        """End a finalization that nobody goes on with, unless the document lies at the target already."""
        asked, progress = msgspec.convert(job.request, Asked), msgspec.convert(job.progress, Progress)
        return self._undo(_Work(job, known, asked, progress, lambda: 0), Refused(code, detail))

    def _begin(self, work: _Work) -> Step:
        asked = work.asked
        self._element(asked)
        attributes = self._handover.check(asked)
        occupied = self._handover.read(asked.target)
        if occupied is not None and occupied[0].file_id != asked.file_id:
            raise Refused("target_occupied", "another document lies where this one is to go")
        try:
            stored = self._objects.head(*asked.source)
        except NotFound as error:
            raise Refused("document_missing", "the document's bytes are gone") from error
        if stored.archived:
            raise Refused("archived", "the bytes have to be restored before they are copied")
        if stored.size != attributes.file_size:
            raise source_changed()
        return _continue(Progress(size=stored.size, etag=stored.etag), COPYING)

    def _copy(self, work: _Work) -> Step:
        self._element(work.asked)
        progress = self._copying.onward(work.asked, work.progress)
        return _continue(progress, COPYING if progress.copy_etag is None else COPIED)

    def _check_copy(self, work: _Work) -> Step:
        """Look at the copy before it is read: what became of its size costs one call to find out."""
        try:
            found = self._objects.head(*work.asked.target, work.progress.copy_version_id)
        except NotFound as error:
            raise Refused("copy_lost", "the copy is not there any more") from error
        return self._mismatch(work) if found.size != work.progress.size else _continue(work.progress, VERIFYING)

    def _verify(self, work: _Work) -> Step:
        if work.progress.sha256 is None:
            return _continue(self._copying.verify(work.asked, work.progress, work.time_left), VERIFYING)
        if self._handover.check(work.asked).checksum != work.progress.sha256:
            return self._mismatch(work)
        return self._commit(work)

    def _mismatch(self, work: _Work) -> Step:
        again = self._copying.again(work.progress)
        if again is None:
            raise Refused("checksum_mismatch", "the copy does not hold what the document's checksum says")
        return _continue(again, COPYING)

    def _commit(self, work: _Work) -> Step:
        """Seal the source, see that it still is what was copied, lock the copy, and hand the document over."""
        asked, progress = work.asked, work.progress

        def check(found: Attributes) -> None:
            if (found.checksum, found.file_size) != (progress.sha256, progress.size):
                raise source_changed()

        element = self._element(asked)
        sealed, sealed_etag = self._handover.seal(asked, work.job.job_id, check)
        try:
            if self._objects.head(*asked.source).etag != progress.etag:
                raise source_changed()
        except NotFound as error:
            raise source_changed() from error
        self._lock(work, sealed)
        self._handover.hand_over(asked, sealed, progress, element)
        return self._complete(work, sealed_etag)

    def _lock(self, work: _Work, sealed: Attributes) -> None:
        """Keep the version as its element keeps what it has: not every storage does so by itself of a copy."""
        asked = work.asked
        lock = self._copies.lock_of(asked.target.bucket)
        if lock is None:
            return
        retention, now = retention_of(sealed.retention, asked.retain_until), self._clock()
        until = max(now + timedelta(days=lock.days), retention.expires_at or now)
        if until > now:
            self._copies.retain(asked.target, work.progress.copy_version_id, lock.mode, until)
        if retention.legal_hold:
            self._copies.hold(asked.target, work.progress.copy_version_id)

    def _complete(self, work: _Work, sealed_etag: str | None) -> Step:
        """Have the document be seen where it lies now, and note that it does."""
        self._ingest.at(*work.asked.target)
        ended = msgspec.structs.replace(
            work.known,
            phase=Phase.COMMITTED,
            settled_at=self._clock(),
            etag=work.progress.copy_etag,
            version_id=work.progress.copy_version_id,
            source_etag=work.progress.etag,
            sealed_etag=sealed_etag,
        )
        event = _event(work, "finalization.completed", SUCCESS)
        self._finalizations.settle(ended, lambda transaction: self._outbox.leave(event, transaction))
        return _done(work, ended.settled_at)

    def _undo(self, work: _Work, refusal: Refused) -> Step:
        """Let the source go on as it was; but what was handed over before is handed over, whatever came then."""
        there, sealed_etag = self._handover.is_over(work.asked, work.progress)
        if there:
            return self._complete(work, sealed_etag)
        self._handover.take_back(work.asked, work.job.job_id)
        self._copying.give_up(work.asked, work.progress)
        self._ingest.at(*work.asked.source)
        ended = msgspec.structs.replace(
            work.known,
            phase=Phase.UNDONE,
            settled_at=self._clock(),
            etag=work.progress.copy_etag,
            version_id=work.progress.copy_version_id,
            code=refusal.code,
            detail=refusal.detail,
        )
        event = _event(work, "finalization.failed", REFUSED, refusal.code)
        self._finalizations.settle(ended, lambda transaction: self._outbox.leave(event, transaction))
        return _failed(work, refusal.code, refusal.detail)

    def _element(self, asked: Asked) -> StorageElement:
        """Give the element of the target. Raises Refused (``element_unavailable``) when it takes no documents."""
        element = self._elements().find(asked.element_id)
        if element is None or element.mode is not Mode.RW or not element.may(Right.CREATE):
            raise Refused("element_unavailable", f"{asked.element_id} takes no documents any more")
        return element


def _continue(progress: Progress, state: str) -> Continue:
    return Continue(msgspec.to_builtins(progress), state)


def _done(work: _Work, at: datetime | None) -> Done:
    asked, progress = work.asked, work.progress
    result = {
        "bytes": progress.size,
        "parts": progress.parts,
        "sha256": progress.sha256,
        "bucket": asked.target.bucket,
        "key": asked.target.key,
        "version_id": progress.copy_version_id,
        "completed_at": at.isoformat() if at else None,
    }
    return Done(result, COMPLETED)


def _failed(work: _Work, code: str, detail: str) -> Fail:
    """Say why, and what is left: where nothing can be deleted, a copy stays."""
    asked, progress = work.asked, work.progress
    if progress.copy_etag is None:
        return Fail(code, detail, ROLLED_BACK if progress.upload_id else FAILED)
    left = {"bucket": asked.target.bucket, "key": asked.target.key, "version_id": progress.copy_version_id}
    return Fail(code, detail, ROLLED_BACK, {"left_behind": left})


def _event(work: _Work, action: str, outcome: str, reason: str | None = None) -> AuditEvent:
    job, asked = work.job, work.asked
    return AuditEvent(
        action=action,
        actor=job.created_by_id,
        object=f"file/{asked.file_id}",
        outcome=outcome,
        source_ip=job.source_ip,
        request_id=job.request_id,
        after={"transaction_id": str(job.job_id), "storage_element_id": asked.element_id},
        reason=reason,
    )
