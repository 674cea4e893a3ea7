"""What is kept from everybody: attr.json files that are none, and documents in quarantine.

A damaged attr.json describes nothing, so its place shows nothing. That it is there, and why it is none, is kept
with the tombstone of its place, in the row that the next attr.json overwrites: what is mended or gone is out of
the list by the write that shows it, and a rebuild finds the same.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from artstore.index.claims import Place
from artstore.spaces import Reach

DAMAGED = "damaged_attributes"
"""The reason of what has no readable attr.json. Every other reason is that of a quarantine."""
MAX_DETAIL = 500


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """Why what lies at a place as its attr.json is none. All of it is told by the bucket.

    ``code`` is stable, ``detail`` is for people; ``etag`` is empty where storage did not let it be read. ``since``
    is when it was written, as far as anybody knows. ``file_id`` is the document's, where file or key tells.
    """

    code: str
    detail: str
    etag: str
    since: datetime | None = None
    file_id: UUID | None = None


class KeptBack(msgspec.Struct, frozen=True, kw_only=True):
    """A place of which nobody is given anything, or not the bytes. ``space`` is None where nobody can tell it.

    ``code`` is set for a damaged attr.json; then ``detail`` says what is wrong with it.
    """

    reason: str
    bucket: str
    key: str
    since: datetime | None
    file_id: UUID | None
    space: str | None = None
    original_filename: str | None = None
    code: str | None = None
    detail: str | None = None

    @property
    def place(self) -> Place:
        """Give the place."""
        return Place(self.bucket, self.key)


class KeptBackPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of them, in the order of their places; ``next`` is None on the last page."""

    items: tuple[KeptBack, ...]
    next: Place | None


def listing(reach: Reach, *, by_reason: bool, damaged: bool, after: bool) -> str:
    """Read a page, in the words of the index documents_kept_back; what is damaged only where ``damaged``."""
    mine = "true" if reach.names is None else "space = ANY(%(spaces)s)"
    quarantined = f"attributes ? 'quarantine' AND (shown OR trashed) AND {mine}"
    either = f"({quarantined} OR file_id IS NULL AND damage IS NOT NULL)" if damaged else f"({quarantined})"
    reason = f"CASE WHEN file_id IS NULL THEN '{DAMAGED}' ELSE attributes -> 'quarantine' ->> 'reason' END"
    only = f" AND {reason} = %(reason)s" if by_reason else ""
    following = " AND (bucket, object_key) > (%(after_bucket)s, %(after_key)s)" if after else ""
    return (
        f"SELECT bucket, object_key, file_id, space, damage, attributes -> 'quarantine', {reason},"  # noqa: S608
        " attributes ->> 'original_filename' FROM documents"
        f" WHERE (attributes ? 'quarantine' OR damage IS NOT NULL) AND {either}{only}{following}"
        " ORDER BY bucket, object_key LIMIT %(limit)s"
    )


def page(found: list[KeptBack], limit: int) -> KeptBackPage:
    """Make a page of up to one row more than ``limit``."""
    items = tuple(found[:limit])
    return KeptBackPage(items=items, next=items[-1].place if len(found) > limit and items else None)
