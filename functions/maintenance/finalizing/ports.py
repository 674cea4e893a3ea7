"""What finalization needs of others, and what its steps tell each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore.aws.ingesting import IngestOutcome
from artstore.elements import StorageElements
from artstore.finalizations import Finalization, Waiting
from artstore.index.claims import Place
from artstore.objects import Content, StoredObject


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The request of a job. ``retain_until`` is aware; None: as long as the element keeps what it has."""

    file_id: UUID
    source: Place
    target: Place
    element_id: str
    retain_until: datetime | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a finalization is; sizes in bytes.

    ``etag`` is the source's, of the bytes that are copied. ``verifying`` is the saved state of the hash of the
    copy, whose digest (hex) is ``sha256`` once it is done. ``adopted``: the copy was found, made perhaps by a try
    that was stopped. ``overwriting``: what was found will not do.
    """

    size: int = 0
    etag: str = ""
    upload_id: str | None = None
    part_size: int = 0
    parts: int = 0
    parts_copied: int = 0
    copy_etag: str | None = None
    copy_version_id: str | None = None
    adopted: bool = False
    overwriting: bool = False
    verifying: dict[str, Any] | None = None
    sha256: str | None = None


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """A copy that was made: its ETag, and its version where the bucket keeps them."""

    etag: str
    version_id: str | None


class Part(msgspec.Struct, frozen=True):
    """A part of a copy in parts; ``size`` in bytes."""

    number: int
    size: int
    etag: str


class Lock(msgspec.Struct, frozen=True):
    """How a bucket locks versions: the mode of its retention, and the days it keeps a new one; 0: no rule."""

    mode: str
    days: int = 0


class Refused(Exception):
    """The document cannot be finalized as things are; ``code`` is part of the API."""

    def __init__(self, code: str, detail: str) -> None:
        """Take the code, and the sentence for people."""
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Objects(Protocol):
    """The calls on objects that every function makes; see artstore.objects."""

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject: ...
    def read(
        self, bucket: str, key: str, limit: int, *, if_match: str | None = None, version_id: str | None = None
    ) -> Content: ...
    def stream(
        self,
        bucket: str,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        if_match: str | None = None,
        version_id: str | None = None,
    ) -> AbstractContextManager[Any]: ...
    def create(self, bucket: str, key: str, body: bytes) -> str | None: ...
    def replace(self, bucket: str, key: str, body: bytes, if_match: str) -> str: ...


class Copies(Protocol):
    """What is done to objects for a finalization alone; see functions.maintenance.finalizing.storage."""

    def copy(self, source: Place, if_match: str, target: Place, *, only_new: bool) -> Copied | None: ...
    def begin(self, source: Place, if_match: str, target: Place) -> str: ...
    def copy_part(
        self, source: Place, if_match: str, target: Place, upload_id: str, number: int, first: int, last: int
    ) -> None: ...
    def parts(self, target: Place, upload_id: str) -> Sequence[Part]: ...
    def finish(self, target: Place, upload_id: str, parts: Sequence[Part], *, only_new: bool) -> Copied | None: ...
    def give_up(self, target: Place, upload_id: str) -> None: ...
    def lock_of(self, bucket: str) -> Lock | None: ...
    def retain(self, place: Place, version_id: str | None, mode: str, until: datetime) -> None: ...
    def hold(self, place: Place, version_id: str | None) -> None: ...
    def is_held(self, place: Place) -> bool: ...
    def remove(self, place: Place, if_match: str) -> None: ...


class Finalizations(Protocol):
    """The item of each document; see artstore.aws.finalization_table."""

    def find(self, file_id: UUID) -> Finalization | None: ...
    def settle(self, ended: Finalization, alongside: Callable[[Any], None] = lambda _: None) -> bool: ...
    def waiting(self, what: Waiting, until: datetime, limit: int) -> list[UUID]: ...
    def postpone(self, finalization: Finalization, at: datetime) -> bool: ...
    def release(self, finalization: Finalization) -> bool: ...


class Ingesting(Protocol):
    """What has a place looked at now; see artstore.aws.ingesting."""

    def at(self, bucket: str, key: str) -> IngestOutcome: ...


Elements = Callable[[], StorageElements]
"""Gives the storage elements as they are now."""
