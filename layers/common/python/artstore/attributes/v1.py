"""How the attr.json of the first ArtStore before schema 2.0 is read, and written for who reads nothing else.

v1 has no schema_version and the same fields as 2.0 but ``custom_attributes``. Its documentation shows an
older dialect besides: size_bytes, mime_type, md5_hash, sha256_hash, uploaded_by, uploaded_at, retention_days,
expires_at, ``version`` as a number, schema_version "1.0", and free fields at the top level.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from artstore.errors import Conflict

FIELDS = (
    "file_id",
    "original_filename",
    "storage_filename",
    "file_size",
    "content_type",
    "created_at",
    "updated_at",
    "created_by_id",
    "created_by_username",
    "created_by_fullname",
    "description",
    "version",
    "storage_path",
    "checksum",
    "metadata",
)
"""The fields of v1, in the order in which they are written."""
_NAMES = {
    "size_bytes": "file_size",
    "mime_type": "content_type",
    "sha256_hash": "checksum",
    "uploaded_at": "created_at",
    "uploaded_by": "created_by_username",
}
_HANDLED = {"schema_version", "metadata", "custom_attributes", "md5_hash", "expires_at", "tags"}


def from_v1(document: Mapping[str, Any], schema_version: str) -> dict[str, Any]:
    """Map v1 and its older dialect onto the names of schema 2.0; values are validated afterwards.

    What the dialect kept as free fields (template, department, retention_days, ...) goes to
    ``custom_attributes``, where schema 2.0 keeps such things, also where a field of schema 2.0 has come to be
    called the same (``retention``, ``folder``, ``space``, ...): v1 cannot have meant that. ``md5_hash`` goes to
    ``metadata``; ``expires_at`` makes the document temporary. Nothing is dropped: a name that is taken already
    gets a ``_`` behind it.
    """
    mapped: dict[str, Any] = {"schema_version": schema_version}
    free: dict[str, Any] = {}
    for name, value in document.items():
        target = _NAMES.get(name, name)
        shadowed = target != name and target in document
        if name in _HANDLED:
            continue
        if target in FIELDS and not shadowed:
            mapped[target] = value
        else:
            free[name] = value
    tags = document.get("tags")
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        mapped["tags"] = tags
    elif tags is not None:
        free["tags"] = tags
    expires_at = document.get("expires_at")
    if _is_time(expires_at):
        mapped["retention"] = {"policy": "temporary", "expires_at": expires_at}
    elif expires_at is not None:
        free["expires_at"] = expires_at
    if isinstance(mapped.get("version"), int | float):
        mapped["version"] = str(mapped["version"])
    metadata = _object(document, "metadata", free)
    custom_attributes = _object(document, "custom_attributes", free)
    if "md5_hash" in document:
        _add(metadata, "md5_hash", document["md5_hash"])
    for name, value in free.items():
        _add(custom_attributes, name, value)
    mapped["metadata"] = metadata
    mapped["custom_attributes"] = custom_attributes
    _complete(mapped)
    return mapped


def to_v1(document: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Give a document of schema 2.0 as v1 has it, and the names of the fields that say something and are dropped.

    Times get their offset as ``+00:00``: what reads v1 may be older than ``Z`` is.

    Raises Conflict (``not_v1_compatible``) for what no reader of v1 takes: v1 wants ``file_size`` above 0, and a
    checksum.
    """
    for name, reason in (("file_size", "it is empty"), ("checksum", "its checksum is not known yet")):
        if not document.get(name):
            raise Conflict(f"schema 1.0 cannot tell of this document: {reason}", code="not_v1_compatible")
    kept = {name: document.get(name) for name in FIELDS}
    for name in ("created_at", "updated_at"):
        kept[name] = datetime.fromisoformat(str(document[name])).isoformat()
    silent: dict[str, Any] = {
        "schema_version": document.get("schema_version"),
        "custom_attributes": {},
        "revision": 0,
    }
    others = [name for name in document if name not in FIELDS]
    return kept, tuple(name for name in others if name not in silent or document[name] != silent[name])


def _complete(mapped: dict[str, Any]) -> None:
    """Say what the dialect leaves out, or says nothing of."""
    for name, value in (
        ("created_by_username", ""),
        ("created_by_id", mapped.get("created_by_username") or ""),
        ("content_type", "application/octet-stream"),
        ("storage_filename", mapped.get("original_filename") or "-"),
        ("storage_path", ""),
    ):
        if mapped.get(name) is None:
            mapped[name] = value


def _object(document: Mapping[str, Any], name: str, free: dict[str, Any]) -> dict[str, Any]:
    """Give the object of that name; what is none is a free field."""
    value = document.get(name)
    if isinstance(value, dict):
        return dict(value)
    if value is not None:
        free[name] = value
    return {}


def _add(target: dict[str, Any], name: str, value: object) -> None:
    while name in target:
        name += "_"
    target[name] = value


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value) is not None
    except ValueError:
        return False
