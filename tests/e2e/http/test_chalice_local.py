"""``chalice local`` serves every route from the working tree, on the data of the running stack."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from infra.local.settings import REPOSITORY
from infra.local.state import StackFile
from tests.e2e.archive import Archive, eventually


@pytest.fixture
def local_archive(archive: Archive, stack: StackFile, tmp_path: Path) -> Iterator[Archive]:
    """The archive as `make serve` shows it."""
    (tmp_path / "stack.json").write_text(json.dumps(dataclasses.asdict(stack)), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.local", "serve", "--port", str(port)],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "ARTSTORE_LOCAL_DIR": str(tmp_path),
            "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'layers/common/python'}",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def alive() -> bool | None:
        try:
            return requests.get(f"http://127.0.0.1:{port}/health/live", timeout=5).ok or None
        except requests.ConnectionError:
            return None

    try:
        eventually(alive)
        yield Archive(f"http://127.0.0.1:{port}", stack.client_id, stack.client_secret)
    finally:
        process.terminate()
        process.wait(10)


def test_what_is_not_there_is_told_as_by_the_gateway(local_archive: Archive) -> None:
    page = {"Origin": "https://app.example"}
    for answer in (
        local_archive.anonymous("GET", "/nowhere/at/all?x=1", headers=page),
        local_archive.request("GET", "/api/v1/nothing", headers=page),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "path_not_found")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    wrong = local_archive.anonymous("DELETE", "/api/v1/files")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert local_archive.anonymous("HEAD", "/health/live").status_code == 200
    preflight = page | {"Access-Control-Request-Method": "POST"}
    assert local_archive.anonymous("OPTIONS", "/api/v1/files", headers=preflight).status_code == 204
    document = local_archive.anonymous("GET", "/openapi.json").json()
    assert document["servers"] == [{"url": local_archive.api_url}]


def test_a_document_goes_through_chalice_local_as_through_the_gateway(
    archive: Archive, local_archive: Archive
) -> None:
    file_id = local_archive.store(b"through one process", "local.txt")
    shown = archive.request("GET", f"/api/v1/files/{file_id}").json()
    assert local_archive.request("GET", f"/api/v1/files/{file_id}").json() == shown
    assert local_archive.request("GET", f"/api/v1/files/{file_id}/download").status_code == 307
    assert local_archive.anonymous("GET", "/health/ready").json()["status"] == "ready"
