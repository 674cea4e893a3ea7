"""Storage elements: places for documents, each a prefix of a bucket with a mode, a priority and a capacity.

What may be done in an element is in ``artstore.elements.modes``, how full it is in ``capacity``, whether its
storage answers in ``health``. Where the elements of a deployment are kept is ``registry``; one reads them there
anew for each request, since they change while a process lives.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Iterator, MutableMapping
from typing import Annotated

import msgspec
from msgspec import Meta

from artstore.elements.capacity import Fill, fill_of, has_room
from artstore.elements.health import Health
from artstore.elements.modes import RIGHTS, WHILE_CHANGING, Mode, Right
from artstore.errors import ArtStoreError, Conflict, InsufficientStorage, Invalid, TooLarge, Unavailable
from artstore.naming import is_reserved

__all__ = [
    "ElementId",
    "ElementStatus",
    "Fill",
    "Health",
    "Limits",
    "Mode",
    "RetentionPolicy",
    "Right",
    "StorageElement",
    "StorageElements",
    "Transition",
    "parse_elements",
]


ElementId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=63,
        pattern=r"^[a-z0-9][a-z0-9-]*(?!\n)$",  # $ alone would let a line break follow
        description="lowercase letters, digits and hyphens",
    ),
]
"""The name of an element, in requests."""


class RetentionPolicy(enum.StrEnum):
    """How long a document is meant to live."""

    TEMPORARY = "temporary"
    PERMANENT = "permanent"


_MODE_FOR_POLICY = {RetentionPolicy.TEMPORARY: Mode.EDIT, RetentionPolicy.PERMANENT: Mode.RW}


class ElementStatus(enum.StrEnum):
    """Whether an element takes new documents."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    """It takes none; what is there can be read, changed and deleted as its mode allows."""
    DELETED = "DELETED"
    """It is shown to nobody; what still arrives in it is described all the same, so that nothing is lost."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which documents an element takes."""

    max_file_size: int | None = None
    """Bytes; None: any."""
    allowed_types: tuple[str, ...] = ()
    """Media types without parameters, or ``image/*``; none: any."""

    def takes_size(self, size: int) -> bool:
        """Tell whether a document of ``size`` bytes is taken."""
        return self.max_file_size is None or size <= self.max_file_size

    def takes_type(self, content_type: str) -> bool:
        """Tell whether a document of this media type is taken; its parameters do not matter."""
        if not self.allowed_types:
            return True
        essence = content_type.partition(";")[0].strip().lower()
        family = essence.partition("/")[0] + "/*"
        return essence in self.allowed_types or family in self.allowed_types


class Transition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A change of an element's mode that is under way."""

    to: Mode
    phase: str
    """draining: the API refuses; closing: storage refuses all but the description of what has arrived; sealing:
    storage refuses everything that the new mode forbids. Then the mode is changed and there is no transition."""
    since: str
    """RFC 3339, UTC."""
    job_id: str
    requested_by: str
    source_ip: str = ""
    request_id: str = ""


class StorageElement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place for documents. Elements of a lower ``priority`` number are filled first."""

    element_id: str
    bucket: str
    mode: Mode
    prefix: str = ""
    priority: int = 100
    capacity_bytes: int | None = None
    """None: it never fills."""
    used_bytes: int = 0
    """As last counted, and what this process has started since."""
    file_count: int = 0
    counted_at: str | None = None
    """When use was last counted; RFC 3339, UTC."""
    status: ElementStatus = ElementStatus.ACTIVE
    limits: Limits = Limits()
    transition: Transition | None = None
    health: Health = Health()

    def __post_init__(self) -> None:
        if is_reserved(self.prefix):
            raise ValueError(f"the prefix {self.prefix!r} is reserved")

    @property
    def fill(self) -> Fill:
        """How full it is."""
        return fill_of(self.mode, self.capacity_bytes, self.used_bytes)

    def holds(self, bucket: str, key: str) -> bool:
        """Tell whether the object lies under this element's prefix; an element with a longer one comes first."""
        return bucket == self.bucket and key.startswith(self.prefix)

    def may(self, right: Right) -> bool:
        """Tell whether ``right`` may be exercised here now: what the mode allows, less while it is changing."""
        rights = RIGHTS[self.mode] if self.transition is None else WHILE_CHANGING[self.mode]
        if right is Right.CREATE and self.status is not ElementStatus.ACTIVE:
            return False
        return right in rights

    def require(self, right: Right) -> None:
        """Raise Conflict unless ``right`` may be exercised here now.

        Codes: ``deletion_not_allowed`` for a deletion, ``archived`` for bytes that have to be restored first,
        ``restore_not_needed`` for a restore of what can be read, ``element_mode_changing`` while the mode is
        changing, ``element_not_active`` for new documents in an element that takes none, and
        ``element_read_only`` for any other right.
        """
        if self.may(right):
            return
        if right is Right.DELETE:
            raise Conflict(f"documents are not deleted in {self.mode} elements", code="deletion_not_allowed")
        if right is Right.READ:
            raise Conflict("the bytes have to be restored before they are read", code="archived")
        if right is Right.RESTORE:
            raise Conflict("the bytes can be read without a restore", code="restore_not_needed")
        if right in RIGHTS[self.mode]:
            if self.transition is not None:
                raise Conflict("the storage element's mode is being changed", code="element_mode_changing")
            raise Conflict("the storage element takes no documents", code="element_not_active")
        raise Conflict(f"nothing is written in {self.mode} elements", code="element_read_only")


class StorageElements:
    """The elements of a deployment, as they are at one moment; see ``registry`` for those of the next one."""

    def __init__(
        self, elements: tuple[StorageElement, ...], started: MutableMapping[str, int] | None = None
    ) -> None:
        """Take the elements in any order; their ids must be unique.

        ``started`` counts the bytes that were placed, by element, and may be shared with other moments.
        """
        ids = [element.element_id for element in elements]
        if not elements or len(set(ids)) != len(ids):
            raise ValueError("at least one storage element is needed, and their ids must differ")
        self._elements = tuple(sorted(elements, key=lambda each: (each.priority, each.element_id)))
        self._started: MutableMapping[str, int] = {} if started is None else started

    def __iter__(self) -> Iterator[StorageElement]:
        """Give the elements in the order in which they are filled, without the deleted ones."""
        return (each for each in self._elements if each.status is not ElementStatus.DELETED)

    def all(self) -> tuple[StorageElement, ...]:
        """Give the elements, the deleted ones too: documents may still lie in them."""
        return self._elements

    def find(self, element_id: str) -> StorageElement | None:
        """Give the element of that id, a deleted one too."""
        return next((each for each in self._elements if each.element_id == element_id), None)

    def buckets(self) -> tuple[str, ...]:
        """Give each bucket once."""
        return tuple(dict.fromkeys(element.bucket for element in self._elements))

    def place(
        self, policy: RetentionPolicy, size: int = 0, content_type: str = "", now: float | None = None
    ) -> StorageElement:
        """Choose the element for a new document, and count its ``size`` (bytes) as used from now on.

        Temporary documents go to edit, permanent ones to rw: to the first in the order of priority that takes
        them. ``now`` is epoch seconds. Where several elements refuse, the most hopeful reason is told. Raises
        Unavailable (``no_storage_element``, ``storage_elements_failing``), InsufficientStorage (``storage_full``),
        TooLarge (``file_too_large``) and Invalid (``content_type_not_allowed``).
        """
        now = time.time() if now is None else now
        refusals: list[ArtStoreError] = []
        for element in self._elements:
            if element.mode is not _MODE_FOR_POLICY[policy] or not element.may(Right.CREATE):
                continue
            refusal = self._refusal(element, size, content_type, now)
            if refusal is None:
                self._started[element.element_id] = self._started.get(element.element_id, 0) + size
                return element
            refusals.append(refusal)
        if not refusals:
            raise Unavailable(f"no storage element takes {policy} documents", code="no_storage_element")
        raise min(refusals, key=lambda each: _HOPE.index(type(each)))

    def locate(self, bucket: str, key: str) -> StorageElement | None:
        """Find the element that holds the object: the one with the longest matching prefix."""
        holding = [element for element in self._elements if element.holds(bucket, key)]
        return max(holding, key=lambda element: len(element.prefix), default=None)

    def _refusal(self, element: StorageElement, size: int, content_type: str, now: float) -> ArtStoreError | None:
        used = element.used_bytes + self._started.get(element.element_id, 0)
        if not element.limits.takes_type(content_type):
            return Invalid(
                f"no storage element takes documents of type {content_type or 'unknown'}",
                code="content_type_not_allowed",
                field="content_type",
            )
        if not element.limits.takes_size(size):
            return TooLarge(f"no storage element takes {size} bytes", code="file_too_large", field="size")
        if not has_room(element.mode, element.capacity_bytes, used, size):
            return InsufficientStorage(f"no storage element has room for {size} bytes", code="storage_full")
        if element.health.is_skipped(now):
            return Unavailable(
                "the storage that would take the document does not answer", code="storage_elements_failing"
            )
        return None


_HOPE: list[type[ArtStoreError]] = [Unavailable, InsufficientStorage, TooLarge, Invalid]
"""Reasons for which nothing takes a document, the one that may pass soonest first."""


def parse_elements(text: str) -> StorageElements:
    """Read the JSON list of ARTSTORE_STORAGE_ELEMENTS. Raises ValueError saying what is wrong and where."""
    return StorageElements(msgspec.json.decode(text, type=tuple[StorageElement, ...]))
