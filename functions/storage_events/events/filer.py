"""What SeaweedFS's filer tells a webhook (weed/notification/webhook): which entry of its tree changed, and how.

A bucket is a directory below /buckets, an object a file in it. Where a bucket keeps versions, an object is the
directory KEY.versions and each version a file in it, a delete marker too; the directory says which is the latest,
and only when it says so does S3 show it. Parts of uploads lie in .uploads at the bucket's top. Times are left
alone: a deletion has none, and a file keeps whichever it was given.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from functions.storage_events.events.contract import EventKind, StorageEvent, UnknownMessage

_BUCKETS = "/buckets/"
_UPLOADS = ".uploads/"
_VERSIONS = ".versions"
_VERSION = re.compile(r"(?P<key>.+)\.versions/[^/]+", re.DOTALL)
_LATEST = "Seaweed-X-Amz-Latest-Version-Id"
_DELETE_MARKERS = ("Seaweed-X-Amz-Delete-Marker", "Seaweed-X-Amz-Latest-Version-Is-Delete-Marker")
_READ = (_LATEST, *_DELETE_MARKERS)
_CREATED, _REMOVED = "ObjectCreated:Filer", "ObjectRemoved:Filer"


class _Entry(msgspec.Struct, omit_defaults=True):
    name: str = ""
    is_directory: bool = False
    extended: dict[str, Any] | None = None

    @property
    def is_object(self) -> bool:
        """Tell whether it is a file, or the directory that says which version of an object is the latest."""
        return not self.is_directory or (self.name.endswith(_VERSIONS) and self.says(_LATEST))

    @property
    def kind(self) -> EventKind:
        """Tell what its being there means: an object, or its deletion."""
        return EventKind.REMOVED if any(map(self.says, _DELETE_MARKERS)) else EventKind.CREATED

    def says(self, name: str) -> bool:
        """Tell whether it has an attribute of that name."""
        return name in (self.extended or {})


class _Change(msgspec.Struct, omit_defaults=True):
    old_entry: _Entry | None = None
    new_entry: _Entry | None = None
    new_parent_path: str = ""


class _Message(msgspec.Struct):
    key: str
    event_type: str
    message: _Change


def is_filer(message: dict[str, Any]) -> bool:
    """Tell whether the message has the form of a filer's."""
    return "event_type" in message


def read_change(message: dict[str, Any]) -> tuple[StorageEvent, ...]:
    """Read the events in a change: none of what is no object, and two of one that was renamed.

    Raises UnknownMessage.
    """
    change, path = _convert(message)
    old, new = change.old_entry, change.new_entry
    if old is None and new is None:
        raise UnknownMessage("a change of nothing")
    new_path = path if old is None else _new_path(change, path)
    events = []
    if old is not None and old.is_object and (new is None or new_path != path):
        events.append(_event(EventKind.REMOVED, path, old))
    if new is not None and new.is_object:
        events.append(_event(new.kind, new_path, new))
    return tuple(event for event in events if event is not None)


def shorten(message: dict[str, Any]) -> dict[str, Any]:
    """Give the message without what nobody reads: a large file's list of chunks, a small one's very bytes.

    Raises UnknownMessage.
    """
    change, path = _convert(message)
    for entry in (change.old_entry, change.new_entry):
        if entry is not None:
            entry.extended = {name: True for name in _READ if entry.says(name)} or None
    shortened: dict[str, Any] = msgspec.to_builtins(
        {"key": path, "event_type": message["event_type"], "message": change}
    )
    return shortened


def _convert(message: dict[str, Any]) -> tuple[_Change, str]:
    try:
        read = msgspec.convert(message, _Message)
    except msgspec.ValidationError as error:
        raise UnknownMessage(f"not a filer's message: {error}") from error
    return read.message, read.key


def _new_path(change: _Change, path: str) -> str:
    """Give where an entry that was there is now: a deletion and an update say no name of a folder."""
    folder, _, name = path.rpartition("/")
    if change.new_entry is not None:
        folder, name = change.new_parent_path or folder, change.new_entry.name or name
    return f"{folder.rstrip('/')}/{name}"


def _event(kind: EventKind, path: str, entry: _Entry) -> StorageEvent | None:
    """Give the event of an entry; None where it is no object, nor a version of one."""
    bucket, slash, key = path.removeprefix(_BUCKETS).partition("/")
    if not path.startswith(_BUCKETS) or not slash or not key or key.startswith(_UPLOADS):
        return None
    if entry.is_directory:
        key = key.removesuffix(_VERSIONS)
    elif version := _VERSION.fullmatch(key):
        key = version["key"]
    name = _REMOVED if kind is EventKind.REMOVED else _CREATED
    return StorageEvent(kind=kind, name=name, bucket=bucket, key=key, at=None)
