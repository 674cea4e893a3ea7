"""What the administration of storage elements takes and gives."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from artstore.elements import ElementId, Fill, Mode
from functions.upload.fields import AllowedTypes, Description

# It ends with (?!\n)$, since $ alone would let a line break follow.
Prefix = Annotated[
    str,
    Meta(
        min_length=2,
        max_length=128,
        pattern=r"^[a-z][a-z0-9_-]*(?:/[a-z0-9_-]+)*/(?!\n)$",
        description="folders of lowercase letters, digits, _ and -, a letter first, a slash at the end",
    ),
]
Priority = Annotated[int, Meta(ge=0, le=10_000)]
Capacity = Annotated[int, Meta(ge=1, le=10**18)]
MaxFileSize = Annotated[int, Meta(ge=1, le=5 * 1024**4)]


class Sight(enum.IntEnum):
    """How much of an element is shown; each shows what the one before does."""

    WHICH = 0
    """Which there are, and what they take."""
    USE = 1
    """How it is used, and how it is to be: for whoever sees all documents anyway."""
    WHOLE = 2
    """Where it lies and how its storage fares: for whoever runs the archive."""


class ElementState(enum.StrEnum):
    """Whether an element takes new documents."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


class FirstMode(enum.StrEnum):
    """The modes that an element can begin with."""

    EDIT = "edit"
    RW = "rw"


class NextMode(enum.StrEnum):
    """The modes that an element can be given."""

    RO = "ro"
    AR = "ar"


class LimitsModel(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which documents an element takes."""

    max_file_size: MaxFileSize | None = None
    """Bytes; null: any."""
    allowed_types: AllowedTypes = []
    """Media types; empty: any."""


class ElementRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new storage element."""

    element_id: ElementId
    """Its name for good: a deleted element's is not given again."""
    mode: FirstMode
    prefix: Prefix
    """Where in the bucket it lies; nothing may lie there yet, and no other element above or below."""
    bucket: Annotated[str, Meta(min_length=3, max_length=63)] | None = None
    """One of the deployment's buckets; null: its bucket for the mode."""
    priority: Priority = 100
    """Elements of a lower number are filled first."""
    capacity_bytes: Capacity | None = None
    """null: it never fills."""
    limits: LimitsModel = msgspec.field(default_factory=LimitsModel)
    description: Description | None = None


class LimitsChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to change of an element's limits; what is absent stays, and null takes a limit away."""

    max_file_size: MaxFileSize | UnsetType | None = UNSET
    allowed_types: AllowedTypes | UnsetType | None = UNSET


class ElementChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to change; what is absent stays."""

    priority: Priority | UnsetType = UNSET
    capacity_bytes: Capacity | UnsetType | None = UNSET
    limits: LimitsChange | UnsetType | None = UNSET
    """Merged member by member; null: none."""
    status: ElementState | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET


class ModeRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The mode that an element is to have."""

    mode: NextMode


class TransitionModel(msgspec.Struct, kw_only=True):
    """A change of the mode that is under way."""

    to: Mode
    phase: str
    """draining, closing, settling or sealing; docs/storage-elements.md explains each."""
    since: datetime
    job_id: str


class HealthModel(msgspec.Struct, kw_only=True):
    """Whether the element's storage answers."""

    failures: int
    """In a row."""
    skipped_until: datetime | None
    """Until then no document is placed here; null: it is in use."""
    reason: str | None


class Element(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A storage element. Who reads the documents of some spaces only is shown which there are and what they take,
    and nothing of what others store; where an element lies and how it fares is shown to elements:admin alone."""

    element_id: str
    mode: Mode
    status: ElementState
    limits: LimitsModel
    revision: int
    """+1 for each change; in quotes it is the ETag. 0: an element of the template that was never changed."""
    fill: Fill | UnsetType = UNSET
    """OK, WARNING, CRITICAL or FULL, by what is free."""
    priority: int | UnsetType = UNSET
    capacity_bytes: int | UnsetType | None = UNSET
    used_bytes: int | UnsetType = UNSET
    file_count: int | UnsetType = UNSET
    counted_at: datetime | UnsetType | None = UNSET
    """When use was last counted; null: never yet."""
    description: str | UnsetType | None = UNSET
    mode_changed_at: datetime | UnsetType | None = UNSET
    transition: TransitionModel | UnsetType | None = UNSET
    bucket: str | UnsetType = UNSET
    prefix: str | UnsetType = UNSET
    health: HealthModel | UnsetType = UNSET
    created_at: datetime | UnsetType | None = UNSET
    created_by: str | UnsetType | None = UNSET
    updated_at: datetime | UnsetType | None = UNSET


class ElementList(msgspec.Struct):
    """All storage elements, in the order in which they are filled. There is no next page."""

    items: list[Element]
    next_cursor: str | None = None
