"""Which document is on its way from an edit element into one that keeps documents, or went that way last.

The item of a document is written before its bytes are copied. So whoever meets an object without an attr.json
under the key of its target knows whose it is: no stranger's, and no document as long as the finalization has not
written the attr.json beside it. There is one item for each document, so only one finalization of it is under way
at a time.
``artstore.aws.finalization_table`` keeps the items.
"""

from __future__ import annotations

import enum
from datetime import datetime
from uuid import UUID

import msgspec

from artstore.index.claims import Place


class Phase(enum.StrEnum):
    """How far a finalization is, as far as others have to know."""

    OPEN = "OPEN"
    """Its bytes may be copied at any moment."""
    COMMITTED = "COMMITTED"
    """The document lies at the target."""
    UNDONE = "UNDONE"
    """The document stays where it was. A copy of its bytes may be left at the target."""


class Waiting(enum.StrEnum):
    """What a finalization waits for."""

    UNDER_WAY = "finalizing"
    """To be completed, since ``started_at``."""
    SOURCE = "finalized"
    """To have its source removed, since ``settled_at`` or the last look."""


class Finalization(msgspec.Struct, frozen=True, kw_only=True):
    """The last finalization of a document. Times are aware.

    ``source`` and ``target`` are places of the bytes, ``element_id`` is the target's storage element. ``etag`` and
    ``version_id`` are the copy's, once there is one; ``source_etag`` is of the bytes that were copied, and
    ``sealed_etag`` of the attr.json that was left beside them. ``code`` and ``detail`` say why it was undone.
    """

    file_id: UUID
    transaction_id: UUID
    source: Place
    target: Place
    element_id: str
    started_at: datetime
    phase: Phase = Phase.OPEN
    settled_at: datetime | None = None
    etag: str | None = None
    version_id: str | None = None
    source_etag: str | None = None
    sealed_etag: str | None = None
    code: str | None = None
    detail: str | None = None

    def brought(self, place: Place, etag: str, modified: datetime) -> bool:
        """Tell whether an object without an attr.json was put at ``place`` by this finalization.

        While it is under way, whatever appears there is; later it is the copy itself, and what is no newer than
        the end. What came under that key afterwards is somebody else's.
        """
        if place != self.target:
            return False
        if self.phase is Phase.OPEN or self.settled_at is None or etag == self.etag:
            return True
        return modified <= self.settled_at
