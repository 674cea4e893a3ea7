"""The bucket of exports in memory, as functions.maintenance.exporting.storage does it in S3."""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Iterator
from itertools import count

from artstore.errors import NotFound, PreconditionFailed
from artstore.index.claims import Place
from tests.fakes.memory_bucket import MemoryBuckets


class MemoryBags:
    """See ``functions.maintenance.exporting.copying.Bags`` and ``runner.Store``."""

    bucket = "exports"

    def __init__(self, sources: MemoryBuckets) -> None:
        self._sources = sources
        self._numbers = count(1)
        self.kept: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}

    def copy(
        self, source: Place, version_id: str | None, if_match: str, key: str, content_type: str
    ) -> str | None:
        self.kept[key] = self._meant(source, version_id, if_match)
        return hashlib.sha256(self.kept[key]).hexdigest()

    def begin(self, key: str, content_type: str) -> str:
        upload_id = f"upload-{next(self._numbers)}"
        self.uploads[upload_id] = {}
        return upload_id

    def copy_part(
        self,
        source: Place,
        version_id: str | None,
        if_match: str,
        key: str,
        upload_id: str,
        number: int,
        first: int,
        last: int,
    ) -> None:
        self._upload(upload_id)[number] = self._meant(source, version_id, if_match)[first : last + 1]

    def finish(self, key: str, upload_id: str, parts: int, size: int) -> bool:
        kept = self._upload(upload_id)
        body = b"".join(kept[number] for number in sorted(kept))
        if (len(kept), len(body)) != (parts, size):
            return False
        self.kept[key] = body
        del self.uploads[upload_id]
        return True

    def give_up(self, key: str, upload_id: str) -> None:
        self.uploads.pop(upload_id, None)

    def write(self, key: str, body: bytes, content_type: str = "text/plain") -> None:
        self.kept[key] = body

    def read(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def listing(self, prefix: str) -> Iterator[tuple[str, int]]:
        yield from sorted((key, len(body)) for key, body in self.kept.items() if key.startswith(prefix))

    def remove(self, keys: list[str]) -> None:
        for key in keys:
            self.kept.pop(key, None)

    def download(self, prefix: str, to: pathlib.Path) -> pathlib.Path:
        """Write what lies under a prefix into a folder."""
        for key, _ in self.listing(prefix):
            path = to / key.removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.kept[key])
        return to

    def _meant(self, source: Place, version_id: str | None, if_match: str) -> bytes:
        version = self._sources.version(*source, version_id)
        if version.etag != if_match or version.body is None:
            raise PreconditionFailed("another object")
        return version.body

    def _upload(self, upload_id: str) -> dict[int, bytes]:
        if upload_id not in self.uploads:
            raise NotFound("no such upload")
        return self.uploads[upload_id]
