"""Service accounts that the tests make for themselves, over HTTP, and delete when they are done."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.e2e.archive import Archive

_PATH = "/api/v1/service-accounts"


@dataclass(frozen=True)
class TestClient:
    """A client of the authorization server."""

    __test__ = False

    client_id: str
    client_secret: str = field(repr=False)
    """Empty for a client that has keys instead."""


class ServiceAccounts:
    """The service accounts of an archive, for its administrator."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._made: list[str] = []

    def create(self, role: str = "USER", **fields: Any) -> TestClient:
        """Create an account whose rate limit no test reaches, unless ``fields`` says otherwise."""
        asked = {"name": f"test {uuid.uuid4().hex[:8]}", "role": role, "rate_limit_per_minute": 100_000}
        answer = self._archive.request("POST", _PATH, json=asked | fields)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        self._made.append(made["client_id"])
        return TestClient(made["client_id"], made["client_secret"] or "")

    def adopt(self, client_id: str) -> None:
        """Delete that account, too, when the tests are done."""
        self._made.append(client_id)

    def change(self, client: TestClient, **fields: Any) -> requests.Response:
        """Change an account, whatever its revision."""
        return self._archive.request(
            "PATCH", f"{_PATH}/{client.client_id}", json=fields, headers={"If-Match": "*"}
        )

    def delete(self, client: TestClient) -> requests.Response:
        """Delete an account, whatever its revision."""
        return self._archive.request("DELETE", f"{_PATH}/{client.client_id}", headers={"If-Match": "*"})

    def clear(self) -> None:
        """Delete every account that was made here."""
        while self._made:
            self.delete(TestClient(self._made.pop(), ""))
