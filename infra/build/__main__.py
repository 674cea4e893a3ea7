"""The command ``python -m infra.build``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from infra.build.manifest import Manifest
from infra.build.pipeline import build
from infra.build.targets import TARGETS
from infra.errors import CommandError


def table(manifest: Manifest) -> str:
    """Draw the sizes of the artifacts, in MiB."""
    rows = [f"{'artifact':<16}{'zip MiB':>10}{'unzipped MiB':>14}  sha256"]
    rows.extend(
        f"{name:<16}{one.zip_bytes / 2**20:>10.2f}{one.unzipped_bytes / 2**20:>14.2f}  {one.sha256[:16]}"
        for name, one in manifest.artifacts.items()
    )
    return "\n".join(rows)


def main(arguments: list[str] | None = None) -> int:
    """Build one target and print what it weighs."""
    parser = argparse.ArgumentParser(prog="python -m infra.build", description="Build the layer and functions.")
    parser.add_argument("--target", choices=sorted(TARGETS), default="local")
    parser.add_argument("--out", type=Path, default=None, help="folder for the zips (default .build/TARGET)")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    try:
        manifest = build(options.target, options.out, report=lambda line: print(line, flush=True))
    except CommandError as error:
        print(f"build failed: {error}", file=sys.stderr)
        return 1
    print(table(manifest))
    pyc = "with .pyc" if manifest.pyc else "WITHOUT .pyc"
    print(
        f"{manifest.target}: Python {manifest.python}, {manifest.platform}, {pyc}; "
        f"{time.perf_counter() - started:.1f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
