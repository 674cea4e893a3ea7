"""One storage element with S3, DynamoDB and an index behind it, and what clients, tools and events do to it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.aws.successions import Successions
from artstore.elements import Mode, StorageElement, StorageElements
from artstore.errors import Unavailable
from artstore.index import DocumentIndex
from artstore.naming import object_key
from artstore.objects import ObjectStore
from artstore.spaces import EVERYWHERE
from artstore.tables import UploadRecord, bind
from functions.storage_events.events import EventKind, StorageEvent
from functions.storage_events.extraction import Extraction
from functions.storage_events.ingest import Ingest
from functions.storage_events.outcomes import Result
from functions.storage_events.records import UploadRecords
from tests.fakes.memory_index import MemoryIndex
from tests.fakes.memory_prover import MemoryProver
from tests.fakes.pdfs import make_pdf

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
EXTRACTION = Extraction()
PREFIX = "archive/"
PDF = make_pdf("quarterly figures", title="Отчёт за квартал", author="Анна")


class Archive:
    """One storage element with everything behind it, and what a client, a tool or an event does to it."""

    def __init__(self, s3: Any, index: DocumentIndex) -> None:
        self.s3 = s3
        self.index = index
        self.records = UploadRecords("moto")
        self.put_at: dict[str, datetime] = {}
        self.prover = MemoryProver()
        self.ingest = self.build()

    def build(self, **ports: Any) -> Ingest:
        element = StorageElement(element_id="edit-01", bucket="edit", mode=Mode.EDIT, prefix=PREFIX)
        values: dict[str, Any] = {
            "elements": lambda: StorageElements((element,)),
            "objects": ObjectStore(self.s3),
            "records": self.records,
            "index": self.index,
            "successions": Successions("moto"),
            "extraction": EXTRACTION,
            "prover": self.prover,
            "clock": lambda: NOW,
        }
        return Ingest(**values | ports)

    def permit(self, body: bytes, **changes: Any) -> UploadRecord:
        file_id = changes.pop("file_id", None) or uuid4()
        filename = changes.get("original_filename", "report.pdf")
        values: dict[str, Any] = {
            "element_id": "edit-01",
            "bucket": "edit",
            "key": object_key(PREFIX, filename, "anna", NOW, file_id),
            "original_filename": filename,
            "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "content_type": "application/pdf",
            "retention_policy": "permanent",
            "created_at": "2026-03-01T12:00:00.000Z",
            "expires_at": "2026-03-01T13:00:00.000Z",
            "expires_at_epoch": 1774962000,
            "created_by_id": "sa_anna",
            "created_by_username": "anna",
        }
        record: UploadRecord = bind(UploadRecord, "moto")(str(file_id), **values | changes)
        record.save()
        return record

    def put(self, key: str, body: bytes, content_type: str = "application/pdf", **arguments: Any) -> None:
        self.s3.put_object(Bucket="edit", Key=key, Body=body, ContentType=content_type, **arguments)
        self.put_at[key] = datetime.now(UTC)

    def uploaded(self, body: bytes = PDF, **changes: Any) -> UploadRecord:
        record = self.permit(body, **changes)
        self.put(record.key, body, record.content_type, ChecksumAlgorithm="SHA256")
        return record

    def created(self, key: str, bucket: str = "edit") -> Result:
        """Deliver the event of the last PUT, which tells when that was, however late it comes."""
        return self.ingest.handle(event(EventKind.CREATED, key, bucket, self.put_at.get(key)))

    def removed(self, key: str) -> Result:
        return self.ingest.handle(event(EventKind.REMOVED, key))

    def attributes(self, key: str) -> Attributes:
        return attr.parse(self.raw(key))

    def raw(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket="edit", Key=key + ".attr.json")["Body"].read()
        return body

    def delete(self, key: str) -> Result:
        """Delete with a tool, and deliver the event."""
        self.s3.delete_object(Bucket="edit", Key=key)
        return self.removed(key)

    def copy(self, key: str, to: str) -> None:
        """Copy with a tool."""
        self.s3.copy_object(Bucket="edit", Key=to, CopySource={"Bucket": "edit", "Key": key})
        self.put_at[to] = datetime.now(UTC)

    def forget(self) -> None:
        """Lose the index."""
        self.index = MemoryIndex()
        self.ingest = self.build()

    def write_attributes(self, key: str, attributes: Attributes) -> None:
        self.put(key + ".attr.json", attr.dump(attributes), "application/json")

    def keys(self) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket="edit").get("Contents", [])]

    def state(self, record: UploadRecord) -> tuple[str, str | None]:
        found = self.records.find(UUID(record.file_id))
        assert found is not None
        return found.status, found.reason

    def finds(self, query: str) -> bool:
        return self.index.search(query, 10, None, EVERYWHERE).total == 1


def event(kind: EventKind, key: str, bucket: str = "edit", at: datetime | None = None) -> StorageEvent:
    name = {EventKind.CREATED: "ObjectCreated:Put", EventKind.REMOVED: "ObjectRemoved:Delete"}[kind]
    return StorageEvent(kind=kind, name=name, bucket=bucket, key=key, at=at or datetime.now(UTC))


class Failing:
    """Stands before a port and fails at one of its calls."""

    def __init__(self, port: object, call: str) -> None:
        self._port = port
        self._call = call

    def __getattr__(self, name: str) -> Any:
        if name != self._call:
            return getattr(self._port, name)

        def fail(*arguments: object, **named: object) -> object:
            raise Unavailable("not now")

        return fail
