"""A client of the archive that knows its HTTP API and nothing of its code."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any, TypeVar

import requests
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

T = TypeVar("T")
TIMEOUT_SECONDS = 30


class Archive:
    """The archive at ``api_url``, for one service account."""

    def __init__(self, api_url: str, client_id: str, client_secret: str) -> None:
        self.api_url = api_url.rstrip("/")
        self.client_id = client_id
        self.client_secret = client_secret
        self._session = self.session()

    def session(self, *scopes: str) -> OAuth2Session:
        """Log in as requests-oauthlib does; without scopes, all of the role's."""
        client = BackendApplicationClient(client_id=self.client_id, scope=list(scopes) or None)
        session = OAuth2Session(client=client)
        session.fetch_token(
            f"{self.api_url}/api/v1/auth/token", auth=(self.client_id, self.client_secret), timeout=TIMEOUT_SECONDS
        )
        return session

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send an authorized request; redirects are not followed."""
        arguments.setdefault("timeout", TIMEOUT_SECONDS)
        arguments.setdefault("allow_redirects", False)
        answer: requests.Response = self._session.request(method, self.api_url + path, **arguments)
        return answer

    def anonymous(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request without a token."""
        return requests.request(method, self.api_url + path, timeout=TIMEOUT_SECONDS, **arguments)

    def start(self, content: bytes, filename: str = "note.txt", **fields: Any) -> dict[str, Any]:
        """Announce a document."""
        announced = {
            "filename": filename,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "content_type": "text/plain",
            "retention_policy": "temporary",
        }
        answer = self.request("POST", "/api/v1/files", json=announced | fields)
        assert answer.status_code == 201, answer.text
        started: dict[str, Any] = answer.json()
        return started

    def store(self, content: bytes, filename: str = "note.txt", **fields: Any) -> str:
        """Store a document and wait until it can be read; give its file_id."""
        started = self.start(content, filename, **fields)
        sent = put(started["upload"], content)
        assert sent.status_code == 200, sent.text
        self.wait_for(started["file_id"])
        return str(started["file_id"])

    def wait_for(self, file_id: str) -> dict[str, Any]:
        """Wait until the document can be read; LocalStack may take a minute to tell of an object."""

        def find() -> dict[str, Any] | None:
            answer = self.request("GET", f"/api/v1/files/{file_id}")
            return answer.json() if answer.status_code == 200 else None

        return eventually(find, 120)

    def upload_state(self, file_id: str) -> dict[str, Any]:
        """Tell where an upload stands."""
        answer = self.request("GET", f"/api/v1/files/{file_id}/upload")
        assert answer.status_code == 200, answer.text
        state: dict[str, Any] = answer.json()
        return state

    def search(self, query: str) -> list[str]:
        """Give the ids of the documents that match."""
        answer = self.request("GET", "/api/v1/files", params={"query": query})
        assert answer.status_code == 200, answer.text
        return [item["file_id"] for item in answer.json()["items"]]


def put(target: dict[str, Any], content: bytes, **headers: str) -> requests.Response:
    """Send bytes where an upload target says, with its headers; ``headers`` override."""
    return requests.put(target["url"], data=content, headers=target["headers"] | headers, timeout=TIMEOUT_SECONDS)


def eventually(look: Callable[[], T | None], seconds: float = 30) -> T:
    """Wait until ``look`` gives something, and give that; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing within {seconds} s")
