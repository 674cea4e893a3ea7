"""Zips that depend on their content alone."""

from __future__ import annotations

import dataclasses
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold; every entry has it."""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Bytes of a zip and of its content."""

    zip_bytes: int
    unzipped_bytes: int


def is_library(name: str) -> bool:
    """Tell whether ``name`` is a shared library, versioned ones (libpq.so.5.17) included."""
    base = name.rsplit("/", 1)[-1]
    return base.endswith((".so", ".dylib")) or ".so." in base


def write(path: Path, entries: Mapping[str, Path]) -> Sizes:
    """Write ``entries`` (name in the zip -> file) to ``path``, whole or not at all.

    Entries are sorted, dated 1980-01-01, and have mode 0644, shared libraries 0755.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    unzipped = 0
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for name in sorted(entries):
                data = entries[name].read_bytes()
                info = zipfile.ZipInfo(name, EPOCH)
                info.create_system = 3  # Unix, on every machine: the permissions below are read as such
                info.external_attr = (0o100755 if is_library(name) else 0o100644) << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, data)
                unzipped += len(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return Sizes(path.stat().st_size, unzipped)
