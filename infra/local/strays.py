"""Ends what still runs out of a directory that is about to be removed: python -m infra.local.strays DIRECTORY.

For what others' programs start and leave behind. A process belongs to the directory when its command line names a
path below it, or when it works there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from infra.local import processes


def end_all(directory: Path, grace_seconds: float = 2) -> list[int]:
    """End every process of this user that belongs to `directory`, an absolute path. Gives their ids."""
    found = {*processes.working_below(directory), *processes.with_command_naming(f"{directory}/")}
    for process in found:
        processes.stop(process, grace_seconds)
    return sorted(process.pid for process in found)


if __name__ == "__main__":
    for pid in end_all(Path(sys.argv[1]).resolve()):
        print(f"ended process {pid}, which was left behind", file=sys.stderr)
