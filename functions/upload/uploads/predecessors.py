"""The place of a document that another is to take: whether it is free, and what is said when it is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NoReturn, Protocol
from uuid import UUID

from artstore.attributes import Attributes
from artstore.changes.succeeding import is_gone
from artstore.errors import Conflict, NotFound, Unavailable
from artstore.index import IndexedDocument, Position, VersionsPage
from artstore.spaces import Reach
from artstore.tables import Succession, UploadRecord

_VERSIONS = 100
"""Among how many versions the one that took a document's place is looked for; else the newest is named."""


class Documents(Protocol):
    """What is asked of the index; see artstore.index."""

    def find(self, file_id: UUID, reach: Reach) -> IndexedDocument | None:
        """Give the document that is shown within ``reach``, or None."""
        ...

    def find_any(self, file_id: UUID, reach: Reach) -> IndexedDocument | None:
        """Give it in the trash, too."""
        ...

    def versions(self, file_id: UUID, limit: int, after: Position | None, reach: Reach) -> VersionsPage:
        """Give the versions of a document, newest first."""
        ...


class Places(Protocol):
    """Who has a document's place; see functions.upload.uploads.records."""

    def holder(self, predecessor: UUID) -> Succession | None: ...
    def leave(self, predecessor: UUID, holder: UUID) -> None: ...


def check_predecessor(documents: Documents, predecessor: UUID, reach: Reach) -> None:
    """Check that a document is there within ``reach``, and that none has taken its place yet.

    Raises NotFound (``document_not_found``), Conflict (``already_superseded``) and Unavailable.
    """
    found = documents.find(predecessor, reach)
    if found is None:
        raise NotFound("there is no such document", code="document_not_found", field="supersedes")
    if not found.current:
        newer = documents.versions(predecessor, _VERSIONS, None, reach).items
        successors = [each for each in newer if each.attributes.supersedes == predecessor]
        if not newer:
            raise _just_left()
        raise _already_superseded(str((successors or newer)[0].attributes.file_id))


def refuse_held(
    record: UploadRecord, places: Places, documents: Callable[[], Documents], now: datetime
) -> NoReturn:
    """Raise what says who has the place that the document of ``record`` was to take. One that has left it loses
    it.

    Raises Conflict (``already_superseded``, ``supersede_in_progress``) and Unavailable.
    """
    predecessor = UUID(record.supersedes)
    found = places.holder(predecessor)
    if found is not None and found.settled_at is not None:
        if not is_gone(documents(), _as_indexed, found, predecessor, now):
            raise _already_superseded(found.successor)
        places.leave(predecessor, UUID(found.successor))
        raise _just_left()
    raise Conflict(
        "another upload is about to take this document's place",
        code="supersede_in_progress",
        field="supersedes",
    )


def _already_superseded(successor: str | None) -> Conflict:
    return Conflict(
        "another document has taken this one's place",
        code="already_superseded",
        field="supersedes",
        file_id=successor,
    )


def _just_left() -> Unavailable:
    return Unavailable("who had this document's place has just left it; try again", code="upload_busy")


def _as_indexed(document: IndexedDocument) -> Attributes:
    """Believe the index, since no bucket may be read here; who loses the place after all is told later."""
    return document.attributes
