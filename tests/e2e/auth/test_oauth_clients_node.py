"""openid-client and oauth4webapi, from npm, find the server's metadata, log in, introspect and revoke."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.e2e import node_packages
from tests.e2e.archive import Archive
from tests.e2e.service_accounts import ServiceAccounts

SCRIPT = "conformance.mjs"
KEYS: dict[str, Callable[[], Any]] = {
    "RS256": lambda: RSAKey.generate_key(2048),
    "ES256": lambda: ECKey.generate_key("P-256"),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
}


class Node:
    """Runs the script against one archive."""

    def __init__(self, packages: Path, directory: Path, archive: Archive, issuer: str) -> None:
        self._packages = packages
        self._directory = directory
        self._common = {
            "metadata_url": f"{issuer}/.well-known/oauth-authorization-server",
            "issuer": issuer,
            "api_url": archive.api_url,
            "scope": "files:read",
        }

    def run(self, **given: Any) -> subprocess.CompletedProcess[str]:
        return node_packages.run(self._packages, self._directory, SCRIPT, self._common | given)


@pytest.fixture
def node(node_modules: Path, tmp_path: Path, archive: Archive, issuer: str) -> Node:
    return Node(node_modules, tmp_path, archive, issuer)


def check(ran: subprocess.CompletedProcess[str], client_id: str) -> None:
    assert ran.returncode == 0, ran.stderr
    happened = json.loads(ran.stdout)
    assert len(set(happened["endpoints"])) == 1, "both libraries read the same metadata"
    assert (happened["token_type"], happened["scope"]) == ("bearer", "files:read")
    assert 0 < happened["expires_in"] <= 86_400
    assert happened["resource_status"] == 200
    assert happened["introspected"]["active"]
    assert happened["introspected"]["client_id"] == client_id
    assert happened["after"] == {"active": False}
    assert happened["refusal"] == {"error": "invalid_scope", "status": 400}


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_node_clients_log_in_with_a_secret(node: Node, accounts: ServiceAccounts, method: str) -> None:
    client = accounts.create("READONLY")
    ran = node.run(method=method, client_id=client.client_id, client_secret=client.client_secret)
    check(ran, client.client_id)


@pytest.mark.parametrize("algorithm", KEYS)
def test_node_clients_log_in_with_a_key(node: Node, accounts: ServiceAccounts, algorithm: str) -> None:
    key = KEYS[algorithm]()
    kid = f"key-{uuid.uuid4()}"
    client = accounts.create("READONLY", jwks={"keys": [key.as_dict(private=False) | {"kid": kid}]})
    private = key.as_dict(private=True) | {"kid": kid}
    check(
        node.run(method="private_key_jwt", client_id=client.client_id, private_key_jwk=private), client.client_id
    )


def test_node_clients_are_challenged_when_a_secret_is_wrong(node: Node, accounts: ServiceAccounts) -> None:
    client = accounts.create("READONLY")
    ran = node.run(method="client_secret_basic", client_id=client.client_id, client_secret="wrong")
    assert ran.returncode != 0
    assert "OAUTH_WWW_AUTHENTICATE_CHALLENGE" in ran.stderr


def test_the_lock_file_names_exact_versions_and_no_registry() -> None:
    lock = json.loads((node_packages.SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    wanted = json.loads((node_packages.SOURCES / "package.json").read_text(encoding="utf-8"))["dependencies"]
    for name, version in wanted.items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert all("resolved" not in package for package in lock["packages"].values())
    assert all("integrity" in package for path, package in lock["packages"].items() if path)
