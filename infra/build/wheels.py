"""Gets pinned wheels for a target, and lays out the files of them that are shipped."""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from infra.build.prune import rule_for
from infra.build.slim import slim
from infra.build.targets import BuildError, Target
from infra.pip import pip

Report = Callable[[str], None]

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.!+_-]+)")


def read_pins(requirements: Path) -> dict[str, str]:
    """Read a requirements file in which every line is ``name==version``; raises BuildError at any other line."""
    pins: dict[str, str] = {}
    for line in requirements.read_text(encoding="utf-8").splitlines():
        text = line.split("#", 1)[0].strip()
        if not text:
            continue
        match = _PIN.fullmatch(text)
        if match is None:
            raise BuildError(f"{requirements}: {text!r} is not a pin of the form name==version")
        pins[match["name"]] = match["version"]
    return pins


def download(pins: dict[str, str], target: Target, cache: Path, report: Report) -> list[Path]:
    """Give the wheels of exactly ``pins`` for ``target``, from ``cache`` or by pip.

    A set of wheels is kept under the hash of its pins and target, and appears there whole or not at all.
    Raises BuildError, and PipFailed.
    """
    lines = sorted(f"{name}=={version}" for name, version in pins.items())
    key = hashlib.sha256(repr((lines, target)).encode()).hexdigest()[:16]
    folder = cache / "wheels" / f"{target.name}-{key}"
    if not folder.is_dir():
        report(f"downloading {len(lines)} wheels for {target.name} ({target.platform})")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            fresh = Path(temporary) / "wheels"
            wanted = ("--no-deps", "--only-binary=:all:", *target.pip_options, *lines)
            pip(sys.executable, ["download", "--dest", str(fresh), *wanted])
            _place(fresh, folder)
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != len(lines):
        raise BuildError(f"{folder}: {len(wheels)} wheels for {len(lines)} pins; remove the folder")
    return wheels


def _place(fresh: Path, folder: Path) -> None:
    """Move ``fresh`` to ``folder``, unless another build was first."""
    try:
        fresh.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def unpack(wheels: list[Path], root: Path) -> None:
    """Unpack what is shipped of ``wheels`` into ``root``, as site-packages would hold it."""
    for wheel in wheels:
        distribution, version = wheel.name.split("-")[:2]
        rule = rule_for(distribution)
        with zipfile.ZipFile(wheel) as archive:
            for info in archive.infolist():
                name = _installed_name(info.filename)
                if info.is_dir() or not rule.keeps(name):
                    continue
                path = root / name
                if not path.resolve().is_relative_to(root.resolve()):
                    raise BuildError(f"{wheel.name} holds a file outside itself: {info.filename}")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(slim(name, archive.read(info)))
        if rule.version:
            folder = root / f"{distribution}-{version}.dist-info"
            folder.mkdir()
            text = f"Metadata-Version: 2.1\nName: {distribution.replace('_', '-')}\nVersion: {version}\n"
            (folder / "METADATA").write_text(text, encoding="utf-8")


def _installed_name(name: str) -> str:
    """Give the path in site-packages of a wheel's file (wheel format, the .data folder)."""
    return re.sub(r"^[^/]+\.data/(purelib|platlib)/", "", name)
