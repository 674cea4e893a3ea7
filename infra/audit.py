"""Verifies exported files of the audit log, far from any deployment.

    python -m infra.audit verify DIRECTORY [--from-seq N]

DIRECTORY holds what lies under ``.artstore/audit/`` in the locked bucket. Files are followed in the order of the
numbers in their names; the first must begin the log, unless ``--from-seq`` names the entry that it begins with.
Exits 1 at the first problem, naming its place.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import sys
from collections.abc import Iterable

from artstore.audit import START
from artstore.audit.chain import ChainProblem, ProblemKind, Verification, link_before, verify_lines

_NAME = re.compile(r"(\d{12,})-(\d{12,})\.jsonl")


def exported_files(directory: pathlib.Path) -> list[pathlib.Path]:
    """Give the exports under ``directory`` in their order, without those that a longer one repeats."""
    named = [
        (int(match[1]), -int(match[2]), path)
        for path in directory.rglob("*.jsonl")
        if (match := _NAME.fullmatch(path.name))
    ]
    files: list[pathlib.Path] = []
    reached = 0
    for _, last, path in sorted(named):
        if -last > reached:
            files.append(path)
            reached = -last
    return files


def verify(directory: pathlib.Path, from_seq: int = 1) -> Verification:
    """Follow the chain through every file under ``directory``. Raises ValueError when there is none."""
    files = exported_files(directory)
    if not files:
        raise ValueError(f"there are no exports in {directory}")
    last, checked = START, 0
    for number, path in enumerate(files):
        lines = path.read_bytes().splitlines()
        if number == 0 and from_seq > 1 and lines:
            last = link_before(lines[0])
            if last.seq != from_seq - 1:
                detail = f"{path.name} begins with {last.seq + 1}"
                return Verification(0, last, ChainProblem(from_seq, ProblemKind.MISSING, detail))
        found = verify_lines(lines, last)
        last, checked = found.last, checked + found.checked
        problem = found.problem
        if problem is None and not path.name.endswith(f"-{last.seq:012d}.jsonl"):
            problem = ChainProblem(last.seq + 1, ProblemKind.MISSING, f"{path.name} ends with {last.seq}")
        if problem is not None:
            return Verification(checked, last, problem)
    return Verification(checked, last, None)


def main(arguments: Iterable[str] | None = None) -> int:
    """Verify and print; 1 when a problem was found."""
    parser = argparse.ArgumentParser(prog="python -m infra.audit")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("verify", help="follow the chain through exported files")
    command.add_argument("directory", type=pathlib.Path)
    command.add_argument("--from-seq", type=int, default=1)
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    try:
        found = verify(chosen.directory, chosen.from_seq)
    except ValueError as error:
        parser.error(str(error))
    print(f"{found.checked} entries are whole, the last is {found.last.seq} with hash {found.last.hash}")
    if found.problem is None:
        return 0
    print(f"{found.problem.kind} at {found.problem.seq}: {found.problem.detail}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
