"""Two buckets in memory, one of them with versions: what other tools do to them, and the events that tell of it.

Storage tells when an object was written in whole seconds, its events in milliseconds, as S3 does. ``between`` is
called before each call that ingesting makes, so that a test can let something happen between a look and a write.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from artstore.errors import NotFound, PreconditionFailed
from artstore.objects import Content, StoredObject
from artstore.restoring import Restore
from functions.storage_events.events import EventKind, StorageEvent

EDIT, KEPT = "edit", "kept"
_START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@dataclass
class Version:
    """One version of an object; a delete marker has no body."""

    body: bytes | None
    at: datetime
    number: int
    content_type: str = "text/plain"
    parts: int = 0
    """How many it was put together from, 0 for none."""
    retained_until: datetime | None = None
    held: bool = False

    @property
    def etag(self) -> str:
        """The ETag, as S3 makes it of a simple PUT; one of parts tells how many."""
        if self.parts:
            return f'"{hashlib.md5(self.body or b"", usedforsecurity=False).hexdigest()}-{self.parts}"'
        return f'"{hashlib.md5(self.body or b"", usedforsecurity=False).hexdigest()}"'


@dataclass
class MemoryBuckets:
    """The bucket ``edit``, and ``kept``, which has versions; see functions.storage_events.sight.Objects."""

    knows_sha256: bool = False
    replaces_kept: bool = False
    """Whether an attr.json may be replaced where versions are kept."""
    restores: dict[tuple[str, str], Restore | None] = field(default_factory=dict)
    """What storage says of objects that were asked back out of the archive."""
    events: list[StorageEvent] = field(default_factory=list)
    between: Callable[[], None] = lambda: None
    now: datetime = _START
    _kept: dict[tuple[str, str], list[Version]] = field(default_factory=dict)
    _count: int = 0
    _told_apart: set[tuple[str, str, bytes | None, datetime]] = field(default_factory=set)
    """The same bytes twice under one key within a second are the same to whoever asks storage; not tried here."""

    # What tools do.

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Write an object and tell of it."""
        self._write(bucket, key, body)
        self._tell(EventKind.CREATED, "ObjectCreated:Put", bucket, key)

    def put_by(self, bucket: str, key: str, body: bytes, event: str, parts: int = 0) -> Version:
        """Write an object by something else than a PUT, and tell of it."""
        self._write(bucket, key, body, parts)
        self._tell(EventKind.CREATED, event, bucket, key)
        return self._kept[bucket, key][-1]

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object, with a marker where there are versions; S3 tells of it even if nothing was there."""
        if bucket == KEPT and self.body(bucket, key) is not None:
            self._write(bucket, key, None)
        elif bucket == EDIT:
            self._kept.pop((bucket, key), None)
        self._tell(EventKind.REMOVED, "ObjectRemoved:Delete", bucket, key)

    def body(self, bucket: str, key: str) -> bytes | None:
        """Give what lies there now."""
        versions = self._kept.get((bucket, key))
        return versions[-1].body if versions else None

    def keys(self, bucket: str) -> list[str]:
        """List what lies there now."""
        return sorted(key for of, key in self._kept if of == bucket and self.body(bucket, key) is not None)

    def versions(self, bucket: str) -> list[tuple[str, Version, bool]]:
        """List every version by key, the last one of each first, delete markers too; and whether it is that."""
        return [
            (key, version, version is versions[-1])
            for (of, key), versions in sorted(self._kept.items())
            if of == bucket
            for version in reversed(versions)
        ]

    def written_at(self, bucket: str, key: str) -> datetime:
        """Give when what lies there was written, in milliseconds."""
        return self._kept[bucket, key][-1].at

    # What ingesting does.

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject:
        """See artstore.objects."""
        self.between()
        version = self._find(bucket, key, version_id)
        body = version.body or b""
        return StoredObject(
            bucket=bucket,
            key=key,
            size=len(body),
            etag=version.etag,
            last_modified=version.at.replace(microsecond=0),
            content_type=version.content_type,
            content_encoding=None,
            metadata={},
            version_id=f"v{version.number}" if bucket == KEPT else None,
            sha256=hashlib.sha256(body).hexdigest() if self.knows_sha256 else None,
            restore=self.restores.get((bucket, key)),
        )

    def read(
        self, bucket: str, key: str, limit: int, *, if_match: str | None = None, version_id: str | None = None
    ) -> Content:
        """See artstore.objects."""
        self.between()
        version = self._find(bucket, key, version_id)
        if if_match not in (None, version.etag):
            raise PreconditionFailed("other bytes")
        at = version.at.replace(microsecond=0)
        return Content(body=(version.body or b"")[:limit], etag=version.etag, last_modified=at)

    def sha256(self, bucket: str, key: str, *, if_match: str, version_id: str | None = None) -> str:
        """See artstore.objects."""
        return hashlib.sha256(
            self.read(bucket, key, 1 << 30, if_match=if_match, version_id=version_id).body
        ).hexdigest()

    def create(self, bucket: str, key: str, body: bytes) -> str | None:
        """See artstore.objects."""
        self.between()
        if self.body(bucket, key) is not None:
            return None
        self.put(bucket, key, body)
        return self._kept[bucket, key][-1].etag

    def replace(self, bucket: str, key: str, body: bytes, if_match: str) -> str:
        """See artstore.objects."""
        assert bucket == EDIT or self.replaces_kept, "where versions are kept, attr.json is never replaced"
        return self.change(bucket, key, body, if_match)

    def change(self, bucket: str, key: str, body: bytes, if_match: str) -> str:
        """See artstore.objects.ObjectStore.replace; as who changes documents may call it."""
        self.between()
        if self._find(bucket, key, None).etag != if_match:
            raise PreconditionFailed("another attr.json")
        self.put(bucket, key, body)
        return self._kept[bucket, key][-1].etag

    def _find(self, bucket: str, key: str, version_id: str | None) -> Version:
        versions = self._kept.get((bucket, key), [])
        if version_id is not None:
            versions = [each for each in versions if f"v{each.number}" == version_id]
        found = versions[-1:]
        if not found or found[0].body is None:
            raise NotFound("no such object")
        return found[0]

    def version(self, bucket: str, key: str, version_id: str | None = None) -> Version:
        """Give a version as it is kept. Raises NotFound."""
        return self._find(bucket, key, version_id)

    def all_versions(self, bucket: str, key: str) -> list[Version]:
        """Give every version that is kept, and every marker, the oldest first."""
        return list(self._kept.get((bucket, key), []))

    def remove_version(self, bucket: str, key: str, version: Version) -> None:
        """Remove one for good, and tell of it."""
        left = [each for each in self._kept[bucket, key] if each is not version]
        if left:
            self._kept[bucket, key] = left
        else:
            del self._kept[bucket, key]
        self._tell(EventKind.REMOVED, "ObjectRemoved:Delete", bucket, key)

    @contextlib.contextmanager
    def stream(
        self,
        bucket: str,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        if_match: str | None = None,
        version_id: str | None = None,
    ) -> Iterator[Iterator[bytes]]:
        """See artstore.objects; ten bytes at a time."""
        body = self.read(bucket, key, 1 << 30, if_match=if_match, version_id=version_id).body
        end = len(body) if length is None else min(len(body), start + length)
        yield (body[at : min(at + 10, end)] for at in range(start, end, 10))

    def _write(self, bucket: str, key: str, body: bytes | None, parts: int = 0) -> None:
        self._count += 1
        while (bucket, key, body, self.now.replace(microsecond=0)) in self._told_apart:
            self.now += timedelta(milliseconds=500)
        self._told_apart.add((bucket, key, body, self.now.replace(microsecond=0)))
        version = Version(body, self.now, self._count, parts=parts)
        if bucket == KEPT:
            self._kept.setdefault((bucket, key), []).append(version)
        else:
            self._kept[bucket, key] = [version]

    def _tell(self, kind: EventKind, name: str, bucket: str, key: str) -> None:
        self.events.append(StorageEvent(kind=kind, name=name, bucket=bucket, key=key, at=self.now))
        self.now += timedelta(milliseconds=1)
