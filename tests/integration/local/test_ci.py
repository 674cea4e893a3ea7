"""What the continuous integration cannot run it does not pass over in silence."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from infra.local.settings import REPOSITORY

LOUD = "THE LOCALSTACK PART DID NOT RUN"


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REPOSITORY / ".ci" / "localstack"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def path_of(directory: Path, programs: dict[str, str]) -> str:
    """Make a PATH with these programs (name -> real file) and what the script itself needs."""
    directory.mkdir()
    for name, real in ({"bash": "/bin/bash", "dirname": "/usr/bin/dirname"} | programs).items():
        (directory / name).symlink_to(real)
    return str(directory)


def test_without_the_program_that_runs_localstack_it_says_so(tmp_path: Path) -> None:
    done = run(LOCALSTACK_RUNNER=str(tmp_path / "nowhere.sh"))
    assert done.returncode == 0
    assert LOUD in done.stderr
    assert f"missing: the program that runs it, {tmp_path}/nowhere.sh" in done.stderr


@pytest.mark.parametrize("tool", ["npm", "java", "javac"])
def test_without_a_tool_it_names_the_tool(tmp_path: Path, tool: str) -> None:
    runner = tmp_path / "localstack.sh"
    runner.touch()
    present = {name: "/bin/true" for name in ("python3.13", "npm", "java", "javac", "jar", "curl") if name != tool}
    done = run(LOCALSTACK_RUNNER=str(runner), PATH=path_of(tmp_path / "bin", present))
    assert (done.returncode, LOUD in done.stderr) == (0, True), done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("missing")] == [f"missing: {tool}"]


def test_without_python_3_13_it_says_so(tmp_path: Path) -> None:
    runner = tmp_path / "localstack.sh"
    runner.touch()
    path = path_of(tmp_path / "bin", {"python3.13": "/bin/false"})
    done = run(LOCALSTACK_RUNNER=str(runner), PATH=path, HOME=str(tmp_path), PY313="")
    assert LOUD in done.stderr
    assert "missing: Python 3.13" in done.stderr
