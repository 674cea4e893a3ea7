"""What reconciling needs of others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore.elements import StorageElements
from artstore.elements.registry import Rows, Usage
from artstore.finalizations import Finalization
from artstore.index import KnownPlace
from artstore.index.claims import Place
from artstore.objects import Content, StoredObject
from functions.maintenance.ranges import Folders

Elements = Callable[[], StorageElements]
"""Gives the storage elements as they are now."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of an object as a listing shows it; ``is_latest``: the one that a GET gives. ``version_id`` is
    None where the bucket keeps none."""

    key: str
    size: int
    etag: str
    modified: datetime
    is_latest: bool = True
    version_id: str | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some versions, by key, and where the next ones begin: behind the key ``next``, or, with ``next_version``,
    behind that version of it. On the last page ``next`` is None."""

    versions: list[Version]
    next: str | None = None
    next_version: str | None = None


class Listing(Folders, Protocol):
    """What lies in a bucket; see functions.maintenance.reconciling.storage."""

    def page(self, bucket: str, prefix: str, after: str | None, version: str | None) -> Page: ...


class Objects(Protocol):
    """The calls on storage that are made; see artstore.objects."""

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject: ...
    def read(self, bucket: str, key: str, limit: int) -> Content: ...


class Index(Protocol):
    """What is asked of the index; see artstore.index.DocumentIndex."""

    def at(self, bucket: str, key: str) -> KnownPlace | None: ...
    def places(
        self, bucket: str, prefix: str, after: str, until: str, limit: int
    ) -> Sequence[tuple[str, KnownPlace]]: ...


class Records(Protocol):
    """The upload records; see functions.maintenance.sweeps.records."""

    def find(self, file_id: UUID) -> Any: ...
    def expired(
        self, shard: str, before: datetime, after: tuple[str, str] | None, limit: int
    ) -> Sequence[tuple[str, str]]: ...


class Finalizations(Protocol):
    """The finalizations of documents; see artstore.aws.finalization_table."""

    def find(self, file_id: UUID) -> Finalization | None: ...


class Looks(Protocol):
    """Has places looked at by whoever handles events; see artstore.aws.look_queue."""

    def __call__(self, places: Collection[Place]) -> None: ...


class Table(Protocol):
    """What is asked of the registry of elements; see artstore.aws.element_table."""

    def read(self) -> Rows: ...
    def count(self, element_id: str, usage: Usage) -> None: ...
