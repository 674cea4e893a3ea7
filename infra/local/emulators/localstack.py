"""LocalStack as the local AWS: one that answers somewhere already, or its official container.

Where one answers is what AWS_ENDPOINT_URL says, or LOCALSTACK_HOST, or the port that LocalStack has by default.
When nothing was said and nothing answers there, Docker starts it, with PostgreSQL beside it. One that was running
before is never stopped; only what the stack made in it is removed by `make clean`.

It keeps nothing: when it ends, the stack in it is gone, and `make up` makes another one with an empty index.
"""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from infra.deploy import Account
from infra.errors import CommandError
from infra.local import state
from infra.local.emulators import Database, Running, containers, remnants
from infra.local.settings import Settings
from infra.local.state import PREFIX, LocalDirectory

REGION = "us-east-1"
# The key and the secret of LocalStack's account 000000000000.
ROOT = "test"
DEFAULT_PORT = 4566


@dataclass(frozen=True)
class Found:
    """The LocalStack that a stack is in, as it is written down.

    `containers` is None when it is not the stack's own.
    """

    url: str
    containers: containers.Containers | None = None


class LocalStack:
    """A LocalStack, seen through what infra.local asks of an emulator."""

    name = "LocalStack"
    may_bring_database = True

    def __init__(self, directory: LocalDirectory, settings: Settings) -> None:
        self._directory = directory
        self._settings = settings

    @property
    def build_target(self) -> str:
        """Its functions run on Linux, under the Python of the AWS builds."""
        return "aws-arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "aws-x86_64"

    def start(self) -> Running:
        """Find it where it is said to be, or else start the containers.

        Raises CommandError when it does not answer where it was said to, when the stack is in another one, or when
        there is no Docker to start it.
        """
        before = self._recorded()
        if self._settings.endpoint is not None:
            self._refuse_to_move(before, self._settings.endpoint)
            found, said = Found(self._settings.endpoint), "runs"
            if _information(found.url) is None:
                raise CommandError(
                    f"No LocalStack answers at {found.url}, which AWS_ENDPOINT_URL or LOCALSTACK_HOST names."
                )
        elif before is not None and before.containers is None and _information(before.url) is not None:
            found, said = before, "runs"
        elif before is None and _information(_default_url(self._settings)) is not None:
            found, said = Found(_default_url(self._settings)), "runs"
        else:
            found, said = self._start_containers(before)
        state.write_json(self._directory.localstack, dataclasses.asdict(found))
        information = _information(found.url) or {}
        account = self._account(found.url)
        return Running(
            found.url,
            f"{information.get('version', 'of unknown version')} {said} on {found.url}",
            forgot=not remnants.has_stack(account, PREFIX),
        )

    def database(self) -> Database | None:
        """The PostgreSQL of the containers; None when LocalStack is not the stack's own.

        Raises CommandError when functions in a container could not reach the database of this machine.
        """
        found = self._recorded()
        if found is None:
            return None
        if found.containers is not None and self._settings.database_url is None:
            return Database(found.containers.database_url, found.containers.database_url_in_network)
        in_container = bool((_information(found.url) or {}).get("is_docker"))
        if in_container and self._settings.function_database_url is None and self._has_database_on_loopback():
            raise CommandError(
                "The functions run in containers, which do not reach a database on this machine's loopback.\n"
                "Give ARTSTORE_DATABASE_URL, and ARTSTORE_FUNCTION_DATABASE_URL: the same as containers see it."
            )
        return None

    def account(self, running: Running) -> Account:
        """LocalStack's default account."""
        return self._account(running.url)

    def parameters(self, running: Running) -> dict[str, str]:
        """Functions may know storage by another address than clients. `make clean` deletes tables."""
        return {
            "RequireTls": str(running.url.startswith("https:")).lower(),
            "S3PublicEndpoint": running.url,
            "DeletionProtection": "false",
        }

    def complete(self, account: Account, outputs: dict[str, str], template: Path) -> None:
        """Nothing: it leaves out no property that the archive's work depends on."""

    def restart_functions(self, account: Account, names: Iterable[str]) -> None:
        """Write a setting of each anew, which ends the environments it runs in."""
        functions = account.client("lambda")
        for name in names:
            said = functions.get_function_configuration(FunctionName=name).get("Description", "")
            functions.update_function_configuration(FunctionName=name, Description=said)
            functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

    def save(self) -> str | None:
        """Nothing: it keeps its state in memory."""
        return None

    def trust(self) -> None:
        """Nothing: there is no crash that it outlives."""

    def forget(self) -> str:
        """Delete the stack and what outlives it; of containers that are the stack's own nothing is left."""
        said = self.stop()
        found = self._recorded()
        if found is not None and found.containers is None and _information(found.url) is not None:
            remnants.delete_all(self._account(found.url), PREFIX)
        self._directory.localstack.unlink(missing_ok=True)
        return said

    def stop(self) -> str:
        """Remove the containers, and with them the stack's data. Another's LocalStack is left alone."""
        found = self._recorded()
        if found is None:
            return "did not run"
        if found.containers is None and _information(found.url) is None:
            return f"does not answer on {found.url} any more"
        if found.containers is None:
            return f"left running on {found.url}: it is not this stack's"
        containers.remove(found.containers)
        return "containers removed, with the data in them"

    def is_running(self) -> bool:
        """Whether it answers and holds the stack."""
        found = self._recorded()
        if found is None or _information(found.url) is None:
            return False
        return remnants.has_stack(self._account(found.url), PREFIX)

    def log(self) -> Path | None:
        """None: the container's log is Docker's, another's is somewhere else."""
        return None

    def _refuse_to_move(self, before: Found | None, endpoint: str) -> None:
        """Raises CommandError while the stack is in another LocalStack: its index describes what is there."""
        if before is None or before.url == endpoint or _information(before.url) is None:
            return
        if remnants.has_stack(self._account(before.url), PREFIX):
            raise CommandError(
                f"The stack in {self._directory.root} is on {before.url}, not on {endpoint}.\n"
                "`make clean` removes it, with its documents; or give ARTSTORE_LOCAL_DIR another directory."
            )

    def _start_containers(self, before: Found | None) -> tuple[Found, str]:
        port = self._settings.port or DEFAULT_PORT
        expected = before.url if before is not None else _default_url(self._settings)
        known = before.containers if before is not None else None
        started = containers.start(self._directory.root, port, self._settings.database_port, known, expected)
        return Found(f"http://127.0.0.1:{port}", started), "in its container runs"

    def _recorded(self) -> Found | None:
        content = state.read_json(self._directory.localstack)
        if content is None or content.keys() != {"url", "containers"}:
            return None
        inside = content["containers"]
        return Found(content["url"], containers.Containers(**inside) if inside else None)

    def _has_database_on_loopback(self) -> bool:
        url = self._settings.database_url
        return url is None or urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}

    def _account(self, url: str) -> Account:
        return Account(REGION, url, ROOT, ROOT)


def _default_url(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.port or DEFAULT_PORT}"


def _information(url: str) -> dict[str, Any] | None:
    """What the LocalStack at `url` tells of itself; None when nothing like it answers there."""
    try:
        answer = requests.get(f"{url}/_localstack/info", timeout=10)
        told = answer.json() if answer.ok else None
    except requests.RequestException:
        return None
    return told if isinstance(told, dict) else None
