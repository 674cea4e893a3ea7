"""The port to a rebuild of the index: new tables beside those in use, filled, brought up to date, and swapped in.

What is filled in comes from attr.json files. What others write into the index meanwhile is noted by a trigger and
taken over as it is: they have just looked at the bucket. A row of the present index whose place has no readable
attr.json is taken over as a tombstone, so that what a deletion left behind is not described again.
``artstore.index.rebuilding.postgres`` implements it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from artstore.index import ObjectVersion, Projection
from artstore.index.claims import Place


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far a part has been filled: behind which key, and which version of it; ``over``: to its end."""

    after: str | None = None
    version: str | None = None
    over: bool = False


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """What the index in use holds of a place: which bytes, and which words were made of them."""

    file_id: UUID
    attributes_etag: str
    object: ObjectVersion | None
    missing: bool
    words_for: str | None


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the new tables. With ``takes_over`` its text and words are those of the row in use; otherwise its
    words are made of ``projection``'s text."""

    projection: Projection
    takes_over: bool = False


class Rebuild(Protocol):
    """A rebuild, of which there is one at a time. Every method raises Unavailable."""

    def begin(self, job_id: UUID, parts: int) -> None:
        """Make the new tables, empty, and note from now on what others write. What an earlier rebuild left is
        dropped; the one of this job goes on."""
        ...

    def is_of(self, job_id: UUID) -> bool:
        """Tell whether the tables that are there are this job's."""
        ...

    def position(self, job_id: UUID, part: int) -> Position | None:
        """Say where a part stands; None when the rebuild is not this job's any more."""
        ...

    def present(self, bucket: str, keys: Collection[str]) -> dict[str, Present]:
        """Give what the index in use claims for these documents' keys."""
        ...

    def texts(self, bucket: str, keys: Collection[str]) -> dict[str, str]:
        """Give the texts that the index in use holds."""
        ...

    def fill(
        self,
        job_id: UUID,
        part: int,
        rows: Sequence[Filled],
        looks: Collection[Place],
        before: Position,
        after: Position,
    ) -> list[Place] | None:
        """Write rows, places to be looked at in the end, and where the part stands now, all or nothing.

        Gives the places whose attributes the index cannot hold; None when the part stands elsewhere than
        ``before``, so that somebody else is at it.
        """
        ...

    def finish(self, job_id: UUID) -> bool:
        """Do the next thing that is due once every part is filled; False when nothing is but the swap."""
        ...

    def swap(self, job_id: UUID) -> bool:
        """Put the new tables in the place of the old ones; False when too much was written meanwhile, or others
        would have to wait: then it is to be tried again.

        Raises Conflict (``schema_changed``).
        """
        ...

    def has_swapped(self, job_id: UUID) -> bool:
        """Tell whether this job's tables have taken the place of the old ones, and it has not dropped the rest;
        who is just about it is waited for."""
        ...

    def looks(self, after: Place | None, limit: int) -> list[Place]:
        """Give places that are to be looked at, in their order, behind one."""
        ...

    def drop(self, job_id: UUID | None = None) -> bool:
        """Drop what a rebuild has left, of any job or of one; tell whether there was something."""
        ...

    def owner(self) -> UUID | None:
        """Name the job whose tables are there."""
        ...
