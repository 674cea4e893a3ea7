"""Bytes that lie where they cannot be read at once: in ar elements, all that are larger than 128 KiB.

Everywhere else nothing is asked of storage. There, one HEAD tells whether the bytes are at hand: S3 moves them
some time after the element was archived, and a restored copy stays for some days.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from artstore.elements import Right, StorageElements
from artstore.errors import Conflict, Gone, NotFound
from artstore.index import IndexedDocument
from artstore.objects import StoredObject


class Storage(Protocol):
    """What is asked of storage; see artstore.objects."""

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject: ...
    def restore(self, bucket: str, key: str, version_id: str | None, days: int) -> None: ...


class ArchivedBytes:
    """The archived bytes of one deployment."""

    def __init__(self, elements: Callable[[], StorageElements], storage: Callable[[], Storage]) -> None:
        """Take the ports; ``storage`` is made when it is needed."""
        self._elements = elements
        self._storage = storage

    def require_at_hand(self, found: IndexedDocument) -> None:
        """Raise Conflict (``archived``) for bytes that have to be restored first, Unavailable."""
        if not self._are_at_hand(found):
            raise Conflict("the document's bytes have to be restored before they are read", code="archived")

    def restore(self, found: IndexedDocument, days: int) -> bool:
        """Have the bytes brought back for so many days; True when they are at hand already.

        Asked again meanwhile, it changes nothing. Raises Gone (``document_missing``), Unavailable.
        """
        if self._are_at_hand(found):
            return True
        self._storage().restore(found.bucket, found.key, found.version_id, days)
        return False

    def _are_at_hand(self, found: IndexedDocument) -> bool:
        element = self._elements().locate(found.bucket, found.key)
        if element is None or element.may(Right.READ):
            return True
        try:
            return not self._storage().head(found.bucket, found.key, found.version_id).archived
        except NotFound as error:
            raise Gone("the document's bytes are not in storage any more", code="document_missing") from error
