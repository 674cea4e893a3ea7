"""LocalStack and PostgreSQL in containers, by Docker and infra/local/emulators/compose.yaml."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.errors import CommandError
from infra.local import processes

COMPOSE_FILE = Path(__file__).with_name("compose.yaml")
TIMEOUT_SECONDS = 600
"""For pulling the images as well."""


@dataclass(frozen=True)
class Containers:
    """The containers of one stack. Ports are of the loopback interface."""

    project: str
    port: int
    database_port: int
    database_password: str

    @property
    def database_url(self) -> str:
        """PostgreSQL, from this machine."""
        return f"postgresql://artstore:{self.database_password}@127.0.0.1:{self.database_port}/artstore"

    @property
    def database_url_in_network(self) -> str:
        """PostgreSQL, from a function's container."""
        return f"postgresql://artstore:{self.database_password}@postgres:5432/artstore"


def start(
    directory: Path, port: int, database_port: int | None, known: Containers | None, expected: str
) -> Containers:
    """Start the containers of the stack in `directory`, and wait until both are healthy.

    Those `known` from an earlier start are started as they were. Raises CommandError without Docker, naming the
    URL where LocalStack was `expected`, and with Docker's own words when it fails.
    """
    if not _has_compose():
        raise CommandError(
            f"No LocalStack answers at {expected}, and there is no `docker compose` to start one with.\n"
            "Start one yourself and say where: AWS_ENDPOINT_URL=http://HOST:PORT make up STACK=localstack.\n"
            "`make up` without STACK needs neither: it runs on MiniStack."
        )
    wanted = known or Containers(
        project=f"artstore-{hashlib.sha256(str(directory).encode()).hexdigest()[:8]}",
        port=port,
        database_port=database_port or processes.free_port(),
        database_password=secrets.token_urlsafe(24),
    )
    _compose(wanted, "up", "--detach", "--wait")
    return wanted


def remove(containers: Containers) -> None:
    """Stop and remove the containers, their data and the functions' containers in their network."""
    _compose(containers, "down", "--volumes", "--remove-orphans")


def _has_compose() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    return subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0


def _compose(containers: Containers, *arguments: str) -> None:
    docker = shutil.which("docker")
    if docker is None:
        raise CommandError("The containers of this stack are Docker's, and there is no `docker` on the path.")
    try:
        done = subprocess.run(
            [docker, "compose", "--file", COMPOSE_FILE, "--project-name", containers.project, *arguments],
            env={
                **os.environ,
                "ARTSTORE_LOCAL_PORT": str(containers.port),
                "ARTSTORE_LOCAL_DATABASE_PORT": str(containers.database_port),
                "ARTSTORE_LOCAL_DATABASE_PASSWORD": containers.database_password,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"docker compose {arguments[0]}: {error}") from error
    if done.returncode != 0:
        raise CommandError(f"docker compose {arguments[0]} failed:\n{done.stderr.strip()[-2000:]}")
