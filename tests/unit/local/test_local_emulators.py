"""Which emulator a stack runs on, where LocalStack is looked for, and what Docker is asked for."""

from __future__ import annotations

import json
import re
import stat
import threading
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.errors import CommandError
from infra.local import emulators, state
from infra.local.emulators import MiniStack, containers, localstack, remnants
from infra.local.emulators.localstack import LocalStack
from infra.local.processes import free_port
from infra.local.settings import Settings
from infra.local.state import Decisions, LocalDirectory

COMPOSE = yaml.safe_load(containers.COMPOSE_FILE.read_text(encoding="utf-8"))
CI = Path(__file__).parents[3] / ".ci" / "localstack"


@pytest.fixture
def directory(tmp_path: Path) -> LocalDirectory:
    return LocalDirectory(tmp_path / "stack")


def decided(directory: LocalDirectory, **decisions: str) -> None:
    state.write_decisions(directory, Decisions(**decisions))


def test_a_stack_runs_on_ministack_unless_told_otherwise(directory: LocalDirectory) -> None:
    assert isinstance(emulators.emulator_of(directory, Settings(directory.root)), MiniStack)
    asked = Settings(directory.root, emulator="localstack")
    assert isinstance(emulators.emulator_of(directory, asked), LocalStack)


def test_a_stack_stays_on_the_emulator_it_was_started_on(directory: LocalDirectory) -> None:
    decided(directory, emulator="localstack")
    assert emulators.choose(directory, Settings(directory.root)) == "localstack"
    with pytest.raises(CommandError, match="runs on localstack, not on ministack"):
        emulators.choose(directory, Settings(directory.root, emulator="ministack"))


def test_a_stack_of_before_there_was_a_choice_is_on_ministack(directory: LocalDirectory) -> None:
    decided(directory, client_id="admin")
    with pytest.raises(CommandError, match="runs on ministack"):
        emulators.choose(directory, Settings(directory.root, emulator="localstack"))


class Imitation:
    """What tells of itself as LocalStack does, and has no stack, until `stacks` is set."""

    def __init__(self) -> None:
        self.information: dict[str, Any] = {"version": "2026.3.0", "is_docker": False}
        imitation = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.path == "/_localstack/info"
                body = json.dumps(imitation.information).encode() if known else b"{}"
                self.send_response(200 if known else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def imitation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Imitation]:
    made = Imitation()
    monkeypatch.setattr(remnants, "has_stack", lambda account, name: False)
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A `docker` that writes down what it is asked, and does it all."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    log = tmp_path / "docker.log"
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {log}\nenv | grep ^ARTSTORE_LOCAL_ | sort >> {log}\n', encoding="utf-8"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    log.touch()
    return log


def test_a_localstack_that_runs_is_found_where_it_is_said_to_be(
    directory: LocalDirectory, imitation: Imitation
) -> None:
    running = LocalStack(directory, Settings(directory.root, endpoint=imitation.url)).start()
    assert running.url == imitation.url
    assert running.said == f"2026.3.0 runs on {imitation.url}"
    assert running.forgot, "it holds no stack, so the index must list none"


def test_a_localstack_is_found_again_without_being_told_where(
    directory: LocalDirectory, imitation: Imitation
) -> None:
    LocalStack(directory, Settings(directory.root, endpoint=imitation.url)).start()
    again = LocalStack(directory, Settings(directory.root))
    assert again.start().url == imitation.url
    assert again.stop() == f"left running on {imitation.url}: it is not this stack's"


def test_a_localstack_that_ended_is_not_said_to_be_left_running(
    directory: LocalDirectory, imitation: Imitation
) -> None:
    emulator = LocalStack(directory, Settings(directory.root, endpoint=imitation.url))
    emulator.start()
    imitation.server.shutdown()
    imitation.server.server_close()
    assert emulator.stop() == f"does not answer on {imitation.url} any more"
    assert not emulator.is_running()
    emulator.forget()
    assert not directory.localstack.exists()


def test_a_stack_does_not_move_while_its_documents_are_elsewhere(
    directory: LocalDirectory, imitation: Imitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = imitation.url.replace("127.0.0.1", "localhost")
    LocalStack(directory, Settings(directory.root, endpoint=imitation.url)).start()
    moving = LocalStack(directory, Settings(directory.root, endpoint=elsewhere))
    monkeypatch.setattr(remnants, "has_stack", lambda account, name: account.endpoint_url == imitation.url)
    with pytest.raises(CommandError, match=f"is on {imitation.url}, not on {elsewhere}"):
        moving.start()
    monkeypatch.setattr(remnants, "has_stack", lambda account, name: False)
    assert moving.start().forgot


def test_no_containers_are_started_in_place_of_a_localstack_that_was_named(
    directory: LocalDirectory, docker: Path
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(CommandError, match=f"No LocalStack answers at {nobody}"):
        LocalStack(directory, Settings(directory.root, endpoint=nobody)).start()
    assert docker.read_text(encoding="utf-8") == ""


def test_without_docker_the_ways_that_are_left_are_told(
    directory: LocalDirectory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="AWS_ENDPOINT_URL=http://HOST:PORT make up STACK=localstack"):
        LocalStack(directory, Settings(directory.root, port=free_port())).start()


def test_functions_in_containers_want_a_database_that_they_reach(
    directory: LocalDirectory, imitation: Imitation
) -> None:
    imitation.information["is_docker"] = True
    settings = Settings(directory.root, endpoint=imitation.url)
    emulator = LocalStack(directory, settings)
    emulator.start()
    with pytest.raises(CommandError, match="ARTSTORE_FUNCTION_DATABASE_URL"):
        emulator.database()
    both = Settings(directory.root, endpoint=imitation.url, function_database_url="postgresql://db/artstore")
    assert LocalStack(directory, both).database() is None


def test_docker_starts_both_and_removes_both(directory: LocalDirectory, docker: Path) -> None:
    port = free_port()
    started = containers.start(directory.root, port, None, None, f"http://127.0.0.1:{port}")
    asked = docker.read_text(encoding="utf-8")
    compose = f"compose --file {containers.COMPOSE_FILE} --project-name {started.project}"
    assert f"{compose} up --detach --wait\n" in asked
    assert f"ARTSTORE_LOCAL_PORT={port}\n" in asked
    assert f"ARTSTORE_LOCAL_DATABASE_PASSWORD={started.database_password}\n" in asked
    assert containers.start(directory.root, port, None, started, "") == started, "the password stays"
    containers.remove(started)
    assert f"{compose} down --volumes --remove-orphans\n" in docker.read_text(encoding="utf-8")


def test_what_docker_says_is_passed_on(directory: LocalDirectory, docker: Path) -> None:
    program = docker.parent / "bin" / "docker"
    program.write_text('#!/bin/sh\n[ "$2" = version ] || { echo no such image >&2; exit 1; }\n', encoding="utf-8")
    with pytest.raises(CommandError, match="docker compose up failed:\nno such image"):
        containers.start(directory.root, 4566, None, None, "")


def test_containers_of_before_are_used_again(
    directory: LocalDirectory, docker: Path, imitation: Imitation
) -> None:
    port = imitation.server.server_port
    known = containers.Containers("artstore-1", port, 5432, "a password")
    state.write_json(directory.localstack, asdict(localstack.Found(imitation.url, known)))
    emulator = LocalStack(directory, Settings(directory.root, port=port))
    assert emulator.start().url == imitation.url
    database = emulator.database()
    assert database is not None
    assert database.url == "postgresql://artstore:a password@127.0.0.1:5432/artstore"
    assert database.url_in_functions == "postgresql://artstore:a password@postgres:5432/artstore"
    assert emulator.stop() == "containers removed, with the data in them"
    assert "down --volumes" in docker.read_text(encoding="utf-8")


def test_the_compose_file_asks_for_what_docker_is_given_and_publishes_on_loopback_alone(
    directory: LocalDirectory, docker: Path
) -> None:
    containers.start(directory.root, 4566, None, None, "")
    given = set(re.findall(r"^(ARTSTORE_\w+)=", docker.read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = set(re.findall(r"\$\{(ARTSTORE_LOCAL_\w+)", containers.COMPOSE_FILE.read_text(encoding="utf-8")))
    assert named == given
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert ":latest" not in service["image"]


def test_what_localstack_may_leave_out_is_the_same_everywhere() -> None:
    settings = COMPOSE["services"]["localstack"]["environment"]
    left_out = set(settings["CFN_IGNORE_UNSUPPORTED_TYPE_CREATE"].split(","))
    assert set(settings["CFN_IGNORE_UNSUPPORTED_TYPE_UPDATE"].split(",")) == left_out
    in_ci = re.search(r"CFN_IGNORE_UNSUPPORTED_TYPE_CREATE=(\S+)", CI.read_text(encoding="utf-8"))
    assert in_ci is not None
    assert set(in_ci[1].split(",")) == left_out
    documented = (Path(__file__).parents[3] / "docs" / "localstack.md").read_text(encoding="utf-8")
    assert all(kind in documented for kind in left_out)
