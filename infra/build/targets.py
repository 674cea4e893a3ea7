"""What a build is made for: an interpreter, a platform, and the Python that compiles for it."""

from __future__ import annotations

import dataclasses
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from infra.errors import CommandError

AWS_PYTHON = (3, 13)
"""Python of the AWS targets: the newest Lambda runtime that every pinned wheel supports."""


class BuildError(CommandError):
    """The build cannot go on; the message is for the person who started it."""


@dataclasses.dataclass(frozen=True)
class Target:
    """One thing to build for.

    ``pip_options`` choose its wheels; ``architecture`` is Lambda's word for the processor.
    """

    name: str
    python: tuple[int, int]
    platform: str
    architecture: str
    pip_options: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Compiler:
    """An interpreter of the target's own version, which makes its .pyc files."""

    executable: str
    version: str


def _local() -> Target:
    machine = platform.machine().lower()
    return Target(
        name="local",
        python=sys.version_info[:2],
        platform=sysconfig.get_platform(),
        architecture="arm64" if machine in {"arm64", "aarch64"} else "x86_64",
        pip_options=(),
    )


def _aws(architecture: str, machine: str) -> Target:
    tag = "".join(str(part) for part in AWS_PYTHON)
    platforms = [f"{name}_{machine}" for name in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
    options = [option for name in platforms for option in ("--platform", name)]
    for abi in (f"cp{tag}", "abi3", "none"):
        options += ["--abi", abi]
    options += ["--implementation", "cp", "--python-version", ".".join(str(part) for part in AWS_PYTHON)]
    return Target(
        name=f"aws-{architecture}",
        python=AWS_PYTHON,
        platform=f"manylinux_2_28_{machine}",
        architecture=architecture,
        pip_options=tuple(options),
    )


TARGETS: dict[str, Target] = {
    target.name: target for target in (_local(), _aws("x86_64", "x86_64"), _aws("arm64", "aarch64"))
}


def find_compiler(target: Target) -> Compiler | None:
    """Find an interpreter of the target's version, or None.

    The running one comes first, then ``PY3xx`` in the environment (PY313 names an executable), ``python3.x`` on
    PATH, and pyenv's versions. Each is asked for its version: a name alone proves nothing (pyenv puts shims on
    PATH for versions that are not active).
    """
    major, minor = target.python
    if sys.version_info[:2] == target.python:
        return Compiler(sys.executable, platform.python_version())
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    candidates = [
        os.environ.get(f"PY{major}{minor}"),
        shutil.which(f"python{major}.{minor}"),
        *(str(path) for path in sorted(pyenv.glob(f"{major}.{minor}*/bin/python3"), reverse=True)),
    ]
    for candidate in filter(None, candidates):
        version = _version_of(candidate)
        if version and version.startswith(f"{major}.{minor}."):
            return Compiler(candidate, version)
    return None


def _version_of(executable: str) -> str | None:
    command = [executable, "-I", "-S", "-c", "import platform; print(platform.python_version())"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
