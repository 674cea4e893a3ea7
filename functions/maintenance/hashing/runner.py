"""The job ``hash``: reads one object through and says in its attr.json what came of it.

Ingest asks for it when it describes an object that is too large to be read at once and whose SHA-256 storage
does not know. Its request names the object (``bucket``, ``key``, ``etag``, ``version_id``) and the document
(``file_id``); size and checksum are the attr.json's own, read anew at each step. The state of the hash is the
job's progress, so whoever is stopped in the middle loses one stretch of reading.

A document without a checksum, since another tool put it into the bucket, gets the one that is found; a declared
one is compared with it. Proven, ``checksum_verified`` goes; otherwise the document is put in quarantine as
``checksum_mismatch``, but never on the word of a saved state: what was hashed in several pieces and does not agree
is hashed once more from its first byte, and only a second disagreement counts. The finding is saved before it is
acted upon, and the audit log's event in one transaction with the job's end: whoever is stopped in between is
followed by somebody who knows the quarantine to be the job's own, so each leaves one event.

What a scanner has put in quarantine meanwhile is read on: it may be released, and nobody asks twice for a job.

Where storage refuses the attr.json, since the document's element is being closed, what was read stays read, and
writing is tried again; a change of mode opens the element for it. Refused for good, the job is DEAD and its result
tells what was found.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from artstore import attributes as attr
from artstore.attributes import Attributes, Quarantine
from artstore.attributes.storable import MAX_INTEGER
from artstore.audit import SUCCESS, SYSTEM, AuditEvent
from artstore.errors import Conflict, Invalid, Misconfigured, NotFound, PreconditionFailed, TooLarge
from artstore.hashing import ResumableSha256, Streams, hash_onward
from artstore.jobs import Job
from artstore.naming import attributes_key
from artstore.objects import Content
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait

MISMATCH = "checksum_mismatch"
QUARANTINED = "document.quarantined"
_WHILE_MOVED, _LONGEST = timedelta(minutes=5), timedelta(days=1)
"""Twice as long each time: what a finalization has left lies there for a day, and under a legal hold for years."""
_DOUBLINGS = 9
_WHILE_ARCHIVED = timedelta(hours=6)
_WHILE_REFUSED, MOST_REFUSED = timedelta(minutes=1), 60
"""How long, and how often, what storage does not let be written is tried again."""


class Objects(Streams, Protocol):
    """The calls on storage that are made; see artstore.objects."""

    def read(self, bucket: str, key: str, limit: int) -> Content: ...
    def replace(self, bucket: str, key: str, body: bytes, if_match: str) -> str: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class HashRunner:
    """Proves checksums; see functions.maintenance.steps.Runner."""

    def __init__(
        self,
        objects: Objects,
        ingest: Callable[[str, str], Any],
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take storage, and what has a place looked at now (``IngestNow.at``)."""
        self._objects = objects
        self._ingest = ingest
        self._clock = clock

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Read as long as there is time, or say what came of it."""
        asked = job.request
        mismatch = msgspec.convert(job.progress.get("mismatch"), _Mismatch | None)
        found = self._describe(asked, mismatch)
        if isinstance(found, str):
            return Done({"outcome": found})
        described, etag = found
        if mismatch is not None and _is_own(described.quarantine, mismatch):
            return _quarantined(job, described, mismatch)
        if described.finalization is not None:
            waited = int(job.progress.get("waited", 0))
            until = self._clock() + min(_WHILE_MOVED * 2**waited, _LONGEST)
            progress = {**job.progress, "waited": min(waited + 1, _DOUBLINGS)}
            return Wait(progress, until, "waiting for the finalization")
        hasher = ResumableSha256.restore(job.progress.get("hash"))
        in_pieces = hasher.offset > 0
        try:
            is_whole = hash_onward(
                hasher,
                self._objects,
                asked["bucket"],
                asked["key"],
                described.file_size,
                if_match=asked["etag"],
                version_id=asked["version_id"],
                time_left=time_left,
            )
        except (NotFound, PreconditionFailed):
            return Done({"outcome": "replaced"})  # whatever lies there now is described by its own event
        except Conflict:
            return Wait(job.progress, self._clock() + _WHILE_ARCHIVED, "waiting for a restore")
        if not is_whole:
            return Continue({**job.progress, "hash": hasher.save(), "size": described.file_size}, "hashing")
        computed = hasher.hexdigest()
        is_proven = described.checksum in (None, computed)
        if not is_proven and in_pieces and not job.progress.get("again"):
            return Continue({"again": True}, "hashing again")
        if not is_proven and mismatch is None:
            found_now = _Mismatch(sha256=computed, at=self._clock())
            progress = {**job.progress, "hash": hasher.save(), "again": True}
            return Continue({**progress, "mismatch": msgspec.to_builtins(found_now)}, MISMATCH)
        try:
            return self._settle(job, described, etag, computed, None if is_proven else mismatch)
        except Misconfigured:
            return self._put_off(job, hasher, described, is_proven=is_proven)
        except NotFound:
            return Done({"outcome": "gone"})
        except PreconditionFailed:  # the attr.json was changed meanwhile: what was read stays read
            return Continue({**job.progress, "hash": hasher.save()}, "hashing")

    def _put_off(
        self, job: Job, hasher: ResumableSha256, described: Attributes, *, is_proven: bool
    ) -> Wait | Fail:
        """Try again to say it, with what was read."""
        refused = int(job.progress.get("refused", 0)) + 1
        if refused > MOST_REFUSED:
            return Fail(
                "attributes_refused",
                "storage does not let the attr.json be written that would tell what the bytes are",
                result=_outcome(hasher.hexdigest(), described, is_proven=is_proven),
                dead=True,
            )
        progress = {**job.progress, "hash": hasher.save(), "refused": refused}
        return Wait(progress, self._clock() + _WHILE_REFUSED, "waiting to write")

    def _describe(self, asked: dict[str, Any], mismatch: _Mismatch | None) -> tuple[Attributes, str] | str:
        """Give the attr.json that waits for the proof, or that ``mismatch`` has put in quarantine, and its ETag;
        otherwise why none does."""
        try:
            content = self._objects.read(asked["bucket"], attributes_key(asked["key"]), attr.MAX_BYTES + 1)
            described = attr.parse(content.body)
        except NotFound:
            return "gone"
        except (Invalid, TooLarge):
            return "invalid_attributes"
        if str(described.file_id) != asked["file_id"] or described.storage_etag not in (None, asked["etag"]):
            return "replaced"  # or described anew, and another job reads what lies there now
        quarantine = described.quarantine
        is_told = quarantine is not None and quarantine.reason == MISMATCH and not _is_own(quarantine, mismatch)
        if described.checksum_verified is not False or is_told:
            return "settled"
        return described, content.etag

    def _settle(
        self, job: Job, described: Attributes, etag: str, computed: str, mismatch: _Mismatch | None
    ) -> Step:
        now = self._clock()
        changes: dict[str, Any] = {"checksum": computed, "checksum_verified": None}
        if mismatch is not None:
            changes = {"quarantine": Quarantine(reason=MISMATCH, at=mismatch.at)}
        settled = msgspec.structs.replace(
            described,
            revision=min(described.revision + 1, MAX_INTEGER),
            updated_at=max(described.updated_at, now),
            **changes,
        )
        try:
            raw = attr.dump(settled)
        except (Invalid, TooLarge) as error:
            return Fail(error.code, error.detail)
        bucket, key = job.request["bucket"], job.request["key"]
        self._objects.replace(bucket, attributes_key(key), raw, etag)
        self._ingest(bucket, key)
        if mismatch is not None:
            return _quarantined(job, settled, mismatch)
        result = _outcome(computed, described, is_proven=True)
        return Done(result, result["outcome"])


class _Mismatch(msgspec.Struct, frozen=True):
    """What the bytes are instead, and when that was found; as the job's progress keeps it."""

    sha256: str
    at: datetime


def _is_own(quarantine: Quarantine | None, mismatch: _Mismatch | None) -> bool:
    return mismatch is not None and quarantine == Quarantine(reason=MISMATCH, at=mismatch.at)


def _quarantined(job: Job, described: Attributes, mismatch: _Mismatch) -> Done:
    event = AuditEvent(
        action=QUARANTINED,
        actor=SYSTEM,
        object=f"file/{described.file_id}",
        outcome=SUCCESS,
        source_ip="",
        request_id=str(job.job_id),
        before={"checksum": described.checksum},
        after={
            "sha256": mismatch.sha256,
            "space": described.space,
            "original_filename": described.original_filename,
        },
        reason=MISMATCH,
    )
    result = _outcome(mismatch.sha256, described, is_proven=False)
    return Done(result, result["outcome"], event)


def _outcome(computed: str, described: Attributes, *, is_proven: bool) -> dict[str, Any]:
    return {
        "outcome": MISMATCH if not is_proven else "found" if described.checksum is None else "proven",
        "sha256": computed,
        "bytes": described.file_size,
    }
