"""Runs pip, for whatever of the tools' own has to be fetched."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence

from infra.errors import CommandError


class PipFailed(CommandError):
    """pip did not get what it was asked for."""


def pip(python: str, arguments: Sequence[str], pass_fds: Iterable[int] = ()) -> None:
    """Run `python -m pip` with `arguments`. Raises PipFailed with the last of pip's own words.

    `pass_fds` are descriptors that pip holds open as long as it runs, also when this program is killed meanwhile.
    """
    done = subprocess.run(
        [python, "-m", "pip", "-qq", "--disable-pip-version-check", "--no-input", *arguments],
        capture_output=True,
        text=True,
        check=False,
        pass_fds=tuple(pass_fds),
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise PipFailed(
            f"pip {arguments[0]} failed: {said[-1].removeprefix('ERROR: ')}\n"
            "    Does this machine reach PyPI? HTTPS_PROXY or PIP_INDEX_URL may name another way."
        )
