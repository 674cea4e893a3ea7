"""What a client, the events and the worker do to an archive on SeaweedFS."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import requests

from artstore.http import create_app
from artstore.index import IndexedDocument
from artstore.security import Principal, Scope
from artstore.spaces import EVERYWHERE
from functions.maintenance import dependencies as maintenance
from functions.maintenance.jobs.engine import Engine, Ran
from functions.maintenance.runners import RUNNERS
from functions.storage_events import dependencies as events
from functions.storage_events.events import EventKind, StorageEvent
from functions.storage_events.outcomes import Result
from functions.upload import app as upload
from functions.upload import dependencies
from functions.upload.documents import app as documents
from tests.support.gateway import Answer, call

EDIT, KEPT, PREFIX = "weed-edit", "weed-kept", "weed"
SCOPES = frozenset({Scope.FILES_READ, Scope.FILES_WRITE, Scope.FILES_DELETE})
FILE = "/api/v1/files/{file_id}"


class Archive:
    """The write side, called as API Gateway calls it."""

    def __init__(self, s3: Any) -> None:
        """Take a client of the storage."""
        self.s3 = s3
        caller = Principal("sa_anna", "anna", SCOPES)
        self._app = create_app("seaweedfs", (*upload.ENDPOINTS, *documents.ENDPOINTS), lambda _token: caller)

    def call(self, method: str, url: str, resource: str | None = None, payload: object = None) -> Answer:
        """Send a request."""
        return call(self._app, method, url, resource, payload=payload, token="t")

    def start(self, body: bytes, **changes: Any) -> dict[str, Any]:
        """Announce a temporary document."""
        announced = {
            "filename": "report.txt",
            "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "content_type": "text/plain",
            "retention_policy": "temporary",
        }
        answer = self.call("POST", "/api/v1/files", payload=announced | changes)
        assert answer.status == 201, answer.text
        started: dict[str, Any] = answer.json
        return started

    def send(self, target: dict[str, Any], body: bytes) -> requests.Response:
        """Send bytes where they were permitted."""
        return requests.put(target["url"], data=body, headers=target["headers"], timeout=30)

    def store(self, body: bytes, **changes: Any) -> UUID:
        """Store a document by one PUT, and deliver its event."""
        started = self.start(body, **changes)
        assert self.send(started["upload"], body).status_code == 200
        file_id = UUID(started["file_id"])
        self.arrived(file_id)
        return file_id

    def arrived(self, file_id: UUID) -> Result:
        """Deliver the event of the bytes of an upload."""
        record = dependencies.upload_records().find(file_id)
        assert record is not None
        return self.deliver(record.bucket, record.key)

    def deliver(self, bucket: str, key: str, kind: EventKind = EventKind.CREATED) -> Result:
        """Deliver an event: SeaweedFS sends none of S3's."""
        name = {EventKind.CREATED: "ObjectCreated:Put", EventKind.REMOVED: "ObjectRemoved:Delete"}[kind]
        event = StorageEvent(kind=kind, name=name, bucket=bucket, key=key, at=datetime.now(UTC))
        return events.ingest().handle(event)

    def find(self, file_id: UUID) -> IndexedDocument | None:
        """Give what the index shows."""
        return dependencies.index().find(file_id, EVERYWHERE)

    def finalize(self, file_id: UUID) -> dict[str, Any]:
        """Ask for a finalization, do it, and give how it ended."""
        begun = self.call("POST", f"/api/v1/files/{file_id}/finalize", FILE + "/finalize")
        assert begun.status == 202, begun.text
        transaction_id = begun.json["transaction_id"]
        engine = Engine(
            jobs=maintenance.jobs(), wake=maintenance.wake(), runner_of=lambda kind: RUNNERS[kind](), failed=_tell
        )
        assert engine.run(UUID(transaction_id), lambda: 120) in (Ran.COMPLETED, Ran.FAILED)
        path = f"/api/v1/finalizations/{transaction_id}"
        shown = self.call("GET", path, "/api/v1/finalizations/{transaction_id}")
        ended: dict[str, Any] = shown.json
        return ended


def _tell(_job: object, error: BaseException) -> None:
    raise error
