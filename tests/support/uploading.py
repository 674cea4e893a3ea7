"""The write side in one process: its routes over records and an index in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from artstore.aws.ingesting import IngestOutcome
from artstore.cursors import CursorKeys, Cursors
from artstore.elements import Mode, StorageElement, StorageElements
from artstore.http import create_app
from artstore.presign.signer import UrlSigner
from artstore.security import Principal, Scope
from functions.upload import app as upload
from functions.upload import dependencies
from functions.upload.uploads.completing import Completion
from functions.upload.uploads.duplicates import DuplicateSearch
from functions.upload.uploads.granting import Grants
from functions.upload.uploads.listing import OwnUploads
from functions.upload.uploads.models import Method
from functions.upload.uploads.multipart import MultipartUploads
from functions.upload.uploads.permits import FormPermit, MultipartPermit, Permit, PutPermit
from functions.upload.uploads.renewing import Renewals
from functions.upload.uploads.starting import Uploads
from functions.upload.uploads.uppy import UppySigner
from tests.fakes.memory_index import MemoryIndex
from tests.fakes.memory_multiparts import MemoryMultiparts, MemoryPlaces, MemorySessions
from tests.fakes.upload_records import MemoryRecords
from tests.support.gateway import Answer, call
from tests.support.scheduling import TenYears

CALLER = Principal("sa_1", "robot", frozenset({Scope.FILES_WRITE}))
MULTIPART_SECONDS = 5 * 86_400
ENVIRONMENT = {
    "AWS_REGION": "eu-north-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
}
ELEMENTS = StorageElements(
    (StorageElement("edit-01", "edit-b", Mode.EDIT), StorageElement("rw-01", "rw-b", Mode.RW, prefix="docs/"))
)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime) -> None:
        """Begin at ``now``."""
        self.now = now

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    def pass_(self, **time: float) -> None:
        """Let time pass, as timedelta takes it."""
        self.now += timedelta(**time)


class NoLimits:
    """Every space there could be, without limits."""

    def admit(self, space: str | None, size: int, content_type: str) -> None:
        """See functions.upload.admission."""

    def default_schedule(self, space: str | None) -> None:
        """See functions.upload.admission."""


class UploadWorld:
    """One deployment's write side, and what clients do with it."""

    def __init__(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put it together; the caller is CALLER until ``calls_as`` says otherwise."""
        self.clock = clock
        self.records = MemoryRecords(clock)
        self.index = MemoryIndex()
        self.caller = CALLER
        signer = UrlSigner(lambda: ENVIRONMENT, None, clock)
        self.duplicates = DuplicateSearch(lambda: self.index, lambda: clock().timestamp())
        permits: dict[str, Permit] = {
            Method.PUT: PutPermit(signer),
            Method.FORM: FormPermit(signer),
            Method.MULTIPART: MultipartPermit(MULTIPART_SECONDS, clock),
        }
        grants = Grants(permits=permits, admission=NoLimits(), expiry_seconds=600)
        renewals = Renewals(records=self.records, grants=grants, documents=lambda: self.index, clock=clock)
        uploads = Uploads(
            elements=lambda: ELEMENTS,
            records=self.records,
            grants=grants,
            duplicates=self.duplicates,
            documents=lambda: self.index,
            defaults=NoLimits(),
            schedules=TenYears(),
            clock=clock,
        )
        own = OwnUploads(self.records, Cursors(CursorKeys(lambda _stage: "key of the cursors")), clock)
        self.storage = MemoryMultiparts()
        self.ingested: list[tuple[str, str]] = []
        self.ingest: Callable[[str, str], IngestOutcome] = lambda _bucket, _key: IngestOutcome(outcome="gone")
        self.uploads = uploads
        self.multiparts = multiparts = MultipartUploads(
            sessions=MemorySessions(self.records.kept),
            storage=self.storage,
            signer=signer,
            places=MemoryPlaces(self.records.places),
            expiry_seconds=600,
            clock=clock,
        )
        completion = Completion(multiparts, self._ingest, lambda: self.index)
        uppy = UppySigner(multiparts, signer, permits[Method.PUT], renewals.renew)
        monkeypatch.setenv("ARTSTORE_PREFIX", "unit")
        monkeypatch.setattr(dependencies, "multipart_uploads", lambda: multiparts)
        monkeypatch.setattr(dependencies, "completion", lambda: completion)
        monkeypatch.setattr(dependencies, "uppy_signer", lambda: uppy)
        monkeypatch.setattr(dependencies, "uploads", lambda: uploads)
        monkeypatch.setattr(dependencies, "renewals", lambda: renewals)
        monkeypatch.setattr(dependencies, "own_uploads", lambda: own)
        self.app = create_app("unit-upload", upload.ENDPOINTS, self.principal)

    def principal(self, token: str) -> Principal:
        """Give the caller for ``t``, and for any other token a writer of the spaces that it names, by commas."""
        if token == "t":
            return self.caller
        spaces = dict.fromkeys(token.split(","), CALLER.scopes)
        return Principal(CALLER.client_id, CALLER.username, CALLER.scopes, spaces)

    def post(
        self, path: str, payload: object = None, key: str | None = None, template: str | None = None
    ) -> Answer:
        """Send a POST, under an Idempotency-Key if there is one."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return call(self.app, "POST", path, template or path, payload=payload, headers=headers, token="t")

    def start(self, key: str | None = None, **members: object) -> Answer:
        """Start an upload."""
        return self.post("/api/v1/files", document(**members), key)

    def batch(self, items: object, key: str | None = None) -> Answer:
        """Start a batch."""
        return self.post("/api/v1/files/batch", {"items": items}, key)

    def renew(self, file_id: str, **members: object) -> Answer:
        """Ask for a fresh URL."""
        path = "/api/v1/files/{}/upload/url"
        return self.post(path.format(file_id), members or None, template=path.format("{file_id}"))

    def of(self, method: str, file_id: str, what: str = "", payload: object = None, **query: object) -> Answer:
        """Send a request about an upload."""
        path = "/api/v1/files/{}/upload" + what
        asked = f"?{urlencode(query)}" if query else ""
        return call(
            self.app, method, path.format(file_id) + asked, path.format("{file_id}"), payload=payload, token="t"
        )

    def sign(self, method: str, key: str, **members: object) -> Answer:
        """Ask for what Uppy asks for."""
        return self.post("/api/v1/uploads/sign", {"method": method, "key": key} | members)

    def _ingest(self, bucket: str, key: str) -> IngestOutcome:
        self.ingested.append((bucket, key))
        return self.ingest(bucket, key)

    def list(self, **query: object) -> Answer:
        """List the caller's own uploads."""
        return call(self.app, "GET", f"/api/v1/uploads?{urlencode(query)}", "/api/v1/uploads", token="t")


def document(**members: object) -> dict[str, Any]:
    """Give what announces a document of three bytes, with ``members``."""
    return {
        "filename": "report.pdf",
        "size": 3,
        "sha256": hashlib.sha256(b"foo").hexdigest(),
        "content_type": "application/pdf",
    } | members
