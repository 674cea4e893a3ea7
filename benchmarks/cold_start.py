"""coldstart: importing each HTTP function, all its routes, beside importing boto3 and making one S3 client.

Every import happens in a fresh interpreter that sees what Lambda would mount, the built layer and the built zip
with their .pyc, and no other package; the floor sees boto3 as pip installs it, since the layer's is made smaller
(infra/build/slim.py). What starting a bare interpreter takes is measured in the same way and
subtracted from both.
"""

from __future__ import annotations

import functools
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, interleave
from benchmarks.report import Result
from infra.build.manifest import Manifest
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
        unpacked = unpack(manifest, ("layer", *FUNCTIONS), Path(folder))
        layer = unpacked["layer"] / "python"
        steps: dict[str, Callable[[], object]] = {
            "bare": functools.partial(_start, [], "pass"),
            "floor": functools.partial(_start, [Path(sysconfig.get_path("purelib"))], FLOOR),
        }
        for name in FUNCTIONS:
            steps[name] = functools.partial(_start, [unpacked[name], layer], f"import functions.{name}.app")
        times = interleave(steps, rounds, warm_up=2)
        processor = {
            name: statistics.median(_processor_ms(step) for _ in range(5)) for name, step in steps.items()
        }

    bare = statistics.median(times["bare"])
    floor = [value - bare for value in times["floor"]]
    rows = [
        Row.of(f"import functions.{name}.app", [value - bare for value in times[name]], floor)
        for name in FUNCTIONS
    ]
    return Result(
        "coldstart",
        rows,
        remarks=[
            f"floor: {FLOOR}",
            f"a bare interpreter starts in {bare:.1f} ms (median), subtracted above from cases and floor",
            "whole processes, median: " + _listed({name: statistics.median(times[name]) for name in times}),
            "processor time of whole processes, median of 5: " + _listed(processor),
        ],
    )


def unpack(manifest: Manifest, names: tuple[str, ...], folder: Path) -> dict[str, Path]:
    """Unpack built zips below ``folder``, as Lambda would mount them."""
    unpacked = {}
    for name in names:
        unpacked[name] = folder / name
        with zipfile.ZipFile(manifest.artifacts[name].path) as archive:
            archive.extractall(unpacked[name])
    return unpacked


def _start(path: list[Path], code: str) -> None:
    """Run ``code`` in a fresh interpreter with ``path`` before the standard library and no site-packages."""
    # Leaving at once: an execution environment is not torn down after its imports either.
    script = f"import os, sys; sys.path[:0] = {[str(entry) for entry in path]}; {code}; os._exit(0)"
    # Without a timeout: waiting with one polls, every 50 ms in the end.
    subprocess.run([sys.executable, "-I", "-S", "-B", "-c", script], env=ENVIRONMENT, check=True)


def _processor_ms(step: Callable[[], object]) -> float:
    """Milliseconds of processor time that the processes of one step took: what a busy machine distorts least."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    step()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000


def _listed(milliseconds: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.0f} ms" for name, value in milliseconds.items())
