"""Carries one real document through the running stack, over HTTP alone, and shows each step with its timing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import requests

from infra.console import Console
from infra.errors import CommandError
from infra.local import emulators
from infra.local.commands.down import down
from infra.local.commands.up import up
from infra.local.sample_pdf import make_pdf
from infra.local.settings import Settings
from infra.local.state import LocalDirectory, StackFile

FILENAME = "harbour_inventory_1907.pdf"
WORD_IN_TEXT, WORD_IN_NAME = "lighthouse", "harbour"
TEXT = (
    "The inventory of the harbour office, first page.",
    "One brass lamp from the old lighthouse, its lens cracked on the north side.",
    "Two ledgers of arrivals, bound in calf, complete for the years 1871 to 1906.",
    "Eleven charts of the outer roads, with the pilot's own corrections in ink.",
)
PATIENCE_SECONDS = 30.0


class DemoFailed(CommandError):
    """A step did not lead where it should."""


def demo(settings: Settings, console: Console) -> None:
    """Bring the stack up, show the document's way, and stop the stack again unless it was running before, or
    somebody has asked for it since.

    Raises CommandError at the first step that fails.
    """
    directory = LocalDirectory(settings.directory)
    was_running = emulators.emulator_of(directory, settings).is_running()
    asked_before = _asked_at(directory)
    try:
        console.say(f"The stack, in {settings.directory}")
        stack = up(settings, console, to_stay=False)
        console.say("One document, end to end")
        _Walk(stack, console).go()
    finally:
        if not was_running:
            console.say("The stack stops")
            down(settings, console, unless=lambda: _asked_at(directory) != asked_before)
    console.say(f"Everything held, in {console.total():.1f} s")


def _asked_at(directory: LocalDirectory) -> int | None:
    """When somebody last asked for the stack to run on, in nanoseconds of the epoch."""
    try:
        return directory.asked_for.stat().st_mtime_ns
    except FileNotFoundError:
        return None


@dataclasses.dataclass
class _Walk:
    """The document's way through the stack. It holds what a client of the API would."""

    stack: StackFile
    console: Console
    http: requests.Session = dataclasses.field(default_factory=requests.Session)

    def go(self) -> None:
        """Take every step in turn."""
        document = make_pdf("Inventory of the harbour office", "The harbour master", TEXT)
        self._get_token()
        file_id, upload = self._start_upload(document)
        stored_at = self._put(upload, document)
        self._await_document(file_id, stored_at)
        self._show_attributes(file_id)
        self._find(file_id, WORD_IN_TEXT, "in the PDF's text", stored_at)
        self._find(file_id, WORD_IN_NAME, "in the file's name", stored_at)
        self._download(file_id, document)

    def _get_token(self) -> None:
        with self.console.step("token") as outcome:
            answer = self._call(
                "POST",
                "/api/v1/auth/token",
                200,
                data={"grant_type": "client_credentials"},
                auth=(self.stack.client_id, self.stack.client_secret),
            ).json()
            self.http.headers["Authorization"] = f"Bearer {answer['access_token']}"
            scopes = len(answer["scope"].split())
            outcome.append(f"{answer['token_type']}, for {answer['expires_in']} s and {scopes} scopes")

    def _start_upload(self, document: bytes) -> tuple[str, dict[str, Any]]:
        with self.console.step("upload") as outcome:
            answer = self._call(
                "POST",
                "/api/v1/files",
                201,
                json={
                    "filename": FILENAME,
                    "size": len(document),
                    "sha256": hashlib.sha256(document).hexdigest(),
                    "content_type": "application/pdf",
                    "description": "A page of an inventory, made for the demonstration",
                    "tags": ["demo"],
                    "retention_policy": "temporary",
                },
            ).json()
            outcome.append(f"{answer['file_id']} is {answer['status']}")
        return answer["file_id"], answer["upload"]

    def _put(self, upload: dict[str, Any], document: bytes) -> float:
        """Send the bytes straight to storage. Returns when that was done, by the monotonic clock."""
        with self.console.step("PUT") as outcome:
            # Not through the session: the bearer token is no business of the storage.
            answer = requests.request(
                upload["method"], upload["url"], data=document, headers=upload["headers"], timeout=60
            )
            if not answer.ok:
                raise DemoFailed(f"PUT to storage: HTTP {answer.status_code} {answer.text[:1000]}")
            outcome.append(f"{len(document)} bytes to {upload['url'].split('?')[0].rsplit('/', 1)[-1][-40:]}")
        return time.monotonic()

    def _await_document(self, file_id: str, stored_at: float) -> None:
        with self.console.step("event") as outcome:
            path = f"/api/v1/files/{file_id}"
            self._poll(lambda: self._get(path).status_code == 200, f"{path} does not appear")
            seconds = time.monotonic() - stored_at
            state = self._call("GET", f"{path}/upload", 200).json()["status"]
            if state != "STORED":
                raise DemoFailed(f"The document is there, but its upload is {state}")
            outcome.append(f"{state}, readable {seconds:.2f} s after the PUT")

    def _show_attributes(self, file_id: str) -> None:
        """Read attr.json as it lies in the bucket, past the API, with the account's own key."""
        stack = self.stack
        with self.console.step("attr.json") as outcome:
            s3 = emulators.account_of(stack).client("s3")
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=stack.edit_bucket)
            keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
            key = next((key for key in keys if file_id in key and key.endswith(".attr.json")), None)
            if key is None:
                raise DemoFailed(f"No attr.json of {file_id} in {stack.edit_bucket}")
            attributes = json.loads(s3.get_object(Bucket=stack.edit_bucket, Key=key)["Body"].read())
            outcome.append(f"s3://{stack.edit_bucket}/{key.rsplit('/', 1)[0]}/…")
        for line in json.dumps(attributes, indent=2, ensure_ascii=False).splitlines():
            self.console.say(f"      {line}")

    def _find(self, file_id: str, word: str, where: str, stored_at: float) -> None:
        with self.console.step("search") as outcome:

            def hits() -> list[str]:
                answer = self._call("GET", "/api/v1/files", 200, params={"query": word}).json()
                return [item["file_id"] for item in answer["items"]]

            self._poll(lambda: file_id in hits(), f"A search for {word!r} does not find the document")
            seconds = time.monotonic() - stored_at
            outcome.append(f"{word!r}, {where}: found, {seconds:.2f} s after the PUT")

    def _download(self, file_id: str, document: bytes) -> None:
        with self.console.step("download") as outcome:
            link = self._call("GET", f"/api/v1/files/{file_id}/download", 307, allow_redirects=False)
            answer = requests.get(link.headers["Location"], timeout=60)
            if answer.content != document:
                raise DemoFailed(f"HTTP {answer.status_code}: the bytes that came back are others")
            outcome.append(f"{len(answer.content)} bytes, each the same as was sent")

    def _get(self, path: str) -> requests.Response:
        return self.http.get(f"{self.stack.api_url}{path}", timeout=60)

    def _call(self, method: str, path: str, expected: int, **options: Any) -> requests.Response:
        """Call the API. Raises DemoFailed with the answer when the status is another than expected."""
        answer = self.http.request(method, f"{self.stack.api_url}{path}", timeout=60, **options)
        if answer.status_code != expected:
            raise DemoFailed(f"{method} {path}: HTTP {answer.status_code} {answer.text[:1000]}")
        return answer

    def _poll(self, condition: Callable[[], bool], complaint: str) -> None:
        """Wait for a condition that an event brings about. Raises DemoFailed when it does not come."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise DemoFailed(f"{complaint}, not in {PATIENCE_SECONDS:.0f} s; see `make logs`")
            time.sleep(0.05)
