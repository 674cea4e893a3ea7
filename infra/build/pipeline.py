"""Turns the sources and the pins into zips, doing only what changed.

A zip is made of a vendor tree (pruned wheels, compiled, kept in the cache under the hash of its pins) and our own
modules. Its ``inputs`` hash covers both, the target, the compiler and the code of this package.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.build import archive, manifest, wheels
from infra.build.manifest import Artifact, Manifest
from infra.build.targets import TARGETS, BuildError, Compiler, Target, find_compiler
from infra.build.wheels import Report

ROOT = Path(__file__).resolve().parents[2]
_BUILD = Path(__file__).resolve().parent
_FUNCTIONS = ("auth", "upload", "query", "storage_events", "maintenance")
_SHAPING = ("archive.py", "bytecode.py", "pipeline.py", "prune.py", "slim.py", "wheels.py")
"""The modules of this package that decide what a zip holds: a change of one makes every zip anew."""
_NOT_SHIPPED = {"requirements.txt", "README.md"}


@dataclasses.dataclass(frozen=True)
class _Recipe:
    """What one zip holds: ``sources`` are (file, name in the zip); ``vendor`` is where packages go in the zip."""

    name: str
    mounted: str
    vendor: str
    pins: dict[str, str]
    sources: tuple[tuple[Path, str], ...]


def build(
    target: str,
    out_dir: Path | None = None,
    *,
    root: Path = ROOT,
    cache: Path | None = None,
    report: Report = print,
    layer_files: Mapping[str, Path] | None = None,
) -> Manifest:
    """Build every artifact of ``target`` into ``out_dir`` (default ``.build/TARGET``) and describe them.

    ``root`` is the project to build, ``cache`` keeps wheels and compiled packages (default ``.build/cache``), and
    ``report`` is told each step that takes time. ``layer_files`` (name -> file) go into the layer as they are:
    Lambda mounts them at ``/opt/NAME``. Raises BuildError. One build at a time runs in a folder; a second waits.
    """
    chosen = TARGETS.get(target)
    if chosen is None:
        raise BuildError(f"unknown target {target!r}; there are {', '.join(sorted(TARGETS))}")
    out = out_dir or root / ".build" / target
    cache = cache or root / ".build" / "cache"
    out.mkdir(parents=True, exist_ok=True)
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        compiler = find_compiler(chosen)
        if compiler is None:
            report(_no_compiler(chosen))
        builder = _Builder(chosen, compiler, cache, report)
        earlier = manifest.load(out)
        made = {
            recipe.name: builder.artifact(recipe, out, earlier) for recipe in _recipes(root, layer_files or {})
        }
        result = Manifest(
            target=target,
            python=".".join(str(part) for part in chosen.python),
            platform=chosen.platform,
            architecture=chosen.architecture,
            pyc=compiler is not None,
            artifacts=made,
        )
        if result != earlier:
            result.save(out)
        return result


def _no_compiler(target: Target) -> str:
    major, minor = target.python
    return (
        f"WARNING: no Python {major}.{minor} found (on PATH, among pyenv's, or named by PY{major}{minor}): "
        f"{target.name} is built WITHOUT .pyc files. It works, but each cold start compiles its imports: "
        "two to three times the time."
    )


def _recipes(root: Path, layer_files: Mapping[str, Path]) -> Iterator[_Recipe]:
    layer = root / "layers" / "common" / "python"
    modules = ((path, f"python/{path.relative_to(layer).as_posix()}") for path in _shipped(layer))
    yield _Recipe(
        name="layer",
        mounted="/opt",
        vendor="python/",
        pins=wheels.read_pins(root / "requirements.txt"),
        sources=(*modules, *((path, name) for name, path in sorted(layer_files.items()))),
    )
    for name in _FUNCTIONS:
        folder = root / "functions" / name
        requirements = folder / "requirements.txt"
        files = [root / "functions" / "__init__.py", *_shipped(folder)]
        yield _Recipe(
            name=name,
            mounted="/var/task",
            vendor="",
            pins=wheels.read_pins(requirements) if requirements.exists() else {},
            sources=tuple((path, path.relative_to(root).as_posix()) for path in files),
        )


def _shipped(folder: Path) -> list[Path]:
    """List our own files under ``folder`` that are run time, in a fixed order."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.name not in _NOT_SHIPPED
        and path.suffix not in {".pyc", ".pyi"}
        and not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts)
    )


class _Builder:
    def __init__(self, target: Target, compiler: Compiler | None, cache: Path, report: Report) -> None:
        self._target = target
        self._compiler = compiler
        self._cache = cache
        self._report = report
        version = compiler.version if compiler else None
        self._basis = repr((target, version, [_sha256(_BUILD / name) for name in _SHAPING]))

    def artifact(self, recipe: _Recipe, out: Path, earlier: Manifest | None) -> Artifact:
        """Make one zip, or take over the one that is there when nothing it depends on changed."""
        inputs = self._inputs(recipe)
        path = out / f"{recipe.name}.zip"
        old = earlier.artifacts.get(recipe.name) if earlier else None
        if old and old.inputs == inputs and path.is_file() and _sha256(path) == old.sha256:
            return old
        self._report(f"building {self._target.name}/{path.name}")
        entries: dict[str, Path] = {}
        vendor = self._vendor(recipe)
        if vendor is not None:
            entries.update(_tree(vendor, recipe.vendor))
        with tempfile.TemporaryDirectory(dir=self._cache) as temporary:
            stage = Path(temporary)
            for source, name in recipe.sources:
                (stage / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, stage / name)
            self._compile(stage, recipe.mounted)
            entries.update(_tree(stage, ""))
            sizes = archive.write(path, entries)
        return Artifact(recipe.name, path, _sha256(path), sizes.zip_bytes, sizes.unzipped_bytes, inputs)

    def _inputs(self, recipe: _Recipe) -> str:
        sources = [(name, _sha256(path)) for path, name in recipe.sources]
        return _hash(self._basis, recipe.name, sorted(recipe.pins.items()), sources)

    def _vendor(self, recipe: _Recipe) -> Path | None:
        """Give the folder with the recipe's packages, pruned and compiled; None when it has none."""
        if not recipe.pins:
            return None
        mounted = f"{recipe.mounted}/{recipe.vendor}".rstrip("/")
        key = _hash(self._basis, sorted(recipe.pins.items()), mounted)[:16]
        folder = self._cache / "vendor" / f"{self._target.name}-{key}"
        if not folder.is_dir():
            found = wheels.download(recipe.pins, self._target, self._cache, self._report)
            folder.parent.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
                fresh = Path(temporary) / "tree"
                fresh.mkdir()
                wheels.unpack(found, fresh)
                self._compile(fresh, mounted)
                with contextlib.suppress(OSError):  # another build, of another folder, was first
                    fresh.rename(folder)
        return folder

    def _compile(self, root: Path, mounted: str) -> None:
        if self._compiler is None:
            return
        names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py"))
        workers = min(4, os.cpu_count() or 1, 1 + len(names) // 50)
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda part: self._compile_part(root, part, mounted), _split(names, workers)))

    def _compile_part(self, root: Path, names: list[str], mounted: str) -> None:
        if self._compiler is None or not names:
            return
        script = _BUILD / "bytecode.py"
        command = [self._compiler.executable, "-I", "-S", "-W", "ignore", str(script)]
        job = json.dumps({"root": str(root), "names": names, "prefix": mounted})
        done = subprocess.run(command, input=job, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BuildError(f"compiling for {self._target.name} failed:\n{done.stderr.strip()[-4000:]}")


def _split(names: list[str], parts: int) -> list[list[str]]:
    return [names[start::parts] for start in range(parts)]


def _tree(root: Path, prefix: str) -> dict[str, Path]:
    return {f"{prefix}{path.relative_to(root).as_posix()}": path for path in root.rglob("*") if path.is_file()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel lets go of it when the process ends, however it ends."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
