"""The port to the document index: a projection of every attr.json and its text, made to be searched.

The index is never the truth. It may be behind, and it can be thrown away and rebuilt from storage. It holds a row
for each *place* (bucket and key): what the attr.json there claims, or a tombstone once it is gone. Of the places
that claim the same ``file_id`` one is shown, see ``artstore.index.claims``. What is written is what the writer saw
in the bucket; whoever changes a row that was there looks at the bucket once more. ``artstore.index.postgres``
implements the port; every implementation passes tests/integration/index/test_index_contract.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

import msgspec

from artstore.attributes import Attributes
from artstore.errors import Invalid
from artstore.index.claims import Claim, Place
from artstore.index.ended import Ended, EndedPage, EndedPosition
from artstore.index.kept_back import Damage, KeptBackPage
from artstore.index.unscanned import UnscannedPage, Which
from artstore.index.usage import Dimension, UsageReport
from artstore.restoring import NotedRestore
from artstore.schedules import Schedule
from artstore.spaces import Reach

MAX_QUERY = 1000
"""The most characters of a query."""
COUNT_LIMIT = 1000
"""How far a search counts. Beyond it the total is this number and is not exact."""


NEVER_READ: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for when an object was written in a row whose text nobody has read yet, as a rebuild leaves it."""


class ObjectVersion(msgspec.Struct, frozen=True, kw_only=True):
    """Which bytes lay at a place: never two different ones with the same ETag, time and version.

    ``sha256`` (hex) is None as long as nobody knows it. ``version_id`` is None where the bucket keeps no versions.
    """

    etag: str
    modified: datetime
    version_id: str | None = None
    sha256: str | None = None

    def is_same(self, other: ObjectVersion | None) -> bool:
        """Tell whether both are the same bytes, put there by the same request; of what was never read the ETag
        and the version tell."""
        if other is None or (self.etag, self.version_id) != (other.etag, other.version_id):
            return False
        return self.modified == other.modified or not (self.was_read and other.was_read)

    @property
    def was_read(self) -> bool:
        """Tell whether somebody has looked for text in these bytes."""
        return self.modified != NEVER_READ


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """What the index is told of a place: its attr.json, that one's ETag, its bytes, and their text.

    ``key`` is the document's key, not the attr.json's. ``object`` is None when the document's bytes are gone, and
    when nobody looked, since the attr.json says ``deleted_at``; ``missing`` tells the one from the other.
    ``at_home`` is True when the attr.json names this very place.
    """

    attributes: Attributes
    bucket: str
    key: str
    attributes_etag: str
    object: ObjectVersion | None = None
    missing: bool = False
    at_home: bool = True
    text: str = ""

    @property
    def place(self) -> Place:
        """Give the place of the document."""
        return Place(self.bucket, self.key)

    @property
    def claim(self) -> Claim:
        """Give what is compared with other claims of the file_id."""
        return Claim(
            place=self.place,
            revision=self.attributes.revision,
            missing=self.missing,
            at_home=self.at_home,
            deleted=self.attributes.deleted_at is not None,
            sealed=self.attributes.finalization is not None,
        )


class KnownPlace(msgspec.Struct, frozen=True, kw_only=True):
    """What the index holds of a place: a claim, or a tombstone, whose ``file_id`` is None.

    A tombstone keeps the ``object`` of the claim before it. ``removed_at`` is when the attr.json was removed, as
    the events told; None when none has told yet, and for a claim. ``damage`` says why what lies there is no
    attr.json; None where nothing lies there.
    """

    file_id: UUID | None
    attributes_etag: str | None = None
    object: ObjectVersion | None = None
    missing: bool = False
    removed_at: datetime | None = None
    damage: Damage | None = None


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What a write came to.

    ``first`` is True when the index had no row for the place: then nobody else can have seen another state of it
    in between, and the bucket need not be looked at again. ``shown`` is the place that is shown for the document
    now, if any.
    """

    first: bool
    file_id: UUID | None
    shown: Place | None


class IndexedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What the index knows of a document. ``attributes_etag`` is what If-Match is compared with.

    ``version_id`` is the version of the bytes that the attributes describe, None where there are no versions;
    ``object_etag`` is theirs in storage, None when nobody has looked. ``missing`` tells that the bytes are gone,
    and ``current`` that no other document takes the place of this one.
    """

    attributes: Attributes
    bucket: str
    key: str
    attributes_etag: str
    object_etag: str | None = None
    version_id: str | None = None
    missing: bool = False
    current: bool = True


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page ended: the creation time (UTC) and id of its last document."""

    created_at: datetime
    file_id: UUID


class SearchPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page, newest first. ``total`` counts all pages, up to ``COUNT_LIMIT``; ``next`` is None on the
    last."""

    items: tuple[IndexedDocument, ...]
    total: int
    total_is_exact: bool
    next: Position | None


class VersionsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the versions of a document, newest first; ``next`` is None on the last page."""

    items: tuple[IndexedDocument, ...]
    next: Position | None


class TrashPosition(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page of the trash ended: when its last document was deleted (UTC), and its id."""

    deleted_at: datetime
    file_id: UUID


class TrashPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of what is deleted, the last deleted first; ``next`` is None on the last page."""

    items: tuple[IndexedDocument, ...]
    next: TrashPosition | None


class ScheduledPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the documents of a schedule that may be due, those created first first.

    ``next`` is None on the last page; a page may be short, even empty, and yet not be the last.
    """

    items: tuple[IndexedDocument, ...]
    next: Position | None


class Only(msgspec.Struct, frozen=True, kw_only=True):
    """Which documents, whatever words they have: of this checksum (lowercase hex), in this folder or below it."""

    sha256: str | None = None
    folder: str | None = None


EVERY: Final = Only()
"""All of them."""


class DocumentIndex(Protocol):
    """The index. Every method raises ``Unavailable`` when the index does not answer in time."""

    def project(self, projection: Projection) -> Written:
        """Write what lies at a place, whatever the index held of it before; which claim of the document is shown
        is decided anew, also of the document that the place held before.

        Raises Invalid (``attributes_not_indexable``) for attributes that the index cannot hold.
        """
        ...

    def project_many(self, projections: Sequence[Projection]) -> list[Written | Invalid]:
        """Do for each what ``project`` does, by one statement for many of them, in their order where they name one
        place twice; give what each came to. One that the index cannot hold does not keep the others from it.
        """
        ...

    def remove(self, bucket: str, key: str, at: datetime | None, damage: Damage | None = None) -> Written:
        """Leave a tombstone: no readable attr.json lies at the place. ``at`` is when it was removed, if that is
        known; a tombstone keeps the latest time it was told. ``damage``: something lies there, and is none.

        A place the index has not seen yet gets its tombstone too: who read the attr.json before the removal and
        writes after it finds a row, and looks again. The file_id of the answer is the one that was claimed.
        """
        ...

    def at(self, bucket: str, key: str) -> KnownPlace | None:
        """Give what the index holds of a place; None when it never saw it."""
        ...

    def places(
        self, bucket: str, prefix: str, after: str, until: str, limit: int
    ) -> Sequence[tuple[str, KnownPlace]]:
        """Give up to ``limit`` places of a bucket with their keys, in the order of UTF-8: from the prefix on,
        behind the key ``after``, up to and with ``until``, whose prefix is the same."""
        ...

    def is_claimed(self, file_id: UUID) -> bool:
        """Tell whether any place claims the id, shown or not."""
        ...

    def find(self, file_id: UUID, reach: Reach) -> IndexedDocument | None:
        """Give the document that is shown, or None when it is unknown, deleted or out of ``reach``."""
        ...

    def with_checksum(self, checksums: Collection[str], reach: Reach) -> dict[str, UUID]:
        """Give, for each of the checksums (lowercase hex) that a shown document within ``reach`` has, the newest
        such document.

        Only what is there and proven counts: not a document whose bytes are missing or in quarantine, nor one
        whose checksum is what its client declared and no more.
        """
        ...

    def find_any(self, file_id: UUID, reach: Reach) -> IndexedDocument | None:
        """Give the document, deleted or not: by the claim that is shown, or would be if it did not say
        ``deleted_at``. None when no place claims the id, and out of ``reach``."""
        ...

    def versions(self, file_id: UUID, limit: int, after: Position | None, reach: Reach) -> VersionsPage:
        """Give up to ``limit`` versions of a document that is shown, newest first: all that it takes the place of,
        one before another, and all that came from the first of these. Nothing for one that is not shown."""
        ...

    def trash(self, limit: int, after: TrashPosition | None, reach: Reach) -> TrashPage:
        """Give up to ``limit`` documents that are deleted, the last deleted first."""
        ...

    def search(
        self,
        query: str | None,
        limit: int,
        after: Position | None,
        reach: Reach,
        *,
        all_versions: bool = False,
        only: Only = EVERY,
    ) -> SearchPage:
        """Give up to ``limit`` documents within ``reach``, newest first, that come after a position; without
        ``all_versions`` only those that are current, and of them those that ``only`` says.

        Nothing out of reach is counted either.

        ``query`` is what a person typed, in the language of docs/search.md; what it is matched against is told
        there as well. None or a blank query lists everything; one without a single word in it finds nothing.

        Raises Invalid (``query_too_long``), and Unavailable (``search_timeout``) when a search takes too long.
        """
        ...

    def note_restore(self, bucket: str, key: str, version_id: str | None, noted: NotedRestore | None) -> None:
        """Keep what storage says of the restore of an object, or of a version of it; None: nothing any more."""
        ...

    def restore_of(self, bucket: str, key: str, version_id: str | None) -> NotedRestore | None:
        """Give what was noted of it last."""
        ...

    def usage(self, by: Dimension, reach: Reach, limit: int) -> UsageReport:
        """Tell what the documents within ``reach`` amount to, by up to ``limit`` keys of a dimension."""
        ...

    def expired(self, until: datetime, limit: int, after: EndedPosition | None) -> EndedPage:
        """Give up to ``limit`` temporary documents, deleted ones too, whose time was over before ``until`` and
        that are under no legal hold; those that ended longest ago first."""
        ...

    def trashed(self, until: datetime, limit: int, after: EndedPosition | None) -> EndedPage:
        """Give up to ``limit`` documents that were deleted before ``until``, the longest ago first."""
        ...

    def sealed(self, limit: int, after: UUID | None) -> list[Ended]:
        """Give up to ``limit`` documents, deleted ones too, whose attr.json names a finalization, and that are
        shown nowhere else; in the order of their ids."""
        ...

    def kept_back(
        self, reason: str | None, limit: int, after: Place | None, reach: Reach, *, damaged: bool
    ) -> KeptBackPage:
        """Give up to ``limit`` documents that are in quarantine, those in the trash too, of a ``reason`` when one
        is given; with ``damaged`` also the places whose attr.json is none. In the order of bucket and key."""
        ...

    def unscanned(self, which: Which, element_id: str | None, limit: int, after: UUID | None) -> UnscannedPage:
        """Walk up to ``limit`` documents that are shown, in the order of their ids, and give those of a storage
        element, or of all, that a scanner is yet to look at and whose bytes are there."""
        ...

    def schedules_named(self, limit: int) -> list[str]:
        """Give up to ``limit`` names of schedules that documents which are shown name, in their order."""
        ...

    def scheduled(
        self,
        name: str,
        schedule: Schedule | None,
        until: datetime,
        limit: int,
        after: Position | None,
        reach: Reach,
    ) -> ScheduledPage:
        """Give up to ``limit`` shown documents that name the schedule ``name`` and may be due at ``until``, or can
        never be told to be: ``artstore.schedules.reckon`` tells for each. Not those that are kept for good.

        ``schedule`` is what the name stands for; None, nothing: then every document is given that names it.
        """
        ...

    def ping(self) -> None:
        """Ask the index for a sign of life."""
        ...
