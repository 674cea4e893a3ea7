"""Compiles a tree of modules to .pyc files that are the same bytes every time.

Runs as a script under the target's own interpreter, which need not have ArtStore or any package: it may import
nothing but the standard library of Python 3.11 and later.

Two things make .pyc files differ between machines and runs, and both are taken away here:

* the path in ``co_filename``: the module's path inside Lambda is compiled in, not the path of the checkout;
* the timestamp in the header: files are of the unchecked-hash kind (PEP 552), which Lambda's read-only file
  system needs anyway, and which costs no stat of the source.

marshal itself gives the same bytes whatever was compiled before and whatever the hash seed: it flags interned
names alike however often they are used (bpo-34093), and writes sets in an order of its own (bpo-37596).
"""

from __future__ import annotations

import importlib.util
import json
import marshal
import sys
from pathlib import Path

_UNCHECKED_HASH = (1).to_bytes(4, "little")


def pyc(source: bytes, filename: str) -> bytes:
    """Compile ``source`` as the module at ``filename``; raises SyntaxError."""
    code = compile(source, filename, "exec", dont_inherit=True, optimize=0)
    return importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source) + marshal.dumps(code)


def compile_files(root: Path, names: list[str], prefix: str) -> None:
    """Write ``__pycache__/MODULE.TAG.pyc`` beside each of ``names`` (paths under ``root``), seen at ``prefix``."""
    for name in names:
        path = root / name
        cache = path.parent / "__pycache__"
        cache.mkdir(exist_ok=True)
        data = pyc(path.read_bytes(), f"{prefix}/{name}")
        (cache / f"{path.stem}.{sys.implementation.cache_tag}.pyc").write_bytes(data)


if __name__ == "__main__":
    job = json.load(sys.stdin)
    compile_files(Path(job["root"]), job["names"], job["prefix"])
