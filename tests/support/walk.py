"""What the walk over all operations needs: the applications on real tables and a real index, documents, uploads
and jobs of one space, and two tokens of one client, for that space and for another."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest

from artstore import attributes as attr
from artstore.attributes import Quarantine, Retention
from artstore.aws.job_table import JobTable
from artstore.http import Endpoint, create_app
from artstore.index.postgres import PostgresIndex
from artstore.jobs import new_job
from artstore.security import Principal, Scope
from artstore.tables import SpaceItem, UploadRecord, bind
from infra.openapi import ENDPOINTS_OF
from tests.fakes.documents import make_attributes, make_projection
from tests.support.dynamodb import create_tables
from tests.support.gateway import Answer, call

PREFIX = "walk"
OWN, OTHER = "press", "legal"
"""The space of what is there, and the one of the caller who is not to see it."""
CLIENT = "sa_walker"
BODY = b"the press release"
SHA256 = hashlib.sha256(BODY).hexdigest()
ELEMENTS = [
    {"element_id": "edit-01", "bucket": "edit", "mode": "edit"},
    {"element_id": "rw-01", "bucket": "kept", "mode": "rw"},
]


@dataclass(frozen=True)
class ById:
    """An operation that names one thing: a token of another space is told what it is told of an unknown one.

    ``of`` is document, trashed, quarantined, upload, job or space. The path's parameter is that thing; ``payload``
    and ``query`` may name it, too. ``refused`` is False where the answer is an outcome for each thing and the
    request itself succeeds.
    """

    of: str
    payload: Callable[[str], object] | None = None
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    refused: bool = True


@dataclass(frozen=True)
class Lists:
    """An operation that lists, counts or finds: ``shows`` what it is to show is shown to its own token alone."""

    of: str
    query: str = ""
    payload: object = None
    shows: Callable[[str], str] = str


@dataclass(frozen=True)
class NoDocument:
    """An operation that tells nothing of documents, uploads or jobs, whoever asks; ``because`` of what."""

    because: str


Probe = ById | Lists | NoDocument


class Walker:
    """A deployment with two spaces."""

    def __init__(self, index: PostgresIndex) -> None:
        self.index = index
        self.jobs = JobTable(PREFIX)
        self._apps = {name: create_app(name, each, self._authenticate) for name, each in ENDPOINTS_OF.items()}
        self._things = 0

    @staticmethod
    def _authenticate(token: str) -> Principal:
        scopes = frozenset(map(str, Scope))
        return Principal(CLIENT, "walker", scopes, {token: scopes})

    def make(self, of: str) -> str:
        """Make a thing in the space OWN, and give its id."""
        made = {
            "document": self._document,
            "trashed": lambda: self._document(deleted_at=datetime.now(UTC)),
            "quarantined": lambda: self._document(quarantine=Quarantine(reason="infected", at=datetime.now(UTC))),
            "upload": self._upload,
            "job": self._job,
        }
        return OWN if of == "space" else str(made[of]())

    def unknown(self, of: str) -> str:
        """Give the id of a thing that is not there."""
        return "nowhere" if of == "space" else str(uuid4())

    def ask(self, each: Endpoint, probe: ById | Lists, thing: str, space: str) -> Answer:
        """Send the operation about ``thing`` with a token of ``space``."""
        function = next(name for name, endpoints in ENDPOINTS_OF.items() if each in endpoints)
        path = each.path
        for part in path.split("/"):
            if part.startswith("{"):
                path = path.replace(part, thing)
        payload = probe.payload(thing) if isinstance(probe, ById) and probe.payload else None
        if isinstance(probe, Lists):
            payload = probe.payload
        headers = probe.headers if isinstance(probe, ById) else {}
        url = path + probe.query.replace("ID", thing)
        return call(
            self._apps[function], each.method, url, each.path, headers=headers, payload=payload, token=space
        )

    def _document(self, **changes: Any) -> UUID:
        self._things += 1
        at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=self._things)
        file_id = uuid4()
        described = make_attributes(
            of=BODY,
            file_id=file_id,
            original_filename=f"release {file_id}.txt",
            content_type="text/x-press",
            created_by_id=CLIENT,
            created_at=at,
            updated_at=at,
            space=OWN,
            storage_element_id="edit-01",
            retention=Retention(policy="permanent", schedule="unheard-of"),
            **changes,
        )
        s3: Any = boto3.client("s3")
        key = described.storage_path + described.storage_filename
        s3.put_object(Bucket="edit", Key=key, Body=BODY, ContentType=described.content_type)
        etag = s3.put_object(Bucket="edit", Key=key + ".attr.json", Body=attr.dump(described))["ETag"]
        values = {name: getattr(described, name) for name in described.__struct_fields__}
        self.index.project(make_projection(key=key, etag=etag, **values))
        return file_id

    def _upload(self) -> UUID:
        file_id = uuid4()
        until = datetime.now(UTC) + timedelta(hours=1)
        bind(UploadRecord, PREFIX)(
            str(file_id),
            space=OWN,
            element_id="edit-01",
            bucket="edit",
            key=f"2026/{file_id}.txt",
            original_filename=f"release {file_id}.txt",
            size=len(BODY),
            sha256=SHA256,
            content_type="text/plain",
            retention_policy="temporary",
            created_at=datetime.now(UTC).isoformat(),
            expires_at=until.isoformat(),
            created_by_id=CLIENT,
            created_by_username="walker",
        ).save()
        return file_id

    def _job(self) -> UUID:
        job_id = uuid4()
        job = new_job(
            job_id,
            "finalize",
            {},
            datetime.now(UTC),
            about=f"file/{job_id}",
            space=OWN,
            created_by_id=CLIENT,
            state="pending",
        )
        assert self.jobs.create(job)
        return job_id


_DEPENDENCIES = [
    f"functions.{name}.dependencies" for name in ("auth", "upload", "upload.retention", "query", "maintenance")
]


def _forget() -> None:
    """Have every function built anew: what it is made of is kept for the life of a process."""
    for name in _DEPENDENCIES:
        for each in vars(importlib.import_module(name)).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()


@contextmanager
def walking(index: PostgresIndex, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walker]:
    """Set a deployment up on moto and the index, and take it away again."""
    create_tables(PREFIX)
    for bucket in ("edit", "kept"):
        boto3.client("s3").create_bucket(Bucket=bucket)
    queue = boto3.client("sqs").create_queue(QueueName=f"{PREFIX}-jobs")["QueueUrl"]
    boto3.client("secretsmanager").create_secret(Name=f"{PREFIX}/cursor-key", SecretString="k" * 43)
    for name, value in {
        "PREFIX": PREFIX,
        "ISSUER": "https://archive.example/v1",
        "SIGNING_KEY_SECRET_ID": f"{PREFIX}/signing-key",
        "CURSOR_KEY_SECRET_ID": f"{PREFIX}/cursor-key",
        "DATABASE_URL": database_url,
        "STORAGE_ELEMENTS": json.dumps(ELEMENTS),
        "JOBS_QUEUE_URL": queue,
        "EVENTS_QUEUE_URL": queue,
        "DEAD_LETTERS_URL": queue,
        "EVENTS_MAPPING_ID": str(UUID(int=0)),
        "INGEST_FUNCTION": f"{PREFIX}-storage-events",
        "GUARD_FUNCTION": f"{PREFIX}-guard",
    }.items():
        monkeypatch.setenv(f"ARTSTORE_{name}", value)
    for name in (OWN, OTHER):
        bind(SpaceItem, PREFIX)(name).save()
    _forget()
    try:
        yield Walker(index)
    finally:
        _forget()
