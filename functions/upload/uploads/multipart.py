"""A multipart upload under way: its parts permitted, listed, put together, or given up.

The record comes first, as for every upload. Storage hears of the upload when its first parts are asked for: it is
begun there, and its id is written into the record, before any part can be sent. Of two processes that begin
it at once one is written down, the other's is given up; what a crash leaves between beginning and writing down has
no parts, and ends by the bucket's lifecycle after seven days.

What a client says it has sent is never asked: the parts are listed, compared with what was announced, and put
together on condition that nothing lies at the key and that the whole has the announced size. Storage is trusted
with no rule that some of its kind do not keep (docs/uploads.md, "What is proven").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from artstore.errors import Conflict, Invalid, NotFound, PreconditionFailed
from artstore.multipart import Part, PartPage
from artstore.presign import Presigned
from artstore.security import Principal, Scope
from artstore.spaces import not_found
from artstore.tables import Succession, UploadRecord
from functions.upload.uploads.gate import Gate, OpenGate
from functions.upload.uploads.models import Method, MultipartState, PartStored, UploadState
from functions.upload.uploads.part_models import PartAnnounced, PartsRequest, PartTarget
from functions.upload.uploads.parts import composite_sha256, count_parts, missing_parts, size_of_part
from functions.upload.uploads.placing import AWAITED, PENDING
from functions.upload.uploads.sessions import ABORTED

_MOST_NAMED = 100
"""How many missing parts an error names."""


class Sessions(Protocol):
    """The records of uploads under way; see functions.upload.uploads.sessions."""

    def find(self, file_id: UUID) -> UploadRecord | None: ...
    def note_upload(self, record: UploadRecord, upload_id: str, *, checksums: bool) -> bool: ...
    def note_composite(self, record: UploadRecord, composite: str) -> bool: ...
    def mark_aborted(self, record: UploadRecord) -> bool: ...


class Places(Protocol):
    """Who takes the place of a document; see artstore.aws.successions."""

    def find(self, predecessor: UUID) -> Succession | None: ...
    def hold(self, predecessor: UUID, successor: UUID, until: datetime) -> bool: ...


class Storage(Protocol):
    """The multipart uploads of storage; see artstore.multipart."""

    def create(
        self, bucket: str, key: str, *, content_type: str, content_encoding: str | None = None, sha256: bool = True
    ) -> str: ...
    def parts(self, bucket: str, key: str, upload_id: str, *, after: int = 0) -> PartPage: ...
    def all_parts(self, bucket: str, key: str, upload_id: str) -> Iterator[Part]: ...
    def complete(self, bucket: str, key: str, upload_id: str, parts: Iterable[Part], size: int) -> None: ...
    def abort(self, bucket: str, key: str, upload_id: str) -> None: ...


class Signer(Protocol):
    """What permits requests to storage; see artstore.presign.signer."""

    def sign_part(
        self,
        bucket: str,
        key: str,
        *,
        upload_id: str,
        part_number: int,
        expires_in: int,
        content_length: int,
        sha256: str,
    ) -> Presigned:
        """Permit one part of exactly these bytes."""
        ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class MultipartUploads:
    """The multipart uploads of one deployment; URLs hold ``expiry_seconds`` at most."""

    sessions: Sessions
    storage: Storage
    signer: Signer
    places: Places
    expiry_seconds: int
    gate: Gate = field(default_factory=OpenGate)
    clock: Callable[[], datetime] = field(default=_utc_now)

    def find(self, file_id: UUID, caller: Principal) -> UploadRecord:
        """Give the record of an upload that exists for the caller. Raises NotFound (``upload_not_found``)."""
        record = self.sessions.find(file_id)
        if record is None or not caller.reach(Scope.FILES_WRITE).includes(record.space):
            raise not_found("upload")
        return record

    def sign_parts(self, file_id: UUID, request: PartsRequest, caller: Principal) -> list[PartTarget]:
        """Permit parts. Raises NotFound, Invalid (``no_such_part``, ``part_size_mismatch``, ``duplicate_part``),
        Conflict (``not_multipart``, ``upload_over``, ``upload_expired``) and Unavailable."""
        record = self.find(file_id, caller)
        seconds = self.seconds_left(record, request.expires_in)
        _check(request.parts, record)
        if record.upload_id is None or not record.part_checksums:
            record = self._begin(record, caller)
        return [self._sign(record, each, seconds) for each in request.parts]

    def seconds_left(self, record: UploadRecord, expires_in: int | None = None) -> int:
        """Give how long a URL for one of the upload's parts may hold.

        Raises Conflict (``not_multipart``, ``upload_over``, ``upload_expired``, and as the gate does).
        """
        if record.kind != Method.MULTIPART:
            raise Conflict("the upload was not announced as multipart", code="not_multipart")
        if record.status not in AWAITED:
            raise over(record)
        self.gate.check(record)
        left = (datetime.fromisoformat(record.expires_at) - self.clock()) / timedelta(seconds=1)
        if left < 1:
            raise Conflict("the upload's time is over; start another", code="upload_expired")
        return int(min(expires_in or self.expiry_seconds, self.expiry_seconds, left))

    def adopt(self, record: UploadRecord, upload_id: str, caller: Principal) -> UploadRecord:
        """Take over the multipart upload that a client has begun at the key with a URL of ours.

        Its parts carry no SHA-256. Clients ask for several parts at once: whoever finds it taken over meanwhile
        goes on with it. Raises Conflict (``upload_over``), NotFound and Unavailable.
        """
        if record.upload_id == upload_id:
            return record
        before = record.upload_id
        if not self.sessions.note_upload(record, upload_id, checksums=False):
            now = self.find(UUID(record.file_id), caller)
            if now.status not in AWAITED or now.upload_id != upload_id:
                raise over(now)
            return now
        if before is not None:
            self.storage.abort(record.bucket, record.key, before)
        return record

    def with_parts(self, state: UploadState, caller: Principal, after: int) -> UploadState:
        """Add to the state of a multipart upload which parts have arrived, a thousand that follow number
        ``after``.

        Raises NotFound and Unavailable.
        """
        if state.method is not Method.MULTIPART or state.status != PENDING:
            return state
        record = self.find(state.file_id, caller)
        page = self._stored(record, after)
        state.multipart = MultipartState(
            part_size=int(record.part_size),
            part_count=count_parts(int(record.size), int(record.part_size)),
            parts=[PartStored(each.number, each.size, each.sha256) for each in page.parts],
            next_after_part=page.next,
        )
        return state

    def _stored(self, record: UploadRecord, after: int) -> PartPage:
        if record.upload_id is None:
            return PartPage([], None)
        try:
            return self.storage.parts(record.bucket, record.key, record.upload_id, after=after)
        except NotFound:  # put together, or given up
            return PartPage([], None)

    def assemble(self, record: UploadRecord) -> None:
        """Put the parts together, unless that was done. Raises Conflict (``upload_incomplete``, naming the parts
        that are missing, or ``parts_refused``) and Unavailable."""
        size, part_size = int(record.size), int(record.part_size)
        if record.upload_id is None:
            raise _incomplete(missing_parts([], size, part_size, with_checksums=True))
        place = (record.bucket, record.key, record.upload_id)
        try:
            parts = list(self.storage.all_parts(*place))
            if missing := missing_parts(parts, size, part_size, with_checksums=bool(record.part_checksums)):
                raise _incomplete(missing)
            checksums = [each.sha256 for each in parts if each.sha256 is not None]
            if len(checksums) == len(parts):
                self.sessions.note_composite(record, composite_sha256(checksums))
            self.storage.complete(*place, parts, size)
        except (NotFound, PreconditionFailed):
            # It was put together before, or something else lies there: whoever describes it will tell.
            return

    def abort(self, file_id: UUID, caller: Principal) -> None:
        """Give an upload up, whatever its kind; one that was given up is given up again.

        From then on nothing that arrives becomes its document. Raises NotFound, Conflict (``upload_over``) for one
        that is stored or was rejected, and Unavailable.
        """
        record = self.find(file_id, caller)
        if record.status != ABORTED and not self.sessions.mark_aborted(record):
            record = self.find(file_id, caller)
            if record.status != ABORTED:
                raise over(record)
        if record.upload_id is not None:
            self.storage.abort(record.bucket, record.key, record.upload_id)
        if record.supersedes is not None:
            self._leave_place(UUID(record.supersedes), file_id)

    def _leave_place(self, predecessor: UUID, successor: UUID) -> None:
        """Let others take the place that the document was to have, unless it was stored meanwhile."""
        held = self.places.find(predecessor)
        if held is not None and held.settled_at is None:
            self.places.hold(predecessor, successor, self.clock())

    def _begin(self, record: UploadRecord, caller: Principal) -> UploadRecord:
        """Begin the upload in storage; when somebody else has, give the record as they left it."""
        with self.gate.watch(record):
            upload_id = self.storage.create(
                record.bucket,
                record.key,
                content_type=record.content_type,
                content_encoding=record.content_encoding,
            )
        before = record.upload_id
        if self.sessions.note_upload(record, upload_id, checksums=True):
            if before is not None:  # a client's own, whose parts have no checksums
                self.storage.abort(record.bucket, record.key, before)
            return record
        self.storage.abort(record.bucket, record.key, upload_id)
        now = self.find(UUID(record.file_id), caller)
        if now.status not in AWAITED or now.upload_id is None or not now.part_checksums:
            raise over(now)
        return now

    def _sign(self, record: UploadRecord, part: PartAnnounced, seconds: int) -> PartTarget:
        signed = self.signer.sign_part(
            record.bucket,
            record.key,
            upload_id=str(record.upload_id),
            part_number=part.part_number,
            expires_in=seconds,
            content_length=part.size,
            sha256=part.sha256,
        )
        return PartTarget(part.part_number, signed.url, signed.headers, signed.expires_at)


def over(record: UploadRecord) -> Conflict:
    """Give the error of an upload that is settled."""
    return Conflict(f"the upload is over: {record.status}", code="upload_over")


def _check(parts: Sequence[PartAnnounced], record: UploadRecord) -> None:
    if len({each.part_number for each in parts}) < len(parts):
        raise Invalid("a part is named twice", code="duplicate_part", field="parts")
    for each in parts:
        wanted = size_of_part(each.part_number, int(record.size), int(record.part_size))
        if each.size != wanted:
            raise Invalid(
                f"part {each.part_number} has {wanted} bytes, not {each.size}",
                code="part_size_mismatch",
                field="parts",
            )


def _incomplete(missing: list[int]) -> Conflict:
    named = ", ".join(str(each) for each in missing[:10]) + (", ..." if len(missing) > 10 else "")
    return Conflict(
        f"{len(missing)} parts are not there as announced: {named}",
        code="upload_incomplete",
        missing_parts=missing[:_MOST_NAMED],
    )
