"""Storage elements and their modes.

A storage element is a bucket and a prefix with a mode and a priority. The mode says what may be done there:

=====  =========================================================================
edit   create, read, change, delete; temporary documents live here
rw     create, read, change metadata; no deletion (versioning and Object Lock)
ro     read
ar     read metadata; bytes only after a restore
=====  =========================================================================
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

import msgspec

from artstore.errors import Unavailable
from artstore.naming import is_reserved


class Mode(enum.StrEnum):
    """What a storage element allows."""

    EDIT = "edit"
    RW = "rw"
    RO = "ro"
    AR = "ar"


class RetentionPolicy(enum.StrEnum):
    """How long a document is meant to live."""

    TEMPORARY = "temporary"
    PERMANENT = "permanent"


_MODE_FOR_POLICY = {RetentionPolicy.TEMPORARY: Mode.EDIT, RetentionPolicy.PERMANENT: Mode.RW}


class StorageElement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place for documents. Elements of a lower ``priority`` number are filled first."""

    element_id: str
    bucket: str
    mode: Mode
    prefix: str = ""
    priority: int = 100

    def __post_init__(self) -> None:
        if is_reserved(self.prefix):
            raise ValueError(f"the prefix {self.prefix!r} is reserved")

    def holds(self, bucket: str, key: str) -> bool:
        """Tell whether the object lies in this element."""
        return bucket == self.bucket and key.startswith(self.prefix)


class StorageElements:
    """The elements of a deployment."""

    def __init__(self, elements: tuple[StorageElement, ...]) -> None:
        """Take the elements in any order; their ids must be unique."""
        ids = [element.element_id for element in elements]
        if not elements or len(set(ids)) != len(ids):
            raise ValueError("at least one storage element is needed, and their ids must differ")
        self._elements = tuple(sorted(elements, key=lambda each: (each.priority, each.element_id)))

    def __iter__(self) -> Iterator[StorageElement]:
        """Give the elements in the order in which they are filled."""
        return iter(self._elements)

    def buckets(self) -> tuple[str, ...]:
        """Give each bucket once."""
        return tuple(dict.fromkeys(element.bucket for element in self._elements))

    def place(self, policy: RetentionPolicy) -> StorageElement:
        """Choose the element for a new document: temporary goes to edit, permanent to rw.

        Raises Unavailable (``no_storage_element``) when no element of that mode exists.
        """
        mode = _MODE_FOR_POLICY[policy]
        for element in self._elements:
            if element.mode is mode:
                return element
        raise Unavailable(f"no storage element takes {policy} documents", code="no_storage_element")

    def locate(self, bucket: str, key: str) -> StorageElement | None:
        """Find the element that holds the object: the one with the longest matching prefix."""
        holding = [element for element in self._elements if element.holds(bucket, key)]
        return max(holding, key=lambda element: len(element.prefix), default=None)


def parse_elements(text: str) -> StorageElements:
    """Read the JSON list of ARTSTORE_STORAGE_ELEMENTS. Raises ValueError saying what is wrong and where."""
    return StorageElements(msgspec.json.decode(text, type=tuple[StorageElement, ...]))
