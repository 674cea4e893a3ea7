"""How a space is shown, to a client and to the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from artstore.tables import SpaceItem
from functions.upload.spaces.models import Space


def etag(item: SpaceItem) -> str:
    """Give the entity tag: the revision in quotes."""
    return f'"{int(item.revision)}"'


def show(item: SpaceItem) -> Space:
    """Show a space to a client."""
    return Space(
        space=item.space,
        description=item.description,
        max_documents=_number(item.max_documents),
        max_bytes=_number(item.max_bytes),
        allowed_types=list(item.allowed_types or ()),
        retention_schedule=item.retention_schedule,
        revision=int(item.revision),
        created_at=_time(item.created_at),
        created_by=item.created_by,
        updated_at=_time(item.updated_at),
    )


def record(item: SpaceItem) -> dict[str, Any]:
    """Give what the audit log keeps of a space."""
    return {
        "description": item.description,
        "max_documents": _number(item.max_documents),
        "max_bytes": _number(item.max_bytes),
        "allowed_types": list(item.allowed_types or ()),
        "retention_schedule": item.retention_schedule,
        "revision": int(item.revision),
    }


def _number(value: float | None) -> int | None:
    return None if value is None else int(value)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
