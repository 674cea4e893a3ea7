"""What the administration of spaces takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from artstore.schedules import ScheduleName
from artstore.spaces import SpaceName
from functions.upload.fields import AllowedTypes, Description

MaxDocuments = Annotated[int, Meta(ge=0, le=10**12)]
MaxBytes = Annotated[int, Meta(ge=0, le=10**18)]


class SpaceRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new space."""

    space: SpaceName
    """Its name."""
    description: Description | None = None
    max_documents: MaxDocuments | None = None
    """The most documents it takes, those in the trash and uploads on their way included; null: any."""
    max_bytes: MaxBytes | None = None
    """The most bytes they may have together; null: any."""
    allowed_types: AllowedTypes = []
    """Media types that uploads may have; empty: any."""
    retention_schedule: ScheduleName | None = None
    """The retention schedule of documents that are uploaded without naming one; null: none."""


class SpaceChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to change; what is absent stays."""

    description: Description | UnsetType | None = UNSET
    max_documents: MaxDocuments | UnsetType | None = UNSET
    max_bytes: MaxBytes | UnsetType | None = UNSET
    allowed_types: AllowedTypes | UnsetType | None = UNSET
    """null and an empty list: any."""
    retention_schedule: ScheduleName | UnsetType | None = UNSET


class Space(msgspec.Struct, kw_only=True):
    """A space and its limits."""

    space: str
    description: str | None
    max_documents: int | None
    max_bytes: int | None
    allowed_types: list[str]
    retention_schedule: str | None
    revision: int
    """+1 for each change; in quotes it is the ETag. 0: the default space before its first change."""
    created_at: datetime | None
    created_by: str | None
    updated_at: datetime | None


class SpaceList(msgspec.Struct):
    """The spaces that the caller may see, by their names. There is no next page."""

    items: list[Space]
    next_cursor: str | None = None
