"""Starting uploads, one or many, and telling where one stands.

The record is written before anything is handed out: whatever happens to the client, the event or this process
afterwards, the archive knows what was meant to arrive. A started upload costs one write, a question to the index
about content that is stored already, and no call to S3.

Under an Idempotency-Key the file_id is derived from the account and the key, so that a repetition, however
simultaneous, meets the record of the first request: DynamoDB takes one of them. Such a record is kept for good,
since its key would otherwise lead to the id of a document that is there already.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import NoReturn, Protocol
from uuid import UUID

from artstore.attributes import Attributes
from artstore.changes.succeeding import is_gone
from artstore.elements import StorageElements
from artstore.errors import ArtStoreError, Conflict, NotFound, Unavailable
from artstore.http.idempotency import derived_id, fingerprint, key_reused
from artstore.index import IndexedDocument, Position, VersionsPage
from artstore.schedules import Schedules, require
from artstore.security import Principal, Scope
from artstore.spaces import Reach, name_of, not_found
from artstore.tables import Succession, UploadRecord
from functions.upload.admission import Reservation
from functions.upload.uploads.duplicates import Duplicates
from functions.upload.uploads.models import (
    Method,
    OnDuplicate,
    UploadRequest,
    UploadStarted,
    UploadState,
    UploadTarget,
)
from functions.upload.uploads.multipart import over
from functions.upload.uploads.permits import Permit
from functions.upload.uploads.placing import AWAITED, await_until, fill
from functions.upload.uploads.records import Expects, Seen, Write, Wrote
from functions.upload.uploads.rules import check_rules, choose_space
from functions.upload.uploads.views import show

ADDED = frozenset(
    {
        "space",
        "method",
        "folder",
        "supersedes",
        "on_duplicate",
        "content_encoding",
        "original_size",
        "original_sha256",
        "retention",
    }
)
"""Members of a request that the first version did not know."""
_DERIVED = UUID("6d0f4c0e-6f0b-5b54-9d0e-0c8b9f5c7a10")
"""The namespace (RFC 9562 §5.5) of ids that are derived from an account and a key."""
_VERSIONS = 100
"""Among how many versions the one that took a document's place is looked for; else the newest is named."""
_LOOKS = 8
"""How often the records are looked at for one request: others may write between a look and a write, or take the
room in a space."""


class Records(Protocol):
    """Where upload records are kept; see functions.upload.uploads.records."""

    def new(self, file_id: UUID) -> UploadRecord: ...
    def find(self, file_id: UUID) -> UploadRecord | None: ...
    def find_many(self, file_ids: Sequence[UUID]) -> dict[UUID, UploadRecord]: ...
    def write(self, writes: Iterable[Write]) -> list[Wrote]: ...
    def holder(self, predecessor: UUID) -> Succession | None: ...
    def leave(self, predecessor: UUID, holder: UUID) -> None: ...


class Documents(Protocol):
    """What is asked of the index; see artstore.index."""

    def find(self, file_id: UUID, reach: Reach) -> IndexedDocument | None:
        """Give the document that is shown within ``reach``, or None."""
        ...

    def find_any(self, file_id: UUID, reach: Reach) -> IndexedDocument | None:
        """Give it in the trash, too."""
        ...

    def versions(self, file_id: UUID, limit: int, after: Position | None, reach: Reach) -> VersionsPage:
        """Give the versions of a document, newest first."""
        ...


class Admitting(Protocol):
    """What knows the limits of spaces; see functions.upload.admission."""

    def admit(self, space: str | None, size: int, content_type: str) -> Reservation | None: ...
    def default_schedule(self, space: str | None) -> str | None: ...


class Finding(Protocol):
    """What looks for content that is stored already."""

    def find(self, checksums: Sequence[str], reach: Reach, *, decides: bool) -> Duplicates:
        """See functions.upload.uploads.duplicates."""
        ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Started:
    """What starting an upload came to."""

    upload: UploadStarted
    repeated: bool
    """Whether it was started before, under the same Idempotency-Key."""


@dataclass(frozen=True)
class Asked:
    """One upload that is asked for, and the key by which a repetition of it is known."""

    request: UploadRequest
    idempotency_key: str | None = None


@dataclass(eq=False)
class _Attempt:
    """An upload on its way to being started."""

    request: UploadRequest
    file_id: UUID
    fingerprint: str | None
    space: str | None = None
    existing: UploadRecord | None = None
    seen: Seen | None = None
    record: UploadRecord | None = None
    target: UploadTarget | None = None
    reservation: Reservation | None = None
    outcome: Started | ArtStoreError | None = None
    duplicate_of: UUID | None = None
    duplicates_checked: bool = True

    @property
    def touches(self) -> set[str]:
        """Give what it writes: no two that write the same can be written together."""
        predecessor = self.request.supersedes
        return {str(self.file_id)} | ({f"successor of {predecessor}"} if predecessor else set())


@dataclass(kw_only=True)
class Uploads:
    """The upload sessions of one deployment; what is permitted holds ``expiry_seconds`` at most."""

    elements: Callable[[], StorageElements]
    records: Records
    permits: Mapping[str, Permit]
    duplicates: Finding
    documents: Callable[[], Documents]
    """Called when the index is needed."""
    admission: Admitting
    schedules: Schedules
    expiry_seconds: int
    clock: Callable[[], datetime] = field(default=_utc_now)

    def start(self, request: UploadRequest, caller: Principal, idempotency_key: str | None = None) -> Started:
        """Place the document, write its record, and permit the upload.

        The same ``idempotency_key`` and request from the same account give the upload that was started then, with
        a permission that is valid from now. Raises what ``functions.upload.uploads.rules`` raises, NotFound
        (``space_not_found``, ``schedule_not_found``, ``document_not_found``), Conflict
        (``idempotency_key_reused``, ``duplicate_content``, ``already_superseded``, ``supersede_in_progress``,
        ``space_full``, ``space_type_not_allowed``) and Unavailable.
        """
        [outcome] = self.start_many([Asked(request, idempotency_key)], caller)
        if isinstance(outcome, ArtStoreError):
            raise outcome
        return outcome

    def start_many(self, asked: Sequence[Asked], caller: Principal) -> list[Started | ArtStoreError]:
        """Start uploads, each as if it were the only one, with as few calls as can be; an error is that one's own.

        Raises Unavailable when nothing at all can be done.
        """
        reach = caller.reach(Scope.FILES_WRITE)
        attempts = [self._identify(each, caller) for each in asked]
        waiting = attempts
        while waiting:
            taken: set[str] = set()
            now: list[_Attempt] = []
            later: list[_Attempt] = []
            for each in waiting:
                touches = each.touches
                (later if taken & touches else now).append(each)
                taken |= touches
            try:
                self._run(now, caller, reach)
            except Unavailable as error:
                if not any(isinstance(each.outcome, Started) for each in attempts):
                    raise
                for each in now:
                    each.outcome = each.outcome or error
            waiting = later
        return [each.outcome or _busy() for each in attempts]

    def renew(self, file_id: UUID, caller: Principal, expires_in: int | None) -> UploadTarget:
        """Permit an upload anew, whether or not what permitted it before has ended.

        Raises NotFound (``upload_not_found``), Conflict (``upload_over``, ``upload_busy`` while others change it,
        and as ``start`` where the place it was to take is another's now) and Unavailable.
        """
        for _ in range(_LOOKS):
            record = self._find(file_id, caller)
            if record.status not in AWAITED:
                raise over(record)
            seen, reservation = Seen.of(record), self._reserve(record)
            target = self._permit(record, expires_in)
            [wrote] = self.records.write([Write(record, Expects.AWAITED, reservation, seen)])
            if wrote is Wrote.DONE:
                return target
            if wrote is Wrote.HELD:
                self._refuse_held(record)
            if wrote is Wrote.CROWDED:
                break
        raise _busy()

    def state(self, file_id: UUID, caller: Principal) -> UploadState:
        """Tell where an upload stands at this moment. Raises NotFound (``upload_not_found``)."""
        return show(self._find(file_id, caller), self.clock())

    def _find(self, file_id: UUID, caller: Principal) -> UploadRecord:
        """Give a record that the caller may know of: one in a space that it may write to."""
        record = self.records.find(file_id)
        if record is None or not caller.reach(Scope.FILES_WRITE).includes(record.space):
            raise not_found("upload")
        return record

    @staticmethod
    def _identify(asked: Asked, caller: Principal) -> _Attempt:
        if asked.idempotency_key is None:
            return _Attempt(asked.request, uuid.uuid4(), None)
        file_id = derived_id(_DERIVED, caller.client_id, asked.idempotency_key)
        return _Attempt(asked.request, file_id, fingerprint(asked.request, ADDED))

    def _run(self, attempts: Sequence[_Attempt], caller: Principal, reach: Reach) -> None:
        """Carry attempts through that touch nothing in common; each has its outcome afterwards."""
        for each in attempts:
            _noting(each, _check, each, reach)
        for _ in range(_LOOKS):
            open_ = [each for each in attempts if each.outcome is None]
            if not open_:
                return
            self._look(open_, reach)
            self._refuse_duplicates([each for each in open_ if each.outcome is None and _decides(each)], reach)
            self._write([each for each in open_ if each.outcome is None], caller, reach)

    def _look(self, attempts: Sequence[_Attempt], reach: Reach) -> None:
        """Find the records of those that were started before."""
        keyed = [each for each in attempts if each.fingerprint is not None]
        found = self.records.find_many([each.file_id for each in keyed]) if keyed else {}
        for each in keyed:
            each.existing = found.get(each.file_id)
            if each.existing is None:
                continue
            if not reach.includes(each.existing.space):
                each.outcome = not_found("space")
            elif each.existing.request_hash != each.fingerprint:
                each.outcome = key_reused()
            elif each.existing.status not in AWAITED:
                each.outcome = Started(_told(each.existing, None, each), repeated=True)
            else:
                each.seen = Seen.of(each.existing)

    def _refuse_duplicates(self, attempts: Sequence[_Attempt], reach: Reach) -> None:
        try:
            self._find_duplicates(attempts, reach, decides=True)
        except Unavailable as error:
            for each in attempts:
                each.outcome = error
            return
        for each in attempts:
            if each.duplicate_of is not None:
                each.outcome = _duplicate(each.duplicate_of)

    def _find_duplicates(self, attempts: Sequence[_Attempt], reach: Reach, *, decides: bool) -> None:
        checksums = sorted({each.request.sha256 for each in attempts})
        duplicates = self.duplicates.find(checksums, reach, decides=decides)
        for each in attempts:
            found = duplicates.found.get(each.request.sha256)
            each.duplicate_of = None if found == each.file_id else found
            each.duplicates_checked = duplicates.checked

    def _prepare(self, attempt: _Attempt, caller: Principal, reach: Reach, now: datetime) -> None:
        """Make the record, or take the one that is there, and permit the upload."""
        record = attempt.existing
        if record is None:
            request = attempt.request
            if request.supersedes is not None:
                self._check_predecessor(request.supersedes, reach.within(name_of(attempt.space)))
            record = self.records.new(attempt.file_id)
            record.request_hash, record.space = attempt.fingerprint, attempt.space
            record.retention_schedule = self._choose_schedule(request, attempt.space)
            element = self.elements().place(
                request.retention_policy, request.size, request.content_type, now.timestamp()
            )
            fill(record, request, caller, element, now)
        attempt.reservation = self._reserve(record)
        attempt.record, attempt.target = record, self._permit(record, attempt.request.expires_in)

    def _choose_schedule(self, request: UploadRequest, space: str | None) -> str | None:
        """Give the schedule that the document will name: the one asked for, else its space's."""
        if request.retention is None:
            return self.admission.default_schedule(space)
        if request.retention.schedule is not None:
            require(self.schedules, request.retention.schedule, "retention.schedule")
        return request.retention.schedule

    def _check_predecessor(self, predecessor: UUID, reach: Reach) -> None:
        """Check that a document of the same space is there, and that none has taken its place yet."""
        found = self.documents().find(predecessor, reach)
        if found is None:
            raise NotFound("there is no such document", code="document_not_found", field="supersedes")
        if not found.current:
            newer = self.documents().versions(predecessor, _VERSIONS, None, reach).items
            successors = [each for each in newer if each.attributes.supersedes == predecessor]
            if not newer:
                raise Unavailable("who had this document's place has just left it; try again", code="upload_busy")
            raise already_superseded(str((successors or newer)[0].attributes.file_id))

    def _reserve(self, record: UploadRecord) -> Reservation | None:
        """Give what the record has to be written with, unless it holds its place in its space already."""
        if record.reserved:
            return None
        reservation = self.admission.admit(record.space, int(record.size), record.content_type)
        record.reserved = True if reservation else None
        return reservation

    def _permit(self, record: UploadRecord, expires_in: int | None) -> UploadTarget:
        """Permit the upload that ``record`` describes, and write down until when."""
        seconds = min(expires_in or self.expiry_seconds, self.expiry_seconds)
        target = self.permits[record.kind or Method.PUT](record, seconds)
        await_until(record, target.expires_at)
        return target

    def _write(self, attempts: Sequence[_Attempt], caller: Principal, reach: Reach) -> None:
        """Prepare the attempts and write their records, of many the first while the next are prepared, and while
        the index is asked what is told of them."""
        prepared: list[_Attempt] = []
        told = [each for each in attempts if not _decides(each)]
        with _meanwhile(partial(self._find_duplicates, told, reach, decides=False), len(attempts) > 1):
            written = self.records.write(self._writes(attempts, prepared, caller, reach))
        for each, wrote in zip(prepared, written, strict=True):
            record = _made(each)
            if wrote is Wrote.DONE:
                each.outcome = Started(_told(record, each.target, each), repeated=each.existing is not None)
            elif wrote is Wrote.FAILED:
                each.outcome = Unavailable("the table store does not answer")
            elif wrote is Wrote.CROWDED:
                record.reserved = None
                continue  # looked at anew
            elif wrote is Wrote.HELD:
                _noting(each, self._refuse_held, record)
            elif each.fingerprint is None:  # a random id that is taken is not to be expected
                each.outcome = _busy()

    def _writes(
        self, attempts: Sequence[_Attempt], prepared: list[_Attempt], caller: Principal, reach: Reach
    ) -> Iterator[Write]:
        """Prepare one after another as they are asked for; those that can be written are ``prepared``."""
        moment = self.clock()
        for each in attempts:
            _noting(each, self._prepare, each, caller, reach, moment)
            if each.outcome is None:
                prepared.append(each)
                yield Write(_made(each), self._expects(each, attempts), each.reservation, each.seen)

    @staticmethod
    def _expects(attempt: _Attempt, attempts: Sequence[_Attempt]) -> Expects:
        if attempt.existing is not None:
            return Expects.AWAITED
        return Expects.ANYTHING if attempt.fingerprint is None and len(attempts) > 1 else Expects.NOTHING

    def _refuse_held(self, record: UploadRecord) -> NoReturn:
        """Raise what says who has the place that the document was to take."""
        predecessor = UUID(record.supersedes)
        found = self.records.holder(predecessor)
        if found is not None and found.settled_at is not None:
            if not is_gone(self.documents(), _as_indexed, found, predecessor, self.clock()):
                raise already_superseded(found.successor)
            self.records.leave(predecessor, UUID(found.successor))
            raise Unavailable("who had this document's place has just left it; try again", code="upload_busy")
        raise Conflict(
            "another upload is about to take this document's place",
            code="supersede_in_progress",
            field="supersedes",
        )


def already_superseded(successor: str | None) -> Conflict:
    """Give the error of a document whose place is taken."""
    return Conflict(
        "another document has taken this one's place",
        code="already_superseded",
        field="supersedes",
        file_id=successor,
    )


def _decides(attempt: _Attempt) -> bool:
    """Tell whether a duplicate would be refused: not what was started before, whatever is stored meanwhile."""
    return attempt.request.on_duplicate is OnDuplicate.REJECT and attempt.existing is None


def _duplicate(file_id: UUID) -> Conflict:
    return Conflict(
        "a document with the same content is stored already",
        code="duplicate_content",
        field="sha256",
        file_id=str(file_id),
    )


def _busy() -> Conflict:
    return Conflict("the upload could not be started; try again", code="upload_busy")


def _check(attempt: _Attempt, reach: Reach) -> None:
    check_rules(attempt.request)
    attempt.space = choose_space(attempt.request.space, reach)


def _noting(attempt: _Attempt, step: Callable[..., None], *arguments: object) -> None:
    """Take a step of one that has no outcome yet; an error is its outcome."""
    if attempt.outcome is None:
        try:
            step(*arguments)
        except ArtStoreError as error:
            attempt.outcome = error


@contextlib.contextmanager
def _meanwhile(task: Callable[[], None], many: bool) -> Iterator[None]:
    """Do the task while the block is carried out; before it, where there is too little to gain."""
    if not many:
        task()
        yield
        return
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(copy_context().run, task)
        yield
        done.result()


def _made(attempt: _Attempt) -> UploadRecord:
    assert attempt.record is not None  # noqa: S101  # _prepare made it
    return attempt.record


def _told(record: UploadRecord, target: UploadTarget | None, attempt: _Attempt) -> UploadStarted:
    return UploadStarted(
        file_id=attempt.file_id,
        status=record.status,
        upload=target,
        duplicate_of=attempt.duplicate_of,
        duplicates_checked=attempt.duplicates_checked,
    )


def _as_indexed(document: IndexedDocument) -> Attributes:
    """Believe the index, since no bucket may be read here; who loses the place after all is told later."""
    return document.attributes
