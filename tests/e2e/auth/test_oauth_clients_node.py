"""openid-client and oauth4webapi, from npm, find the server's metadata, log in, introspect and revoke."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from infra.local.settings import REPOSITORY
from tests.e2e.archive import Archive
from tests.e2e.service_accounts import ServiceAccounts

SOURCES = Path(__file__).resolve().parents[1] / "node"
SCRIPT = "conformance.mjs"
OLDEST_NODE = 20
KEYS: dict[str, Callable[[], Any]] = {
    "RS256": lambda: RSAKey.generate_key(2048),
    "ES256": lambda: ECKey.generate_key("P-256"),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
}


def missing() -> str | None:
    """Say what is missing for a run of Node, if anything is."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            return f"NOT TESTED with oauth4webapi and openid-client: there is no {tool} here"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S607
    if int(version.strip().lstrip("v").partition(".")[0]) < OLDEST_NODE:
        return f"NOT TESTED with oauth4webapi and openid-client: they need Node {OLDEST_NODE}, this is {version}"
    return None


@pytest.fixture(scope="module")
def packages() -> Path:
    """The packages of package-lock.json, installed once for each content of it."""
    if reason := missing():
        pytest.skip(reason)
    lock = (SOURCES / "package-lock.json").read_bytes()
    installed = REPOSITORY / ".build" / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not installed.is_dir():
        installed.parent.mkdir(exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=installed.parent, prefix="node-new-"))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCES / name, fresh)
        made = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],  # noqa: S607
            cwd=fresh,
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stdout + made.stderr
        with contextlib.suppress(OSError):  # another run was first
            fresh.rename(installed)
        shutil.rmtree(fresh, ignore_errors=True)
    return installed


class Node:
    """Runs the script, in a directory of its own where it finds the packages."""

    def __init__(self, packages: Path, directory: Path, archive: Archive, issuer: str) -> None:
        self._directory = directory
        self._common = {
            "metadata_url": f"{issuer}/.well-known/oauth-authorization-server",
            "issuer": issuer,
            "api_url": archive.api_url,
            "scope": "files:read",
        }
        shutil.copy(SOURCES / SCRIPT, directory)
        (directory / "node_modules").symlink_to(packages / "node_modules")

    def run(self, **given: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["node", SCRIPT],  # noqa: S607
            cwd=self._directory,
            input=json.dumps(self._common | given),
            env={name: value for name, value in os.environ.items() if not name.startswith("NODE_")},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def node(packages: Path, tmp_path: Path, archive: Archive, issuer: str) -> Node:
    return Node(packages, tmp_path, archive, issuer)


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
    lock = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    wanted = json.loads((SOURCES / "package.json").read_text(encoding="utf-8"))["dependencies"]
    for name, version in wanted.items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert all("resolved" not in package for package in lock["packages"].values())
    assert all("integrity" in package for path, package in lock["packages"].items() if path)
