"""The command ``python -m benchmarks NAME``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from benchmarks import (
    append_audit,
    cold_start,
    finalize_document,
    ingest_documents,
    issue_token,
    read_documents,
    read_revocations,
    rebuild_index,
    search_documents,
    start_upload,
)
from benchmarks.report import Result, publish
from benchmarks.stack import running_stack
from infra.errors import CommandError
from infra.local.settings import Settings

BENCHMARKS: dict[str, tuple[Callable[[int], Result], int]] = {
    "audit": (lambda rounds: append_audit.run(running_stack(), rounds), 100),
    "coldstart": (cold_start.run, 25),
    "download": (lambda rounds: read_documents.run_download(running_stack(), rounds), 300),
    "finalize": (lambda rounds: finalize_document.run(running_stack(), rounds), 100),
    "rebuild": (rebuild_index.run, 20),
    "ingest": (lambda rounds: ingest_documents.run(running_stack(), rounds), 60),
    "revocations": (read_revocations.run, 30),
    "token": (lambda rounds: issue_token.run(running_stack(), rounds), 300),
    "show": (lambda rounds: read_documents.run_show(running_stack(), rounds), 300),
    "search": (search_documents.run, 100),
    "upload": (lambda rounds: start_upload.run(running_stack(), rounds), 300),
}
"""Each benchmark, and how many rounds it makes unless told."""


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark, print its table and write its file; 1 when it found something wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=sorted(BENCHMARKS))
    parser.add_argument("--rounds", type=int, default=None, help="how often each case is measured")
    options = parser.parse_args(arguments)
    run, rounds = BENCHMARKS[options.name]
    try:
        result = run(options.rounds or rounds)
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    path = publish(result, Settings.from_environment().directory)
    print(f"written to {path}")
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
