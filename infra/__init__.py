"""The tools around the archive: building, deploying, the stack on one machine, checks.

They are typed in a checkout, as ``.venv/bin/python -m infra.NAME`` or, by habit, as ``python -m infra.NAME``. Both
go on in the checkout's own environment, with the import paths that ``make`` gives.
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import sys


def _go_on_in_venv() -> None:
    """Begin the command anew in the checkout's environment. Ends it with a line when there is none."""
    checkout = pathlib.Path(__file__).resolve().parents[1]
    python = checkout / ".venv" / "bin" / "python"
    if not python.exists():
        sys.exit("ArtStore's tools are not installed in this checkout yet: `make demo` or `make lint` does it.")
    if not hasattr(sys, "orig_argv"):  # before Python 3.10 nobody can tell which command it is
        sys.exit(f"ArtStore needs Python 3.11 or newer: type {python} instead of this one.")
    paths = [str(checkout), str(checkout / "layers" / "common" / "python"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    os.execve(python, [str(python), *sys.orig_argv[1:]], environment)  # does not return


# While `python -m` looks for its module, its name stands for it (sys.argv, in the library reference).
if sys.argv[0] == "-m" and importlib.util.find_spec("artstore") is None:
    _go_on_in_venv()
