"""Copying within the buckets in memory, as functions.maintenance.finalizing.storage does it in S3."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from artstore.errors import NotFound, PreconditionFailed
from artstore.index.claims import Place
from functions.maintenance.finalizing.ports import Copied, Lock, Part
from tests.fakes.memory_bucket import KEPT, MemoryBuckets


class MemoryCopies:
    """See ``Copies``; ``spoils`` makes copies of other bytes than were there."""

    def __init__(self, buckets: MemoryBuckets) -> None:
        self._buckets = buckets
        self._numbers = count(1)
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.heeds_only_new = True
        self.spoils = False
        self.parts_copied: list[int] = []

    def copy(self, source: Place, if_match: str, target: Place, *, only_new: bool) -> Copied | None:
        body = self._source(source, if_match)
        if body is None or (only_new and self.heeds_only_new and self._buckets.body(*target) is not None):
            return None
        return self._put(target, body, "ObjectCreated:Copy")

    def begin(self, source: Place, if_match: str, target: Place) -> str:
        self._meant(source, if_match)
        upload_id = f"upload-{next(self._numbers)}"
        self.uploads[upload_id] = {}
        return upload_id

    def copy_part(
        self, source: Place, if_match: str, target: Place, upload_id: str, number: int, first: int, last: int
    ) -> None:
        body = self._meant(source, if_match)
        self._upload(upload_id)[number] = body[first : last + 1]
        self.parts_copied.append(number)

    def parts(self, target: Place, upload_id: str) -> Sequence[Part]:
        return [Part(number, len(body), f'"{number}"') for number, body in sorted(self._upload(upload_id).items())]

    def finish(self, target: Place, upload_id: str, parts: Sequence[Part], *, only_new: bool) -> Copied | None:
        kept = self._upload(upload_id)
        if only_new and self.heeds_only_new and self._buckets.body(*target) is not None:
            return None
        del self.uploads[upload_id]
        body = b"".join(kept[each.number] for each in parts)
        return self._put(target, body, "ObjectCreated:CompleteMultipartUpload", len(parts))

    def give_up(self, target: Place, upload_id: str) -> None:
        self.uploads.pop(upload_id, None)

    def lock_of(self, bucket: str) -> Lock | None:
        return Lock("GOVERNANCE", 365) if bucket == KEPT else None

    def retain(self, place: Place, version_id: str | None, mode: str, until: datetime) -> None:
        version = self._buckets.version(*place, version_id)
        assert version.retained_until is None or version.retained_until <= until, "retention is never shortened"
        version.retained_until = until

    def hold(self, place: Place, version_id: str | None) -> None:
        self._buckets.version(*place, version_id).held = True

    def is_held(self, place: Place) -> bool:
        return self._buckets.version(*place).held

    def remove(self, place: Place, if_match: str) -> None:
        version = self._buckets.version(*place)
        if version.etag != if_match:
            raise PreconditionFailed("another object")
        assert place.bucket != KEPT, "nothing is deleted where versions are kept"
        self._buckets.delete(*place)

    def _source(self, source: Place, if_match: str) -> bytes | None:
        version = self._buckets.version(*source)
        return version.body if version.etag == if_match else None

    def _meant(self, source: Place, if_match: str) -> bytes:
        body = self._source(source, if_match)
        if body is None:
            raise PreconditionFailed("another object")
        return body

    def _upload(self, upload_id: str) -> dict[int, bytes]:
        if upload_id not in self.uploads:
            raise NotFound("no such upload")
        return self.uploads[upload_id]

    def _put(self, target: Place, body: bytes, event: str, parts: int = 0) -> Copied:
        made = self._buckets.put_by(*target, bytes(reversed(body)) if self.spoils else body, event, parts)
        return Copied(etag=made.etag, version_id=f"v{made.number}")
