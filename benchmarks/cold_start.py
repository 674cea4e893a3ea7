"""coldstart: importing each HTTP function, all its routes, beside importing boto3 and making one S3 client.

Every import happens in a fresh interpreter that sees what Lambda would mount, the built layer and the built zip
with their .pyc, and no other package. What starting a bare interpreter takes is measured in the same way and
subtracted from both.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, interleave
from benchmarks.report import Result
from infra.build.pipeline import build

FUNCTIONS = ("auth", "upload", "query")
FLOOR = "import boto3; boto3.client('s3')"
# As Lambda sets them: without credentials boto3 would look for a metadata service, over the network.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_REGION": "eu-central-1",
    "HOME": "/nonexistent",
}


def run(rounds: int) -> Result:
    """Build for this machine, unpack, and start interpreters in turn; milliseconds are of whole processes."""
    manifest = build("local", report=lambda line: print(line, flush=True))
    if not manifest.pyc:
        return Result("coldstart", [], failures=["the build has no .pyc files"])
    with tempfile.TemporaryDirectory(prefix="artstore-coldstart-") as folder:
        unpacked = {}
        for name in ("layer", *FUNCTIONS):
            unpacked[name] = Path(folder) / name
            with zipfile.ZipFile(manifest.artifacts[name].path) as archive:
                archive.extractall(unpacked[name])
        layer = unpacked["layer"] / "python"
        steps: dict[str, Callable[[], object]] = {
            "bare": functools.partial(_start, [], "pass"),
            "floor": functools.partial(_start, [layer], FLOOR),
        }
        for name in FUNCTIONS:
            steps[name] = functools.partial(_start, [unpacked[name], layer], f"import functions.{name}.app")
        times = interleave(steps, rounds, warm_up=2)

    bare = sorted(times["bare"])[len(times["bare"]) // 2]
    floor = [value - bare for value in times["floor"]]
    rows = [
        Row.of(f"import functions.{name}.app", [value - bare for value in times[name]], floor)
        for name in FUNCTIONS
    ]
    whole = Row.of("whole", times["floor"], times["floor"])
    return Result(
        "coldstart",
        rows,
        remarks=[
            f"floor: {FLOOR}",
            f"a bare interpreter starts in {bare:.1f} ms (median), subtracted above from cases and floor",
            f"whole processes, median: floor {whole.p50_ms:.1f} ms, "
            + ", ".join(f"{row.case.split('.')[1]} {row.p50_ms + bare:.1f} ms" for row in rows),
        ],
    )


def _start(path: list[Path], code: str) -> None:
    """Run ``code`` in a fresh interpreter with ``path`` before the standard library and no site-packages."""
    # Leaving at once: an execution environment is not torn down after its imports either.
    script = f"import os, sys; sys.path[:0] = {[str(entry) for entry in path]}; {code}; os._exit(0)"
    subprocess.run([sys.executable, "-I", "-S", "-B", "-c", script], env=ENVIRONMENT, check=True, timeout=120)
