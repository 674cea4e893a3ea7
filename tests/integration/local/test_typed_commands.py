"""What a person types in a checkout works as typed, or says in a line why it does not."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local import state
from infra.local.settings import REPOSITORY
from infra.local.state import LocalDirectory, StackFile
from infra.pip import PipFailed, pip

VENV_PYTHON = str(REPOSITORY / ".venv" / "bin" / "python")
BARE_PYTHON = str(Path(sys.base_prefix) / "bin" / "python3")
"""The interpreter below the virtual environment: it has none of our packages."""

NO_STACK = "  ! No stack runs here: `make up` starts one.\n"


def typed(*command: str | Path, cwd: Path = REPOSITORY, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a fresh terminal would: with no import path, no setting of ours, and nothing of a `make`
    that runs these tests, which hands on its ARGS.
    """
    ours = ("ARTSTORE_", "PYTHON", "MAKE", "ARGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        command, cwd=cwd, env=kept | environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def listener() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stack_at(port: int, directory: Path) -> Path:
    """Write the stack.json of a stack whose emulator is at a port."""
    texts: dict[str, Any] = {
        item.name: item.name for item in dataclasses.fields(StackFile) if item.name != "functions"
    }
    texts["aws_endpoint"] = f"http://127.0.0.1:{port}"
    state.write_stack(LocalDirectory(directory), StackFile(**texts))
    return directory


@pytest.mark.parametrize("python", [VENV_PYTHON, BARE_PYTHON])
def test_a_tool_finds_its_packages_under_any_python(python: str, tmp_path: Path) -> None:
    done = typed(python, "-m", "infra.audit", "verify", tmp_path)
    assert f"there are no exports in {tmp_path}" in done.stderr
    assert typed(python, "-m", "infra.roles", "--check").returncode == 0


def test_a_tool_in_a_checkout_that_was_never_set_up_says_so(tmp_path: Path) -> None:
    (tmp_path / "infra").mkdir()
    for name in ("__init__.py", "roles.py"):
        shutil.copy(REPOSITORY / "infra" / name, tmp_path / "infra")
    done = typed(BARE_PYTHON, "-m", "infra.roles", "--check", cwd=tmp_path)
    assert done.returncode == 1
    assert (
        done.stderr
        == "ArtStore's tools are not installed in this checkout yet: `make demo` or `make lint` does it.\n"
    )


@pytest.mark.parametrize("command", ["serve", "env", "logs"])
def test_a_command_that_needs_a_stack_says_in_a_line_that_there_is_none(command: str, tmp_path: Path) -> None:
    done = typed(VENV_PYTHON, "-m", "infra.local", command, ARTSTORE_LOCAL_DIR=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", NO_STACK)


@pytest.mark.parametrize("command", ["serve", "env", "logs"])
def test_a_command_that_needs_a_stack_says_in_a_line_that_it_is_stopped(
    command: str, tmp_path: Path, unused_port: int
) -> None:
    directory = stack_at(unused_port, tmp_path)
    done = typed(VENV_PYTHON, "-m", "infra.local", command, ARTSTORE_LOCAL_DIR=str(directory))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"  ! The stack of {directory} does not run: `make up` starts it.\n"


def test_a_benchmark_says_in_a_line_that_the_stack_is_stopped(tmp_path: Path, unused_port: int) -> None:
    directory = stack_at(unused_port, tmp_path)
    done = typed("make", "bench", "NAME=token", ARTSTORE_LOCAL_DIR=str(directory))
    assert done.returncode != 0
    assert done.stderr.splitlines()[0].endswith(f"The stack of {directory} does not run: `make up` starts it.")


@pytest.mark.parametrize(
    ("command", "line"),
    [("status", "  No stack in {}: `make up` starts one.\n"), ("down", "  nothing runs\n")],
)
def test_a_command_that_needs_no_stack_says_in_a_line_that_there_is_none(
    command: str, line: str, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    done = typed(VENV_PYTHON, "-m", "infra.local", command, ARTSTORE_LOCAL_DIR=str(nowhere))
    assert (done.returncode, done.stdout, done.stderr) == (0, line.format(nowhere), "")


def test_serve_says_in_a_line_that_its_port_is_taken(tmp_path: Path, listener: int) -> None:
    directory = stack_at(listener, tmp_path)
    command = [VENV_PYTHON, "-m", "infra.local", "serve", "--port", str(listener)]
    done = typed(*command, ARTSTORE_LOCAL_DIR=str(directory))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"  ! Port {listener} of 127.0.0.1 cannot be had (Address already in use): "
        "`make serve PORT=…` takes another.\n"
    )


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_serve_takes_only_a_port(port: str, tmp_path: Path) -> None:
    done = typed(VENV_PYTHON, "-m", "infra.local", "serve", "--port", port, ARTSTORE_LOCAL_DIR=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.endswith(f"argument --port: '{port}' is no TCP port\n")


def test_a_directory_that_cannot_be_made_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = typed(VENV_PYTHON, "-m", "infra.local", "up", ARTSTORE_LOCAL_DIR=str(tmp_path / "file"))
    assert done.returncode == 1
    assert done.stderr == f"  ! [Errno 17] File exists: '{tmp_path / 'file'}'\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What make needs of a checkout, with a requirement that no index has."""
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "requirements-dev.txt").write_text("artstore-needs-what-is-not-there==1\n", encoding="ascii")
    return tmp_path


def test_make_says_which_python_it_wants(checkout: Path) -> None:
    done = typed("make", "demo", "PYTHONS=python2 /bin/false", cwd=checkout)
    assert done.returncode != 0
    assert done.stderr.startswith("ArtStore needs Python 3.11 or newer; none of these is: python2 /bin/false.\n")
    assert not (checkout / ".venv").exists()


def test_make_without_a_network_says_so(checkout: Path, unused_port: int) -> None:
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="ascii")
    python.chmod(0o755)
    done = typed(
        "make",
        "demo",
        cwd=checkout,
        PIP_CONFIG_FILE=os.devnull,
        PIP_INDEX_URL=f"http://127.0.0.1:{unused_port}/simple",
        PIP_RETRIES="0",
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[:2] == [
        "pip could not install the tools: "
        "ERROR: No matching distribution found for artstore-needs-what-is-not-there==1",
        "Does this machine reach PyPI? HTTPS_PROXY or PIP_INDEX_URL may name another way.",
    ]
    assert not (checkout / ".venv" / "ready").exists()


def test_a_tool_without_a_network_says_so_in_two_lines(unused_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{unused_port}/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(PipFailed) as failed:
        pip(sys.executable, ["download", "--no-deps", "artstore-needs-what-is-not-there==1"])
    assert str(failed.value).splitlines() == [
        "pip download failed: No matching distribution found for artstore-needs-what-is-not-there==1",
        "    Does this machine reach PyPI? HTTPS_PROXY or PIP_INDEX_URL may name another way.",
    ]
