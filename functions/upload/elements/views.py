"""How a storage element is shown, to a client and to the audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from artstore.elements import Health, StorageElement, Transition
from artstore.elements.registry import Definition
from functions.upload.elements.models import (
    Element,
    ElementState,
    HealthModel,
    LimitsModel,
    Sight,
    TransitionModel,
)


def etag(definition: Definition) -> str:
    """Give the entity tag: the revision in quotes."""
    return f'"{definition.revision}"'


def show(element: StorageElement, definition: Definition, sight: Sight) -> Element:
    """Show of an element what may be seen of it."""
    shown = Element(
        element_id=element.element_id,
        mode=element.mode,
        status=ElementState(str(element.status)),
        limits=LimitsModel(
            max_file_size=element.limits.max_file_size, allowed_types=list(element.limits.allowed_types)
        ),
        revision=definition.revision,
    )
    if sight >= Sight.USE:
        shown = msgspec.structs.replace(
            shown,
            fill=element.fill,
            priority=element.priority,
            capacity_bytes=element.capacity_bytes,
            used_bytes=element.used_bytes,
            file_count=element.file_count,
            counted_at=_time(element.counted_at),
            description=definition.description,
            mode_changed_at=_time(definition.mode_changed_at),
            transition=_show_transition(element.transition),
        )
    if sight >= Sight.WHOLE:
        shown = msgspec.structs.replace(
            shown,
            bucket=element.bucket,
            prefix=element.prefix,
            health=_show_health(element.health),
            created_at=_time(definition.created_at),
            created_by=definition.created_by,
            updated_at=_time(definition.updated_at),
        )
    return shown


def record(definition: Definition) -> dict[str, Any]:
    """Give what the audit log keeps of an element."""
    kept: dict[str, Any] = msgspec.to_builtins(definition)
    return {name: value for name, value in kept.items() if name not in _NOT_RECORDED}


def record_change(before: Definition, after: Definition) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give what the audit log keeps of a change: the members that differ, before and after."""
    old, new = record(before), record(after)
    differing = [name for name in old if old[name] != new[name]]
    return {name: old[name] for name in differing}, {name: new[name] for name in differing}


_NOT_RECORDED = frozenset({"element_id", "created_at", "created_by", "updated_at", "request_hash"})


def _show_transition(transition: Transition | None) -> TransitionModel | None:
    if transition is None:
        return None
    return TransitionModel(
        to=transition.to,
        phase=transition.phase,
        since=datetime.fromisoformat(transition.since),
        job_id=transition.job_id,
    )


def _show_health(health: Health) -> HealthModel:
    until = datetime.fromtimestamp(health.skipped_until, UTC)
    skipped = until > datetime.now(UTC)
    return HealthModel(failures=health.failures, skipped_until=until if skipped else None, reason=health.reason)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
