"""What is said of a document, changed by a merge patch (RFC 7396): what is left out stays, null takes away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from artstore.attributes import Attributes, Retention, check_room
from artstore.attributes.storable import check_storable
from artstore.changes.changing import Changes, Found, Precondition, no_precondition
from artstore.changes.limits import LONGEST_RETENTION, Description, Filename, Tags, check_said
from artstore.changes.locking import Locks
from artstore.elements import Mode, RetentionPolicy
from artstore.errors import Conflict, Invalid, NotFound
from artstore.folders import MAX_FOLDER, parse_folder
from artstore.index import IndexedDocument
from artstore.schedules import ScheduleName, Schedules, require
from artstore.spaces import NOWHERE, Reach


class RetentionPatch(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """How long the document is kept; where elements keep what they have, only ever longer."""

    policy: RetentionPolicy | UnsetType = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    """When a temporary document ends; until when at least a permanent one is kept. In the future."""
    schedule: ScheduleName | UnsetType | None = UNSET
    """The retention schedule that says when somebody decides what becomes of it; null: none."""


class DocumentPatch(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What is to be said of a document from now on. A member that is left out stays as it is."""

    original_filename: Filename | UnsetType = UNSET
    """Its name for people, also for downloads; the key in storage stays what it is."""
    description: Description | UnsetType | None = UNSET
    version: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType | None = UNSET
    """The author's own name for this version."""
    tags: Tags | UnsetType | None = UNSET
    """All of them; a list is replaced, not merged."""
    custom_attributes: dict[str, Any] | UnsetType | None = UNSET
    """Merged member by member, at every level; null takes a member away."""
    folder: Annotated[str, Meta(max_length=MAX_FOLDER)] | UnsetType | None = UNSET
    """Where people look for it, such as /a/b."""
    retention: RetentionPatch | UnsetType | None = UNSET


class Patching:
    """Changes what is said of documents."""

    def __init__(self, changes: Changes, locks: Locks, schedules: Schedules) -> None:
        """Take the ports."""
        self._changes = changes
        self._locks = locks
        self._schedules = schedules

    def patch(
        self,
        file_id: UUID,
        reach: Reach,
        patch: DocumentPatch,
        precondition: Precondition,
        overseen: Reach = NOWHERE,
    ) -> IndexedDocument:
        """Change a document that is not in the trash, and give it as it is then; a patch that changes nothing
        writes nothing. ``overseen`` are the spaces in which the caller may take a schedule from a document that is
        kept.

        Where versions are locked, the lock of the bytes is made longer before the attr.json says so. Raises what
        ``Changes.change`` raises, NotFound (``schedule_not_found``), Conflict (``retention_shortened``,
        ``schedule_kept``), Invalid and TooLarge.
        """
        checked = _checked(patch)
        if isinstance(checked.retention, RetentionPatch) and isinstance(checked.retention.schedule, str):
            require(self._schedules, checked.retention.schedule, "retention.schedule")
        return self._patch(file_id, reach, lambda _attributes: checked, precondition, overseen)

    def tag(self, file_id: UUID, reach: Reach, add: Sequence[str], remove: Sequence[str]) -> IndexedDocument:
        """Add tags to those a document has, and take others away. Raises what ``patch`` raises."""

        def wanted(attributes: Attributes) -> DocumentPatch:
            kept = [each for each in attributes.tags if each not in remove]
            return DocumentPatch(tags=list(dict.fromkeys([*kept, *add])))

        return self._patch(file_id, reach, wanted, no_precondition)

    def _patch(
        self,
        file_id: UUID,
        reach: Reach,
        wanted: Callable[[Attributes], DocumentPatch],
        precondition: Precondition,
        overseen: Reach = NOWHERE,
    ) -> IndexedDocument:
        return self._changes.change(
            file_id,
            reach,
            lambda found: self._apply(found, wanted(found.attributes), overseen),
            check=lambda found: precondition(found.etags),
            before=self._lock_longer,
        )

    def _apply(self, found: Found, patch: DocumentPatch, overseen: Reach) -> Attributes:
        if found.is_in_the_trash:
            raise NotFound("there is no such document", code="document_not_found")
        attributes = found.attributes
        changes: dict[str, Any] = {
            name: value
            for name in ("original_filename", "description", "version", "folder")
            if (value := getattr(patch, name)) is not UNSET
        }
        if patch.tags is not UNSET:
            changes["tags"] = tuple(dict.fromkeys(patch.tags or ()))
        if patch.custom_attributes is not UNSET:
            changes["custom_attributes"] = (
                merge(attributes.custom_attributes, patch.custom_attributes or None) or {}
            )
        if patch.retention is not UNSET:
            changes["retention"] = _retain(attributes.retention, patch.retention, found, self._changes)
            _check_schedule(found, changes["retention"], overseen)
        changed = msgspec.structs.replace(attributes, **changes)
        if changed == attributes:
            return attributes
        check_said(changed.description, list(changed.tags), changed.custom_attributes)
        check_room(msgspec.structs.replace(changed, extracted=None))
        return changed

    def _lock_longer(self, found: Found, changed: Attributes) -> None:
        retention, before = changed.retention, found.attributes.retention
        if found.element.mode is Mode.EDIT or found.version_id is None or retention == before:
            return
        if retention is not None and retention.expires_at is not None:
            indexed = found.indexed
            self._locks.keep_until(indexed.bucket, indexed.key, found.version_id, retention.expires_at)


def merge(target: Any, patch: Any) -> Any:
    """Give what a merge patch makes of a JSON value (RFC 7396 §2); neither is changed.

    The levels are those of the patch, which the request was checked for.
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def _checked(patch: DocumentPatch) -> DocumentPatch:
    """Check what can be checked without the document, and bring the folder into the form it is kept in."""
    check_storable(patch.version if patch.version is not UNSET else None, "version")
    if patch.custom_attributes is not UNSET:
        check_storable(patch.custom_attributes, "custom_attributes")
    if isinstance(patch.folder, str):
        return msgspec.structs.replace(patch, folder=parse_folder(patch.folder))
    return patch


def _retain(
    before: Retention | None, patch: RetentionPatch | None, found: Found, changes: Changes
) -> Retention | None:
    """Give the retention that a patch makes; a legal hold is not its affair, and stays."""
    if patch is None:
        policy: str | None = None
        expires_at = schedule = None
    else:
        schedule = before.schedule if before is not None else None
        schedule = schedule if patch.schedule is UNSET else patch.schedule
        policy = before.policy if before is not None else None
        policy = policy if patch.policy is UNSET else str(patch.policy)
        expires_at = before.expires_at if before is not None else None
        if patch.expires_at is not UNSET:
            expires_at = patch.expires_at
            _check_time(expires_at, changes.now())
    if found.element.mode is not Mode.EDIT:
        _check_longer(before, policy, expires_at)
    if policy is None and expires_at is None and schedule is None and (before is None or not before.legal_hold):
        return None
    policy = policy or str(RetentionPolicy.PERMANENT)
    if before is None:
        return Retention(policy=policy, expires_at=expires_at, schedule=schedule)
    decided: dict[str, Any] = {} if schedule == before.schedule else {"extended_until": None, "kept_at": None}
    return msgspec.structs.replace(before, policy=policy, expires_at=expires_at, schedule=schedule, **decided)


def _check_schedule(found: Found, after: Retention | None, overseen: Reach) -> None:
    """Where documents are kept, who only writes gives them a schedule, and takes none away."""
    before = found.attributes.retention
    if found.element.mode is Mode.EDIT or before is None or before.schedule is None:
        return
    if after is not None and after.schedule == before.schedule:
        return
    if not overseen.includes(found.attributes.space):
        raise Conflict("here only who administers the space takes a schedule away", code="schedule_kept")


def _check_time(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is None:
        return
    if expires_at.tzinfo is None:
        raise Invalid("expires_at needs an offset from UTC", code="invalid_body", field="retention.expires_at")
    if not now < expires_at <= now + LONGEST_RETENTION:
        raise Invalid(
            "expires_at is in the future, and a hundred years ahead at most",
            code="retention_out_of_range",
            field="retention.expires_at",
        )


def _check_longer(before: Retention | None, policy: str | None, expires_at: datetime | None) -> None:
    """Where documents are kept, nothing that was promised is taken back."""
    kept_until = before.expires_at if before is not None else None
    shorter = kept_until is not None and (expires_at is None or expires_at < kept_until)
    was_permanent = before is not None and before.policy == RetentionPolicy.PERMANENT
    if shorter or (was_permanent and policy != RetentionPolicy.PERMANENT):
        raise Conflict("here a document's retention is made longer, never shorter", code="retention_shortened")
