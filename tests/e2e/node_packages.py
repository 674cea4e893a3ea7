"""Clients written for Node: their packages from npm, and a run of one script in a directory of its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from infra.local.settings import REPOSITORY

SOURCES = Path(__file__).resolve().parent / "node"
OLDEST_NODE = 20


def missing() -> str | None:
    """Say what is missing for a run of Node, if anything is."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            return f"NOT TESTED with clients of Node's: there is no {tool} here"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S607
    if int(version.strip().lstrip("v").partition(".")[0]) < OLDEST_NODE:
        return f"NOT TESTED with clients of Node's: they need Node {OLDEST_NODE}, this is {version}"
    return None


def install() -> Path:
    """Give the directory with the packages of package-lock.json, installed once for each content of it."""
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


def run(packages: Path, directory: Path, script: str, given: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run a script that reads ``given`` as JSON from standard input, in ``directory``, where it finds
    ``packages``."""
    shutil.copy(SOURCES / script, directory)
    with contextlib.suppress(FileExistsError):
        (directory / "node_modules").symlink_to(packages / "node_modules")
    return subprocess.run(
        ["node", script],  # noqa: S607
        cwd=directory,
        input=json.dumps(given),
        env={name: value for name, value in os.environ.items() if not name.startswith("NODE_")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
