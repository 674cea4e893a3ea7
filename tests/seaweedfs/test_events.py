"""What SeaweedFS's filer tells the webhook is enough for documents to come, change and go."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from artstore.spaces import EVERYWHERE
from functions.storage_events import dependencies as events
from functions.storage_events.events import parse_message
from functions.storage_events.webhook import app as webhook
from functions.storage_events.webhook import dependencies
from functions.storage_events.webhook.forwarding import Forwarding
from functions.storage_events.webhook.tokens import WebhookTokens
from functions.upload import dependencies as upload
from tests.seaweedfs.archive import EDIT, KEPT, Archive
from tests.support import seaweedfs
from tests.support.gateway import call

TOKEN = "told-to-the-filer"
PATH = "/api/v1/events/seaweedfs"
WITHIN_SECONDS = 20


class Hook:
    """The webhook at an address of its own; its queue can be waited for."""

    def __init__(self) -> None:
        self.waiting: queue.Queue[str] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = call(webhook.app, "POST", PATH, headers=dict(self.headers), body=body.decode())
                self.send_response(answer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{PATH}"

    def take(self, body: str, source: str) -> str:
        assert source == "seaweedfs"
        self.waiting.put(body)
        return "message"

    def until(self, seen: Callable[[], bool]) -> None:
        """Handle what is told until a test sees what it waits for."""
        while not seen():
            for event in parse_message(self.waiting.get(timeout=WITHIN_SECONDS)):
                events.ingest().handle(event)


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.server.shutdown()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory, hook: Hook) -> Iterator[str]:
    """A SeaweedFS that tells the webhook."""
    directory: Path = tmp_path_factory.mktemp("telling")
    with seaweedfs.running(directory, hook.url, TOKEN) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def s3(endpoint: str) -> Any:
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=seaweedfs.KEY_ID,
        aws_secret_access_key=seaweedfs.KEY,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket=EDIT)
    client.create_bucket(Bucket=KEPT, ObjectLockEnabledForBucket=True)
    return client


@pytest.fixture
def telling(archive: Archive, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> Hook:
    """The webhook, before the archive."""
    monkeypatch.setattr(dependencies, "forwarding", lambda: Forwarding(hook.take))
    monkeypatch.setattr(dependencies, "tokens", lambda: WebhookTokens({"AWSCURRENT": TOKEN}.get))
    return hook


def found(word: str) -> list[str]:
    page = upload.index().search(word, 10, None, EVERYWHERE)
    return [item.attributes.original_filename for item in page.items]


def test_an_upload_is_a_document_by_the_filers_word_alone(archive: Archive, telling: Hook) -> None:
    word = f"told{uuid4().hex[:8]}"
    body = f"an upload of {word}".encode()
    started = archive.start(body)
    assert archive.send(started["upload"], body).status_code == 200
    telling.until(lambda: found(word) == ["report.txt"])


@pytest.mark.parametrize(("bucket", "folder"), [(EDIT, "inbox/"), (KEPT, "docs/inbox/")])
def test_what_another_tool_puts_and_deletes_comes_and_goes(
    s3: Any, telling: Hook, bucket: str, folder: str
) -> None:
    word = f"tool{uuid4().hex[:8]}"
    key = f"{folder}Отчёт + {word}.txt"
    s3.put_object(Bucket=bucket, Key=key, Body=word.encode(), ContentType="text/plain")
    telling.until(lambda: found(word) == [f"Отчёт + {word}.txt"])
    s3.delete_object(Bucket=bucket, Key=f"{key}.attr.json")
    telling.until(lambda: found(word) == [])


def test_what_is_written_over_a_document_is_what_is_found(s3: Any, telling: Hook) -> None:
    before, after = f"before{uuid4().hex[:8]}", f"after{uuid4().hex[:8]}"
    where = {"Bucket": EDIT, "Key": f"inbox/{uuid4().hex}.txt", "ContentType": "text/plain"}
    s3.put_object(**where, Body=before.encode())
    telling.until(lambda: len(found(before)) == 1)
    s3.put_object(**where, Body=after.encode())
    telling.until(lambda: (len(found(before)), len(found(after))) == (0, 1))
