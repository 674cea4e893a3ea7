"""What is asked and told of a document's life."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta


class Format(enum.StrEnum):
    """How a history is written."""

    JSON = "json"
    PREMIS = "premis"


class HistoryQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How many events, and how they are written."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: Annotated[str, Meta(max_length=400)] | None = None
    """next_cursor of the page before; in PREMIS it is in the header Link."""
    format: Format = Format.JSON
    """premis: XML of PREMIS 3, with the document as its object."""


class HistoryEvent(msgspec.Struct, kw_only=True):
    """Something that happened to a document."""

    event_id: str
    type: str
    """An event type of PREMIS, such as ingestion, fixity check or deletion; what PREMIS has no word for is called
    as the audit log calls it."""
    at: datetime
    outcome: str
    """success or failure; of a virus check what the scanner said."""
    agent: str | None
    """Who did it: a client_id, system, a scanner; null where nobody knows."""
    action: str | None
    """As the audit log calls it; null for what the document's attributes tell."""
    detail: str | None
    reason: str | None
    """Why it was done, or was refused."""


class History(msgspec.Struct, kw_only=True):
    """One page of a document's events, newest first."""

    file_id: UUID
    items: list[HistoryEvent]
    next_cursor: str | None
