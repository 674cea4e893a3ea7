"""A client that openapi-python-client makes of the archive's own OpenAPI document works as it is."""

from __future__ import annotations

import datetime
import hashlib
import importlib
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from openapi_spec_validator import validate

from infra.local.state import StackFile
from tests.e2e.archive import Archive, put

PACKAGE = "generated_archive_client"


class Client:
    """The generated package, its modules by name."""

    def __getattr__(self, name: str) -> ModuleType:
        return importlib.import_module(f"{PACKAGE}.{name}")

    @staticmethod
    def operation(path: str) -> ModuleType:
        return importlib.import_module(f"{PACKAGE}.api.{path}")


@pytest.fixture(scope="module")
def client(stack: StackFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    directory = tmp_path_factory.mktemp("client")
    generate = [sys.executable, "-c", "from openapi_python_client.cli import app; app()", "generate"]
    done = subprocess.run(
        [
            *generate,
            *("--url", f"{stack.api_url}/openapi.json"),
            *("--output-path", str(directory / PACKAGE), "--meta", "none", "--fail-on-warning"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(Path(sys.executable).parent), "HOME": str(directory)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(directory))
    yield Client()
    sys.path.remove(str(directory))


def test_the_document_is_valid_and_says_where_the_api_answers(archive: Archive, stack: StackFile) -> None:
    document = archive.anonymous("GET", "/openapi.json").json()
    validate(document)
    assert document["servers"] == [{"url": stack.api_url}]
    [flow] = document["components"]["securitySchemes"]["oauth2"]["flows"].values()
    assert flow["tokenUrl"] == f"{stack.api_url}/api/v1/auth/token"


def test_a_generated_client_uploads_and_lists(client: Client, stack: StackFile) -> None:
    models, made = client.models, client.client
    anonymous = made.Client(base_url=stack.api_url)
    form = models.TokenForm(
        models.TokenFormGrantType.CLIENT_CREDENTIALS, client_id=stack.client_id, client_secret=stack.client_secret
    )
    token = client.operation("tokens.issue_token").sync(client=anonymous, body=form)
    authorized = made.AuthenticatedClient(base_url=stack.api_url, token=token.access_token)

    content, name = uuid.uuid4().bytes, f"generated_{uuid.uuid4().hex}.bin"
    request = models.UploadRequest(
        filename=name,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        retention_policy=models.RetentionPolicy.TEMPORARY,
    )
    started: Any = client.operation("uploads.start_upload").sync(client=authorized, body=request)
    assert started.status == "PENDING"
    assert started.upload.expires_at > datetime.datetime.now(datetime.UTC)
    target = {"url": started.upload.url, "headers": started.upload.headers.to_dict()}
    assert put(target, content).status_code == 200
    Archive(stack.api_url, stack.client_id, stack.client_secret).wait_for(str(started.file_id))

    shown = client.operation("documents.show_document").sync(started.file_id, client=authorized)
    assert (shown.original_filename, shown.description, shown.status) == (name, None, "STORED")
    listed = client.operation("documents.list_documents").sync(client=authorized, query=name)
    assert [each.file_id for each in listed.items] == [started.file_id]

    missing = client.operation("documents.show_document").sync_detailed(uuid.uuid4(), client=authorized)
    assert (missing.status_code, missing.parsed.code) == (404, "document_not_found")
