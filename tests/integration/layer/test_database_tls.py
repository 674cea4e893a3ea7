"""TLS to the database, with the PostgreSQL library that is shipped and certificates where a function finds them.

What runs is unpacked from the zips and imported by a bare interpreter, so that the library, its OpenSSL and the
layer's files are the deployed ones.
"""

from __future__ import annotations

import os
import platform
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.build import TARGETS, build
from infra.build.targets import find_compiler
from infra.deploy import certificates
from infra.local import postgres, processes
from tests.support.certificates import Authority

HOST = "database.artstore.example"
_CONNECT = "import sys, psycopg; print(psycopg.connect(sys.stdin.read(), connect_timeout=10).pgconn.ssl_in_use)"


@dataclass(frozen=True)
class Server:
    """A server with TLS, whose certificate is for HOST and was issued by ``authority``."""

    url: str
    authority: Authority


@dataclass(frozen=True)
class Shipped:
    """The unpacked zips of one target, and an interpreter of its version."""

    python: str
    layer: Path
    function: Path

    def connect(self, url: str) -> subprocess.CompletedProcess[str]:
        """Connect as a function would; prints whether TLS is used."""
        return self.run(_CONNECT, url)

    def run(self, code: str, given: str) -> subprocess.CompletedProcess[str]:
        """Run code that sees the standard library and the zips alone."""
        return subprocess.run(
            [self.python, "-S", "-c", code],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            env={
                "PYTHONPATH": f"{self.function}{os.pathsep}{self.layer / 'python'}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )


def _set(url: str, **settings: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(
                sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
            )
        connection.execute("SELECT pg_reload_conf()")

    def applied() -> bool:
        with psycopg.connect(url) as connection:
            found = {
                name: connection.execute("SELECT current_setting(%s)", [name]).fetchone() for name in settings
            }
        return all(value == (settings[name],) for name, value in found.items())

    assert processes.wait_until(applied, 10)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    authority = Authority("The database's authority")
    with postgres.temporary() as url:
        with psycopg.connect(url) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        data = Path(row[0])
        owner = data.stat()
        for name, content in zip(("server.crt", "server.key"), authority.issue(HOST), strict=True):
            path = data / name
            path.write_bytes(content)
            path.chmod(0o600)
            os.chown(path, owner.st_uid, owner.st_gid)
        _set(url, ssl="on")
        yield Server(make_conninfo(url, host=HOST, hostaddr="127.0.0.1"), authority)


@pytest.fixture(scope="module", params=["local", "aws-x86_64"])
def shipped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server: Server) -> Shipped:
    target = TARGETS[request.param]
    python = find_compiler(target)
    if python is None or (target.name != "local" and platform.machine() != target.architecture):
        pytest.skip(f"this machine does not run {target.name}")
    root = tmp_path_factory.mktemp(target.name)
    (root / "ca.pem").write_bytes(server.authority.pem)
    made = build(target.name, root, report=lambda _: None, layer_files={certificates.LAYER_FILE: root / "ca.pem"})
    for name in ("layer", "query"):
        with zipfile.ZipFile(made.artifacts[name].path) as archive:
            archive.extractall(root / name)
    return Shipped(python.executable, root / "layer", root / "query")


def _url(server: Server, root: Path | str, **more: str) -> str:
    return make_conninfo(server.url, sslmode="verify-full", sslrootcert=str(root), **more)


def _authorities(shipped: Shipped) -> Path:
    """What a function finds at /opt/database-ca.pem."""
    return shipped.layer / Path(certificates.MOUNTED).relative_to("/opt")


def test_a_server_that_the_shipped_authorities_signed_is_connected_to_with_tls(
    shipped: Shipped, server: Server
) -> None:
    done = shipped.connect(_url(server, _authorities(shipped)))
    assert (done.stdout.strip(), done.stderr) == ("True", "")


def test_what_connects_comes_out_of_the_zip(shipped: Shipped, server: Server) -> None:
    code = "import psycopg.pq, psycopg_binary.pq; print(psycopg.pq.__impl__, psycopg_binary.pq.__file__)"
    done = shipped.run(code, "")
    implementation, _, path = done.stdout.strip().partition(" ")
    assert implementation == "binary"
    assert Path(path).is_relative_to(shipped.function)


def test_a_server_that_another_authority_signed_is_refused(
    shipped: Shipped, server: Server, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(Authority("Somebody else").pem)
    done = shipped.connect(_url(server, other))
    assert "certificate verify failed" in done.stderr


def test_a_server_that_goes_by_another_name_is_refused(shipped: Shipped, server: Server) -> None:
    done = shipped.connect(_url(server, _authorities(shipped), host="another.artstore.example"))
    assert "does not match host name" in done.stderr


@pytest.mark.parametrize("root", ["system", "public"])
def test_neither_the_systems_authorities_nor_the_public_ones_know_a_private_server(
    shipped: Shipped, server: Server, root: str
) -> None:
    public = shipped.layer / Path(certificates.PUBLIC_MOUNTED).relative_to("/opt")
    assert public.is_file()
    done = shipped.connect(_url(server, "system" if root == "system" else public))
    assert "certificate verify failed" in done.stderr


def test_a_server_without_tls_is_refused(shipped: Shipped, server: Server) -> None:
    direct = make_conninfo(server.url, sslmode="prefer")
    _set(direct, ssl="off")
    try:
        done = shipped.connect(_url(server, _authorities(shipped)))
        assert "server does not support SSL" in done.stderr
        assert shipped.connect(make_conninfo(direct)).stdout.strip() == "False"
    finally:
        _set(direct, ssl="on")


def test_a_tunnel_keeps_the_name_that_is_verified(
    shipped: Shipped, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How a machine outside the network migrates: the tunnel's address in PGHOSTADDR, the name in the URL."""
    url = _url(server, _authorities(shipped)).replace("hostaddr=127.0.0.1", "")
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    with psycopg.connect(url, connect_timeout=10) as connection:
        assert connection.pgconn.ssl_in_use
