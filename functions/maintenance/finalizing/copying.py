"""The bytes: copied whole or in parts, then read back.

A copy is never believed, since storage may carry a checksum over instead of computing it, and since a try that was
stopped may have left one: the bytes of the very version that the document will name are read and hashed.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec

from artstore import deadline
from artstore.errors import NotFound, PreconditionFailed
from artstore.hashing import ResumableSha256, hash_onward
from artstore.objects import StoredObject
from functions.maintenance.finalizing.ports import Asked, Copied, Copies, Objects, Progress, Refused

MAX_PARTS = 10_000
AT_ONCE = 4
"""Parts that are copied side by side; storage does the work."""


class Copying:
    """Copies documents. ``whole_bytes`` is the most that is copied by one call, ``part_bytes`` the least part."""

    def __init__(self, objects: Objects, copies: Copies, *, whole_bytes: int, part_bytes: int) -> None:
        """Take the ports; sizes are bytes."""
        self._objects = objects
        self._copies = copies
        self._whole_bytes = whole_bytes
        self._part_bytes = part_bytes

    def onward(self, asked: Asked, progress: Progress) -> Progress:
        """Copy, or go on with copying; the copy is there once ``copy_etag`` is.

        Raises Refused (``source_changed``), Unavailable.
        """
        try:
            if progress.upload_id is not None:
                return self._in_parts(asked, progress, progress.upload_id)
            if not progress.overwriting and (found := self._find(asked)) is not None:
                version_id = None if found.version_id == "null" else found.version_id
                return msgspec.structs.replace(
                    progress, copy_etag=found.etag, copy_version_id=version_id, adopted=True
                )
            if progress.size > self._whole_bytes:
                return self._begin(asked, progress)
            copied = self._copies.copy(
                asked.source, progress.etag, asked.target, only_new=not progress.overwriting
            )
        except (NotFound, PreconditionFailed) as error:
            raise source_changed() from error
        return self._made(progress, copied, asked)

    def verify(self, asked: Asked, progress: Progress, time_left: Callable[[], float]) -> Progress:
        """Read the copy, or go on reading it; it is read once ``sha256`` is there.

        Raises Refused (``copy_lost``), Unavailable.
        """
        hasher = ResumableSha256.restore(progress.verifying)
        try:
            done = hash_onward(
                hasher,
                self._objects,
                *asked.target,
                progress.size,
                if_match=progress.copy_etag,
                version_id=progress.copy_version_id,
                time_left=time_left,
            )
        except (NotFound, PreconditionFailed) as error:
            raise Refused("copy_lost", "the copy is not there any more") from error
        if done:
            return msgspec.structs.replace(progress, verifying=None, sha256=hasher.hexdigest())
        return msgspec.structs.replace(progress, verifying=hasher.save())

    def again(self, progress: Progress) -> Progress | None:
        """Begin again after a copy that holds other bytes; None when it was made just for this.

        One that was found may be of a try with other bytes.
        """
        if not progress.adopted:
            return None
        return Progress(size=progress.size, etag=progress.etag, overwriting=True)

    def give_up(self, asked: Asked, progress: Progress) -> None:
        """Drop what can be dropped: parts. A whole copy stays where nothing can be deleted. Raises Unavailable."""
        if progress.upload_id is not None:
            self._copies.give_up(asked.target, progress.upload_id)

    def _find(self, asked: Asked) -> StoredObject | None:
        """Find a copy that looks like the source: of a try that was stopped, or of one that was given up.

        Raises NotFound when there is no source.
        """
        try:
            found = self._objects.head(*asked.target)
        except NotFound:
            return None
        return found if _described(self._objects.head(*asked.source)) == _described(found) else None

    def _begin(self, asked: Asked, progress: Progress) -> Progress:
        """Begin in parts, as few as may be and no more than storage takes."""
        part_size = max(self._part_bytes, -(-progress.size // MAX_PARTS))
        upload_id = self._copies.begin(asked.source, progress.etag, asked.target)
        return msgspec.structs.replace(
            progress,
            upload_id=upload_id,
            part_size=part_size,
            parts=-(-progress.size // part_size),
            parts_copied=0,
        )

    def _in_parts(self, asked: Asked, progress: Progress, upload_id: str) -> Progress:
        """Copy the next parts side by side, or put them together; a part that is there already is copied again."""
        if progress.parts_copied == progress.parts:
            return self._put_together(asked, progress, upload_id)
        following = range(progress.parts_copied, min(progress.parts_copied + AT_ONCE, progress.parts))
        ends_in = deadline.remaining()

        def copy(index: int) -> None:
            first = index * progress.part_size
            last = min(first + progress.part_size, progress.size) - 1
            with deadline.within(ends_in):  # a deadline belongs to its thread
                self._copies.copy_part(
                    asked.source, progress.etag, asked.target, upload_id, index + 1, first, last
                )

        try:
            if len(following) == 1:
                copy(following[0])
            else:
                with ThreadPoolExecutor(AT_ONCE) as threads:
                    list(threads.map(copy, following))
        except NotFound:
            return self._begin_again(asked, progress)
        return msgspec.structs.replace(progress, parts_copied=following[-1] + 1)

    def _put_together(self, asked: Asked, progress: Progress, upload_id: str) -> Progress:
        try:
            parts = self._copies.parts(asked.target, upload_id)
            if len(parts) != progress.parts or sum(each.size for each in parts) != progress.size:
                return msgspec.structs.replace(progress, parts_copied=0)  # whatever became of them
            copied = self._copies.finish(asked.target, upload_id, parts, only_new=not progress.overwriting)
        except NotFound:
            return self._begin_again(asked, progress)
        return self._made(msgspec.structs.replace(progress, upload_id=None), copied, asked)

    def _begin_again(self, asked: Asked, progress: Progress) -> Progress:
        """Go on without the upload: it was finished by a try that was stopped, or dropped by the bucket's rules.

        Raises NotFound or PreconditionFailed when the source is no longer the one that was meant.
        """
        if self._objects.head(*asked.source).etag != progress.etag:
            raise PreconditionFailed("the source is not the one that was meant")
        return msgspec.structs.replace(progress, upload_id=None, parts_copied=0)

    def _made(self, progress: Progress, copied: Copied | None, asked: Asked) -> Progress:
        """Take a copy down. Where there is something already, the next step takes it if it will do, and copies
        over it else: there it is a version of its own."""
        if copied is not None:
            return msgspec.structs.replace(progress, copy_etag=copied.etag, copy_version_id=copied.version_id)
        if self._objects.head(*asked.source).etag != progress.etag:
            raise source_changed()
        return msgspec.structs.replace(progress, overwriting=self._find(asked) is None, upload_id=None)


def source_changed() -> Refused:
    """Give the refusal of bytes that are no longer the ones that were copied."""
    return Refused("source_changed", "the document's bytes were changed meanwhile")


def _described(stored: StoredObject) -> tuple[object, ...]:
    return stored.size, stored.content_type, stored.content_encoding, stored.metadata
