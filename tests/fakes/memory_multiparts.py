"""Storage's multipart uploads in memory, and the sessions over the records that tests keep.

It keeps the rules that not every storage keeps: parts are told apart by their numbers alone, whatever their sizes.
``before`` is called with the name of each call, so that a test can let something happen, or fail, just then.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from artstore.errors import NotFound, PreconditionFailed
from artstore.multipart import Part, PartPage
from functions.upload.uploads.placing import AWAITED


class MemoryMultiparts:
    """See artstore.multipart.Multiparts."""

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self.under_way: dict[str, dict[int, Part]] = {}
        self.created: list[dict[str, Any]] = []
        self.objects: dict[tuple[str, str], int] = {}
        self.before: Callable[[str], None] = lambda _name: None
        self.after: Callable[[str], None] = lambda _name: None

    def send(self, upload_id: str, number: int, size: int, sha256: str | None = None) -> None:
        """Send a part, as a client does."""
        self.under_way[upload_id][number] = Part(number=number, size=size, etag=f'"{number}"', sha256=sha256)

    def create(
        self, bucket: str, key: str, *, content_type: str, content_encoding: str | None = None, sha256: bool = True
    ) -> str:
        """See Multiparts."""
        self.before("create")
        upload_id = f"upload-{len(self.created) + 1}"
        self.created.append({"content_type": content_type, "content_encoding": content_encoding, "sha256": sha256})
        self.under_way[upload_id] = {}
        self.after("create")
        return upload_id

    def parts(self, bucket: str, key: str, upload_id: str, *, after: int = 0) -> PartPage:
        """See Multiparts; two to a page."""
        self.before("parts")
        if upload_id not in self.under_way:
            raise NotFound("no such upload")
        found = [
            self.under_way[upload_id][number] for number in sorted(self.under_way[upload_id]) if number > after
        ]
        return PartPage(found[:2], found[1].number if len(found) > 2 else None)

    def all_parts(self, bucket: str, key: str, upload_id: str) -> Iterator[Part]:
        """See Multiparts."""
        after: int | None = 0
        while after is not None:
            page = self.parts(bucket, key, upload_id, after=after)
            yield from page.parts
            after = page.next

    def complete(self, bucket: str, key: str, upload_id: str, parts: Iterable[Part], size: int) -> None:
        """See Multiparts."""
        self.before("complete")
        if (bucket, key) in self.objects:
            raise PreconditionFailed("an object is there")
        if self.under_way.pop(upload_id, None) is None:
            raise NotFound("no such upload")
        assert sum(each.size for each in parts) == size
        self.objects[bucket, key] = size
        self.after("complete")

    def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """See Multiparts."""
        self.before("abort")
        self.under_way.pop(upload_id, None)


class MemorySessions:
    """See functions.upload.uploads.sessions; over a dictionary of records."""

    def __init__(self, kept: dict[str, Any]) -> None:
        """Take the records, by their ids as text."""
        self._kept = kept

    def find(self, file_id: UUID) -> Any:
        """See UploadSessions."""
        return copy.deepcopy(self._kept.get(str(file_id)))

    def note_upload(self, record: Any, upload_id: str, *, checksums: bool) -> bool:
        """See UploadSessions."""
        if self._kept[record.file_id].upload_id != record.upload_id:
            return False
        return self._change(record, upload_id=upload_id, part_checksums=checksums)

    def note_composite(self, record: Any, composite: str) -> bool:
        """See UploadSessions."""
        return self._change(record, composite_sha256=composite)

    def mark_aborted(self, record: Any) -> bool:
        """See UploadSessions."""
        return self._change(record, status="ABORTED", awaited=None)

    def _change(self, record: Any, **changes: Any) -> bool:
        kept = self._kept[record.file_id]
        if kept.status not in AWAITED:
            return False
        for each in (kept, record):
            for name, value in changes.items():
                setattr(each, name, value)
        return True


class MemoryPlaces:
    """See artstore.aws.successions; over a dictionary of successions."""

    def __init__(self, kept: dict[str, Any]) -> None:
        """Take the successions, by the ids of the predecessors as text."""
        self._kept = kept

    def find(self, predecessor: UUID) -> Any:
        """See Successions."""
        return self._kept.get(str(predecessor))

    def hold(self, predecessor: UUID, successor: UUID, until: datetime) -> bool:
        """See Successions."""
        held = self._kept[str(predecessor)]
        if held.successor != str(successor):
            return False
        held.held_until = until.timestamp()
        return True
