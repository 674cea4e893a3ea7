"""One change of one document, whatever it is: find, read, check, write on condition, and have the index follow.

A change is read-modify-write on the attr.json. It is written with If-Match on the very ETag that was read, so no
other change is lost, not even that of a tool which knows nothing of the API; where the client named no ETag, or
one that does not speak of the attr.json, the change is made anew to what is there by then.

Whatever stops when, the document is as it was or as it was to be: what is done in storage besides comes first
where it keeps the document and last where it lets it go, and may be done again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import msgspec

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.attributes.storable import MAX_INTEGER
from artstore.documents import etag_of
from artstore.elements import Right, StorageElement, StorageElements
from artstore.errors import Conflict, Invalid, NotFound, PreconditionFailed, TooLarge, Unavailable
from artstore.index import IndexedDocument
from artstore.naming import attributes_key
from artstore.objects import Content
from artstore.spaces import Reach

MOST_TRIES = 5
"""How often a change is made anew that another one overtook."""

Precondition = Callable[[Collection[str]], None]
"""Raises PreconditionFailed unless one of the ETags is one that the client has seen."""


def no_precondition(_etags: Collection[str]) -> None:
    """Take whatever is there; nobody has said what it should be."""


@dataclass(frozen=True)
class Found:
    """A document as its attr.json in storage tells it; ``indexed`` is what the index knew a moment before."""

    attributes: Attributes
    etag: str
    element: StorageElement
    indexed: IndexedDocument

    @property
    def version_id(self) -> str | None:
        """Give the version of the bytes, None where there are no versions."""
        return self.attributes.storage_version_id or self.indexed.version_id

    @property
    def etags(self) -> tuple[str, ...]:
        """Give the ETags that If-Match may name: the attr.json's, as storage gives it and under which the API
        shows the document, whatever else it says of it; and the bytes' own, which a client has that has just sent
        them."""
        shown = [
            etag_of(self.etag, missing=missing, current=current)
            for missing in (False, True)
            for current in (True, False)
        ]
        return tuple(shown + ([self.indexed.object_etag] if self.indexed.object_etag else []))

    @property
    def is_in_the_trash(self) -> bool:
        """Tell whether the document is deleted, and may come back."""
        return self.attributes.deleted_at is not None


Check = Callable[[Found], None]
"""Raises PreconditionFailed where the document is not what the client has seen."""
Edit = Callable[[Found], Attributes]
"""From a document to what its attr.json shall say; raises what refuses the change. May be asked again."""
Beside = Callable[[Found, Attributes], None]
"""What is done in storage besides; it may be done again."""


class Index(Protocol):
    """What is asked of the index; see artstore.index.DocumentIndex."""

    def find_any(self, file_id: UUID, reach: Reach) -> IndexedDocument | None: ...


class Objects(Protocol):
    """What is asked of storage; see artstore.objects."""

    def read(self, bucket: str, key: str, limit: int) -> Content: ...
    def replace(self, bucket: str, key: str, body: bytes, if_match: str) -> str: ...


class IngestNow(Protocol):
    """Has the index follow at once; see artstore.aws.ingesting. Never raises: the event does it later."""

    def at(self, bucket: str, key: str) -> object: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Changes:
    """The changes of one archive."""

    def __init__(
        self,
        *,
        index: Index,
        elements: Callable[[], StorageElements],
        objects: Objects,
        ingest: IngestNow,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take the ports; ``elements`` gives the storage elements as they are now."""
        self._index = index
        self._elements = elements
        self._objects = objects
        self._ingest = ingest
        self._clock = clock

    def now(self) -> datetime:
        """Give the time by which changes are made."""
        return self._clock()

    def present(self, indexed: IndexedDocument) -> Attributes | None:
        """Read the attr.json where the index knows it; None where there is none that can be read. Raises
        Unavailable."""
        try:
            return attr.parse(
                self._objects.read(indexed.bucket, attributes_key(indexed.key), attr.MAX_BYTES + 1).body
            )
        except (NotFound, Invalid, TooLarge):
            return None

    def find(self, file_id: UUID, reach: Reach) -> Found:
        """Find a document, in the trash or not, as it is in storage now. Raises NotFound
        (``document_not_found``)."""
        indexed = self._index.find_any(file_id, reach)
        if indexed is None:
            raise _no_document()
        try:
            content = self._objects.read(indexed.bucket, attributes_key(indexed.key), attr.MAX_BYTES + 1)
            attributes = attr.parse(content.body)
        except NotFound as error:
            raise _no_document() from error
        except (Invalid, TooLarge) as error:
            raise Conflict("the document's attr.json cannot be read", code="attributes_unreadable") from error
        if attributes.file_id != file_id or not reach.shows(attributes):
            raise _no_document()
        if attributes.purged_at is not None:
            raise _no_document()  # its bytes are being removed: nobody takes it out any more
        element = self._elements().locate(indexed.bucket, indexed.key)
        if element is None:
            raise Conflict("the document lies in no storage element", code="not_in_a_storage_element")
        return Found(attributes=attributes, etag=content.etag, element=element, indexed=indexed)

    def change(
        self,
        file_id: UUID,
        reach: Reach,
        edit: Edit,
        *,
        check: Check = lambda _found: None,
        before: Beside | None = None,
        after: Beside | None = None,
    ) -> IndexedDocument:
        """Change a document, and give it as it is then; ``before`` and ``after`` are done around the writing, also
        where there is nothing to write.

        Raises NotFound, PreconditionFailed, Conflict (``finalization_in_progress``,
        ``changing_too_fast``, what the element refuses by, and what ``edit`` does), TooLarge, Unavailable.
        """
        for _ in range(MOST_TRIES):
            found = self.find(file_id, reach)
            _check(found)
            changed = edit(found)
            check(found)
            if before is not None:
                _do(before, found, changed)
            try:
                changed, etag = self._write(found, changed)
            except (PreconditionFailed, NotFound):
                continue  # another change came first: this one is made to what is there now, if it still may
            if after is not None:
                _do(after, found, changed)
            return self._follow(found, changed, etag, reach)
        raise Conflict("the document changes faster than this change can be made", code="changing_too_fast")

    def _follow(self, found: Found, changed: Attributes, etag: str, reach: Reach) -> IndexedDocument:
        """Have the index follow, and give the document as it is shown from now on; what was seen of it before is
        the best that is known where the index could not follow at once."""
        told = msgspec.structs.replace(found.indexed, attributes=changed, attributes_etag=etag)
        if etag == found.indexed.attributes_etag:
            return told
        self._ingest.at(found.indexed.bucket, attributes_key(found.indexed.key))
        try:
            indexed = self._index.find_any(changed.file_id, reach)
        except (
            Unavailable
        ):  # the change stands: who is told otherwise makes it again, and is refused by its own ETag
            return told
        return indexed if indexed is not None and indexed.attributes_etag == etag else told

    def _write(self, found: Found, changed: Attributes) -> tuple[Attributes, str]:
        if changed == found.attributes:
            return changed, found.etag
        changed = msgspec.structs.replace(
            changed,
            revision=min(found.attributes.revision + 1, MAX_INTEGER),
            updated_at=max(found.attributes.updated_at, self._clock()),
        )
        key = attributes_key(found.indexed.key)
        return changed, self._objects.replace(found.indexed.bucket, key, attr.dump(changed), found.etag)


def _check(found: Found) -> None:
    """Refuse what no change may touch, whatever it is."""
    found.element.require(Right.CHANGE)
    if found.attributes.finalization is not None:
        raise Conflict("the document is being finalized; try again later", code="finalization_in_progress")


def _do(beside: Beside, found: Found, changed: Attributes) -> None:
    try:
        beside(found, changed)
    except NotFound as error:
        raise Conflict("the document's bytes are not in storage", code="document_missing") from error


def _no_document() -> NotFound:
    return NotFound("there is no such document", code="document_not_found")
