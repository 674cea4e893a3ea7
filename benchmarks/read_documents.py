"""show and download: GET /api/v1/files/{file_id} and …/download, warm, beside reading the document's row."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import requests

from artstore.index import statements
from artstore.index.postgres import PostgresIndex
from artstore.spaces import Reach
from benchmarks.calls import recording, summary
from benchmarks.issue_token import token_issuer
from benchmarks.measure import Row, measure
from benchmarks.report import Result, own_share
from benchmarks.stack import Stack, invoke, rest_event

SHOW = "/api/v1/files/{file_id}"
DOWNLOAD = "/api/v1/files/{file_id}/download"
_CONTENT = "Годовой отчёт: the yearly report that a benchmark reads. ".encode() * 40
_SECONDS = 60


def run_show(stack: Stack, rounds: int) -> Result:
    """Measure the whole function, from event to answer, for a document that is stored for the run."""
    return _run(stack, rounds, "show", SHOW)


def run_download(stack: Stack, rounds: int) -> Result:
    """Measure the same for its link, as JSON."""
    return _run(stack, rounds, "download", DOWNLOAD)


def _run(stack: Stack, rounds: int, name: str, path: str) -> Result:
    token = token_issuer(stack)()
    handler = importlib.import_module("functions.query.app").app
    with (
        _document(stack, token) as file_id,
        psycopg.connect(stack.file.database_url, autocommit=True, prepare_threshold=None) as connection,
    ):
        step = _asking(handler, token, path, file_id)
        step()
        with recording() as calls:
            step()
        if calls:
            return Result(name, [], failures=[f"a warm request made these calls: {summary(calls)}; it needs none"])
        reach = Reach(None)
        statement, values = statements.find(reach), statements.within(reach) | {"file_id": file_id}
        steps = {"case": step, "floor": lambda: connection.execute(statement, values).fetchone()}
        samples = measure(steps, rounds, warm_up=20)
    case, floor = samples["case"], samples["floor"]
    return Result(
        name,
        [Row.measured(f"GET {path}, warm", case, floor)],
        remarks=["floor: reading the document's row by a plain connection", own_share(case, floor)],
    )


def _asking(handler: Any, token: str, path: str, file_id: UUID) -> Callable[[], object]:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    event = rest_event("GET", path, headers=headers, body="", parameters={"file_id": str(file_id)})

    def ask() -> object:
        with contextlib.redirect_stdout(io.StringIO()):
            return invoke(handler, event, 200)

    return ask


@contextlib.contextmanager
def _document(stack: Stack, token: str) -> Iterator[UUID]:
    """Store a temporary document by the API, wait until it is found, and delete it from the bucket in the end."""
    announced = {
        "filename": "Годовой отчёт.txt",
        "size": len(_CONTENT),
        "sha256": hashlib.sha256(_CONTENT).hexdigest(),
        "content_type": "text/plain; charset=utf-8",
        "description": "A document that a benchmark reads",
        "tags": ["benchmark", "report"],
        "retention_policy": "temporary",
    }
    headers = {"Authorization": f"Bearer {token}"}
    started = requests.post(f"{stack.file.api_url}/api/v1/files", json=announced, headers=headers, timeout=30)
    target = started.json()["upload"]
    sent = requests.put(target["url"], data=_CONTENT, headers=target["headers"], timeout=30)
    sent.raise_for_status()
    file_id = UUID(started.json()["file_id"])
    index: PostgresIndex = importlib.import_module("functions.query.dependencies").index()
    ends = time.monotonic() + _SECONDS
    while (found := index.find(file_id, Reach(None))) is None:
        if time.monotonic() > ends:
            raise RuntimeError(f"the document was not found within {_SECONDS} s: {json.dumps(started.json())}")
        time.sleep(0.1)
    try:
        yield file_id
    finally:
        storage = stack.client("s3")
        for key in (found.key, f"{found.key}.attr.json"):
            storage.delete_object(Bucket=found.bucket, Key=key)
