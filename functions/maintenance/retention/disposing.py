"""Disposing of a document that is due: what is judged anew, in which order it goes, and the certificate of it.

Where documents can be deleted it goes into the trash by the code of every deletion, and from there by the sweep.
Where they are kept, every version of its bytes is removed for good, then every version of its attr.json, the one
that is shown last: until then the document is there, and whoever comes after a crash finds it, and goes on. No
version is removed before all of them are free of locks, and storage itself refuses one that is locked or held
meanwhile.

The certificate is left in the outbox of the audit log before the last trace goes: after a crash it may be there
twice, and never not at all. Nothing goes while what its finalization left behind is there: that would be shown.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from artstore.attributes import Attributes
from artstore.audit import Actor, AuditEvent, format_time
from artstore.changes.bulk import DocumentResult
from artstore.changes.changing import MOST_TRIES, Changes, Found
from artstore.changes.deleting import Deleting
from artstore.changes.disposition import Outcome
from artstore.changes.retaining import Retaining
from artstore.elements import Mode, RetentionPolicy, Right
from artstore.errors import ArtStoreError, Conflict, NotFound, PreconditionFailed, Unavailable
from artstore.finalizations import Finalization, Phase
from artstore.retention import refuse_deletion
from artstore.schedules import Due, Schedule, ScheduleAction, Schedules, reckon
from artstore.spaces import EVERYWHERE, Reach, name_of
from functions.maintenance.retention.storage import Lock, Version

DISPOSED = "retention.disposed"
_HELD, _RETAINED = "legal_hold", "retained"
_CHANGED = "the document has changed since it was judged"


class Storage(Protocol):
    """See functions.maintenance.retention.storage."""

    def versions(self, bucket: str, key: str) -> list[Version]: ...
    def lock(self, bucket: str, version: Version) -> Lock: ...
    def remove(self, bucket: str, version: Version) -> bool: ...


class Finalizations(Protocol):
    """Which documents were finalized, and from where; see artstore.aws.finalization_table."""

    def find(self, file_id: UUID) -> Finalization | None: ...


class Outbox(Protocol):
    """Where events wait for the audit log; see artstore.aws.audit_outbox."""

    def leave(self, event: AuditEvent) -> None: ...


class Ingesting(Protocol):
    """What has a place looked at now; see artstore.aws.ingesting."""

    def at(self, bucket: str, key: str) -> object: ...


class Case:
    """One document to be judged, and who wants it gone.

    ``automatic``: the schedule alone decides. ``begun`` tells that it was being removed before, ``begin`` is
    called before anything is: whoever comes after a crash knows by it.
    """

    def __init__(
        self,
        file_id: UUID,
        reach: Reach,
        actor: Actor,
        reason: str,
        *,
        job_id: UUID | None = None,
        automatic: bool = False,
        begun: bool = False,
        begin: Callable[[], None] = lambda: None,
        dry_run: bool = False,
    ) -> None:
        """Take what is known of it."""
        self.file_id = file_id
        self.reach = reach
        self.actor = actor
        self.reason = reason
        self.job_id = job_id
        self.automatic = automatic
        self.begun = begun
        self.begin = begin
        self.dry_run = dry_run

    def result(self, outcome: Outcome, **told: Any) -> DocumentResult:
        """Give what became of it."""
        return DocumentResult(file_id=self.file_id, outcome=str(outcome), **told)

    def refused(self, code: str, detail: str) -> DocumentResult:
        """Give that nothing did."""
        return self.result(Outcome.REFUSED, code=code, detail=detail)


class Disposal:
    """Disposes of documents of one deployment."""

    def __init__(
        self,
        *,
        changes: Changes,
        deleting: Deleting,
        retaining: Retaining,
        schedules: Schedules,
        storage: Storage,
        finalizations: Finalizations,
        ingest: Ingesting,
        outbox: Outbox,
        trash: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports; ``trash`` is how long a document stays there."""
        self._changes = changes
        self._deleting = deleting
        self._retaining = retaining
        self._schedules = schedules
        self._storage = storage
        self._finalizations = finalizations
        self._ingest = ingest
        self._outbox = outbox
        self._trash = trash
        self._clock = clock

    def approve(self, case: Case) -> DocumentResult:
        """Do what the document's schedule says, if it is due; may be done again. Raises Unavailable."""
        try:
            for _ in range(MOST_TRIES):
                try:
                    return self._approve(case)
                except PreconditionFailed:
                    continue  # another change came first
            return case.refused("changing_too_fast", "the document changes faster than it can be disposed of")
        except Unavailable:
            raise
        except ArtStoreError as error:
            if case.begun and isinstance(error, NotFound) and self._is_gone(case.file_id):
                return case.result(Outcome.DISPOSED)
            return case.refused(error.code, error.detail)

    def _is_gone(self, file_id: UUID) -> bool:
        """Tell whether a document is nowhere, not in another space, nor in the trash by somebody else."""
        try:
            with contextlib.suppress(Conflict):  # it is there, whatever is wrong with it
                self._changes.find(file_id, EVERYWHERE)
        except NotFound:
            return True
        return False

    def _approve(self, case: Case) -> DocumentResult:
        found = self._changes.find(case.file_id, case.reach)
        retention = found.attributes.retention
        if found.is_in_the_trash:
            ours = (case.begun or case.automatic) and found.attributes.deleted_by_id == case.actor.client_id
            if not ours or case.dry_run or retention is None or retention.schedule is None:
                raise NotFound("there is no such document", code="document_not_found")
            schedule = self._schedules.schedule(retention.schedule)
            return self._certify_trash(case, found, schedule)
        if retention is not None and retention.legal_hold:
            return case.result(Outcome.HELD, code=_HELD, detail="the document is under a legal hold")
        if retention is None or retention.schedule is None:
            return case.refused("no_schedule", "the document names no retention schedule")
        if retention.kept_at is not None:
            return case.refused("kept_for_good", "it was decided that the document is kept for good")
        schedule = self._schedules.schedule(retention.schedule)
        due = reckon(found.attributes, schedule)
        if schedule is None or not isinstance(due, Due):
            return case.refused(getattr(due, "code", "schedule_unknown"), due.why)
        if due.at > self._clock():
            return case.refused("not_due", f"it is due at {format_time(due.at)}: {due.why}")
        if case.automatic and not (schedule.automatic and schedule.action is ScheduleAction.DELETE):
            return case.refused("not_automatic", "its schedule leaves it to somebody to decide")
        if schedule.action is ScheduleAction.KEEP:
            self._retaining.keep(case.file_id, case.reach, case.actor, case.reason)
            return case.result(Outcome.KEPT)
        if found.attributes.finalization is not None:
            return case.refused("finalization_in_progress", "the document is being finalized; try again later")
        found.element.require(Right.DISPOSE)
        if found.element.mode is Mode.EDIT:
            return self._trash_it(case, found, schedule)
        return self._remove(case, found, schedule)

    def _trash_it(self, case: Case, found: Found, schedule: Schedule) -> DocumentResult:
        refusal = refuse_deletion(found.attributes, found.element.mode, self._clock())
        if refusal is not None and refusal.code == _RETAINED:
            return self._waits(case, found)
        if refusal is not None:
            return case.refused(refusal.code, refusal.detail)
        if case.dry_run:
            return case.result(Outcome.DISPOSED)

        def unchanged(etags: Collection[str]) -> None:
            if found.etag not in etags:
                raise PreconditionFailed(_CHANGED)

        case.begin()
        self._deleting.delete(case.file_id, case.reach, case.actor, unchanged)
        return self._certify_trash(case, found, schedule)

    def _certify_trash(self, case: Case, found: Found, schedule: Schedule | None) -> DocumentResult:
        deleted_at = found.attributes.deleted_at or self._clock()
        after = {"how": "trash", "purged_from": format_time(deleted_at + self._trash)}
        self._certify(case, found, schedule, after)
        return case.result(Outcome.DISPOSED)

    def _waits(self, case: Case, found: Found, until: datetime | None = None) -> DocumentResult:
        retention = found.attributes.retention
        until = until or (retention.expires_at if retention is not None else None)
        return case.result(
            Outcome.WAITS, code=_RETAINED, detail="the document is kept until then", waits_until=until
        )

    def _remove(self, case: Case, found: Found, schedule: Schedule) -> DocumentResult:
        """Remove a document for good, where versions are kept."""
        now = self._clock()
        if _kept_until(found.attributes) > now:
            return self._waits(case, found)
        self._deleting.check_end_of_chain(found, case.reach)
        if self._source_is_left(case.file_id):
            return case.refused("source_not_removed", "what its finalization left behind is to be removed first")
        bucket, key = found.indexed.bucket, found.indexed.key
        versions = self._storage.versions(bucket, key)
        locks = [self._storage.lock(bucket, each) for each in versions if not each.is_marker]
        if any(each.held for each in locks):
            return case.result(Outcome.HELD, code=_HELD, detail="a version of it is under a legal hold in storage")
        locked = max((each.until for each in locks if each.until is not None and each.until > now), default=None)
        if locked is not None:
            return self._waits(case, found, locked)
        if case.dry_run:
            return case.result(Outcome.DISPOSED)
        if self._changes.find(case.file_id, case.reach).etag != found.etag:  # reading many locks takes a while
            raise PreconditionFailed(_CHANGED)
        case.begin()
        case.begun = True
        bytes_, beside = _in_order(versions, key)
        for each in bytes_:
            if not self._storage.remove(bucket, each):
                raise PreconditionFailed("storage keeps a version that it did not keep a moment ago")
        self._certify(case, found, schedule, {"how": "removed", "versions": len(versions)})
        for each in beside:
            if not self._storage.remove(bucket, each):
                raise PreconditionFailed("storage keeps a version that it did not keep a moment ago")
        self._deleting.leave_place(found.attributes)
        self._ingest.at(bucket, key)
        return case.result(Outcome.DISPOSED)

    def _source_is_left(self, file_id: UUID) -> bool:
        known = self._finalizations.find(file_id)
        if known is None or known.phase is Phase.UNDONE:
            return False
        return any(each.is_latest and not each.is_marker for each in self._storage.versions(*known.source))

    def _certify(self, case: Case, found: Found, schedule: Schedule | None, after: dict[str, Any]) -> None:
        """Leave the certificate of disposition for the audit log."""
        attributes = found.attributes
        due = reckon(attributes, schedule)
        before = {
            "original_filename": attributes.original_filename,
            "checksum": attributes.checksum,
            "checksum_verified": attributes.checksum_verified is not False,
            "file_size": attributes.file_size,
            "content_type": attributes.content_type,
            "created_at": format_time(attributes.created_at),
            "created_by_id": attributes.created_by_id,
            "space": name_of(attributes.space),
            "storage_element_id": found.element.element_id,
            "schedule": attributes.retention.schedule if attributes.retention is not None else None,
            "period": None if schedule is None else schedule.period,
            "trigger": None if schedule is None else schedule.trigger,
            "due_at": format_time(due.at) if isinstance(due, Due) else None,
            "why": due.why,
        }
        after = {**after, "automatic": case.automatic, "job_id": None if case.job_id is None else str(case.job_id)}
        about = f"file/{attributes.file_id}"
        self._outbox.leave(case.actor.event(DISPOSED, about, before=before, after=after, reason=case.reason))


def _kept_until(attributes: Attributes) -> datetime:
    """Give until when an attr.json says that a permanent document is kept."""
    retention = attributes.retention
    if retention is None or retention.policy != RetentionPolicy.PERMANENT or retention.expires_at is None:
        return datetime.min.replace(tzinfo=UTC)
    return retention.expires_at


def _in_order(versions: list[Version], key: str) -> tuple[list[Version], list[Version]]:
    """Give the versions of the bytes, and those of the attr.json as they are removed: the one shown comes last, so
    that no earlier one is ever shown in its place."""
    bytes_ = [each for each in versions if each.key == key]
    beside = sorted((each for each in versions if each.key != key), key=lambda each: each.is_latest)
    return sorted(bytes_, key=lambda each: each.is_latest), beside
