"""How the attr.json of the first ArtStore before schema 2.0 is read.

v1 has no schema_version and the same fields as 2.0 but ``custom_attributes``. Its documentation shows an
older dialect besides: size_bytes, mime_type, md5_hash, sha256_hash, uploaded_by, uploaded_at, retention_days,
expires_at, ``version`` as a number, schema_version "1.0", and free fields at the top level.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

_NAMES = {
    "size_bytes": "file_size",
    "mime_type": "content_type",
    "sha256_hash": "checksum",
    "uploaded_at": "created_at",
    "uploaded_by": "created_by_username",
}
_HANDLED = {"schema_version", "metadata", "custom_attributes", "md5_hash", "expires_at", "tags"}


def from_v1(document: Mapping[str, Any], fields: Set[str], schema_version: str) -> dict[str, Any]:
    """Map v1 and its older dialect onto the names of schema 2.0; values are validated afterwards.

    What the dialect kept as free fields (template, department, retention_days, ...) goes to
    ``custom_attributes``, where schema 2.0 keeps such things; ``md5_hash`` goes to ``metadata``;
    ``expires_at`` makes the document temporary. Nothing is dropped.
    """
    mapped: dict[str, Any] = {"schema_version": schema_version}
    free: dict[str, Any] = {}
    for name, value in document.items():
        target = _NAMES.get(name, name)
        shadowed = target != name and target in document
        if name in _HANDLED:
            continue
        if target in fields and not shadowed:
            mapped[target] = value
        else:
            free[name] = value
    metadata = _object(document.get("metadata"))
    if "md5_hash" in document:
        metadata["md5_hash"] = document["md5_hash"]
    tags = document.get("tags")
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        mapped["tags"] = tags
    elif tags is not None:
        free["tags"] = tags
    if document.get("expires_at") is not None:
        mapped["retention"] = {"policy": "temporary", "expires_at": document["expires_at"]}
    if isinstance(mapped.get("version"), int | float):
        mapped["version"] = str(mapped["version"])
    mapped["metadata"] = metadata
    mapped["custom_attributes"] = {**free, **_object(document.get("custom_attributes"))}
    mapped.setdefault("created_by_username", "")
    mapped.setdefault("created_by_id", mapped["created_by_username"])
    mapped.setdefault("storage_filename", mapped.get("original_filename"))
    mapped.setdefault("storage_path", "")
    return mapped


def _object(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
