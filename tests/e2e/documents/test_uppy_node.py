"""Uppy, from npm, uploads what it is given: at once, in parts, and after its page was lost in the middle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e import node_packages
from tests.e2e.archive import TIMEOUT_SECONDS, Archive

MIB = 1024**2
SCRIPT = "uppy.mjs"


class Page:
    """A page with Uppy on it."""

    def __init__(self, packages: Path, directory: Path, archive: Archive, size: int) -> None:
        self._packages = packages
        self._directory = directory
        self._archive = archive
        self.body = os.urandom(size)
        (directory / "body").write_bytes(self.body)

    def upload(self, method: str, **given: Any) -> dict[str, Any]:
        common = {
            "api_url": self._archive.api_url,
            "token": self._archive.session("files:write").token["access_token"],
            "path": str(self._directory / "body"),
            "name": "Снимок.bin",
            "type": "application/x-picture",
            "method": method,
        }
        ran = node_packages.run(self._packages, self._directory, SCRIPT, common | given)
        assert ran.returncode == 0, ran.stderr
        happened: dict[str, Any] = json.loads(ran.stdout)
        assert happened.get("failed", []) == []
        return happened

    def check(self, file_id: str) -> None:
        """The document is there, whole, and under its name."""
        shown = self._archive.request("GET", f"/api/v1/files/{file_id}").json()
        assert (shown["status"], shown["original_filename"]) == ("STORED", "Снимок.bin")
        assert (shown["file_size"], shown["content_type"]) == (len(self.body), "application/x-picture")
        assert shown["checksum_verified"] is True
        link = self._archive.request(
            "GET", f"/api/v1/files/{file_id}/download", headers={"Accept": "application/json"}
        ).json()["url"]
        assert requests.get(link, timeout=TIMEOUT_SECONDS).content == self.body


@pytest.mark.parametrize("method", ["put", "form"])
def test_uppy_sends_a_small_document_in_one_request(
    node_modules: Path, tmp_path: Path, archive: Archive, method: str
) -> None:
    page = Page(node_modules, tmp_path, archive, 70_000)
    happened = page.upload(method)
    assert happened["requests"] == ["PUT" if method == "put" else "POST"]
    page.check(happened["file_id"])


def test_uppy_sends_a_larger_one_in_parts(node_modules: Path, tmp_path: Path, archive: Archive) -> None:
    page = Page(node_modules, tmp_path, archive, 17 * MIB)
    happened = page.upload("multipart")
    assert happened["requests"] == [
        "POST uploads",
        *["PUT uploadId partNumber"] * 3,
        "POST uploadId",
    ]
    page.check(happened["file_id"])


def test_uppy_goes_on_where_its_page_was_lost(node_modules: Path, tmp_path: Path, archive: Archive) -> None:
    page = Page(node_modules, tmp_path, archive, 17 * MIB)
    lost = page.upload("multipart", stop_after=2)
    assert archive.upload_state(lost["file_id"])["status"] == "PENDING"
    happened = page.upload("multipart", resume=lost)
    assert happened["requests"] == ["GET uploadId", "PUT uploadId partNumber", "POST uploadId"]
    assert happened["file_id"] == lost["file_id"]
    page.check(happened["file_id"])


def test_what_uppy_cancels_is_given_up_in_storage(node_modules: Path, tmp_path: Path, archive: Archive) -> None:
    page = Page(node_modules, tmp_path, archive, 17 * MIB)
    happened = page.upload("multipart", cancel=1)
    assert happened["requests"][-1] == "DELETE uploadId"
    state = archive.upload_state(happened["file_id"])
    assert state["multipart"]["parts"] == []
