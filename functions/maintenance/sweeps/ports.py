"""What sweeps need of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from artstore.audit import AuditEvent
from artstore.aws.ingesting import IngestOutcome
from artstore.elements import StorageElements
from artstore.index.ended import EndedPage, EndedPosition
from artstore.objects import Content, StoredObject
from artstore.tables import UploadRecord

Elements = Callable[[], StorageElements]
"""Gives the storage elements as they are now."""


class Listed(msgspec.Struct, frozen=True):
    """An object as a listing shows it."""

    key: str
    modified: datetime


class Objects(Protocol):
    """The calls on objects that every function makes; see artstore.objects."""

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject: ...
    def read(self, bucket: str, key: str, limit: int) -> Content: ...
    def replace(self, bucket: str, key: str, body: bytes, if_match: str) -> str: ...


class Swept(Protocol):
    """What is done to storage by sweeps alone; see functions.maintenance.sweeps.storage."""

    def remove(self, bucket: str, key: str, if_match: str) -> bool: ...
    def end_multipart(self, bucket: str, key: str, upload_id: str) -> None: ...
    def page(self, bucket: str, prefix: str, after: str | None, limit: int) -> Sequence[Listed]: ...


class Records(Protocol):
    """The upload records, as far as sweeps need them; see functions.maintenance.sweeps.records."""

    def find(self, file_id: UUID) -> UploadRecord | None: ...
    def expired(
        self, shard: str, before: datetime, after: tuple[str, str] | None, limit: int
    ) -> Sequence[tuple[str, str]]: ...
    def mark_expired(self, record: UploadRecord) -> bool: ...
    def await_no_more(self, record: UploadRecord) -> bool: ...


class Index(Protocol):
    """What is asked of the index; see artstore.index.DocumentIndex."""

    def expired(self, until: datetime, limit: int, after: EndedPosition | None) -> EndedPage: ...
    def trashed(self, until: datetime, limit: int, after: EndedPosition | None) -> EndedPage: ...


class Ingesting(Protocol):
    """What has a place looked at now; see artstore.aws.ingesting."""

    def at(self, bucket: str, key: str) -> IngestOutcome: ...


class Outbox(Protocol):
    """Where events wait for the audit log; see artstore.aws.audit_outbox."""

    def leave(self, event: AuditEvent) -> None: ...
