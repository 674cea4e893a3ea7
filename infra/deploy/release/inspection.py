"""Whether Lambda would take the zips, and load what is compiled in them.

Lambda finds a zip that is too large when the stack is half made, and a library for another processor at the
function's first call. Both are seen here, in the zips themselves.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator

from infra.build import Artifact, Manifest

ZIP_LIMIT_BYTES = 50 * 2**20
"""A zip that Lambda takes in a call of its own. From S3 it may be larger; kept, so that a repair by hand works."""

UNZIPPED_LIMIT_BYTES = 262_144_000
"""A function and its layers together (Lambda quotas, "deployment package size", 250 MB)."""

LAYER = "layer"

# e_machine in the header of an ELF file (System V ABI: figure 4-1, and its processor supplements).
_MACHINES = {0x3E: "x86_64", 0xB7: "arm64"}
_E_MACHINE = struct.Struct("<18xH")
_CPYTHON = re.compile(r"\.cpython-(?P<tag>\d+)-")


def problems(manifest: Manifest) -> list[str]:
    """Give one sentence for everything that Lambda would refuse or fail at; empty when all is well."""
    layer = manifest.artifacts[LAYER]
    found = []
    for artifact in manifest.artifacts.values():
        if artifact.zip_bytes > ZIP_LIMIT_BYTES:
            found.append(
                f"{artifact.path.name} has {artifact.zip_bytes:,} bytes; {ZIP_LIMIT_BYTES:,} are the limit"
            )
        mounted = artifact.unzipped_bytes + (0 if artifact is layer else layer.unzipped_bytes)
        if mounted > UNZIPPED_LIMIT_BYTES:
            found.append(
                f"{artifact.path.name} unzipped has {mounted:,} bytes with the layer; "
                f"{UNZIPPED_LIMIT_BYTES:,} are the limit"
            )
        found += _foreign_libraries(artifact, manifest)
    return found


def _foreign_libraries(artifact: Artifact, manifest: Manifest) -> Iterator[str]:
    """Compiled files for another processor or another Python."""
    tag = manifest.python.replace(".", "")
    with zipfile.ZipFile(artifact.path) as archive:
        for info in archive.infolist():
            with archive.open(info) as file:
                head = file.read(_E_MACHINE.size)
            if not head.startswith(b"\x7fELF") or len(head) < _E_MACHINE.size:
                continue
            machine = _E_MACHINE.unpack(head)[0]
            if _MACHINES.get(machine) != manifest.architecture:
                yield (
                    f"{artifact.path.name}: {info.filename} is for {_MACHINES.get(machine, hex(machine))}, "
                    f"not {manifest.architecture}"
                )
            compiled = _CPYTHON.search(info.filename)
            if compiled and compiled["tag"] != tag:
                yield f"{artifact.path.name}: {info.filename} is for another Python than {manifest.python}"
