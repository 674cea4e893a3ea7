"""Compiles a tree of modules to .pyc files that are the same bytes every time.

Runs as a script under the target's own interpreter, which need not have ArtStore or any package: it may import
nothing but the standard library of Python 3.11 and later.

Three things make .pyc files differ between runs, and each is taken away here:

* the path in ``co_filename``: the module's path inside Lambda is compiled in, not the path of the checkout;
* the timestamp in the header: files are of the unchecked-hash kind (PEP 552), which Lambda's read-only file
  system needs anyway, and which costs no stat of the source;
* marshal writes an object as "may be referred to later" when its reference count is above one, and an interned
  name has as many references as the process has loaded code that uses it. Holding one more reference to every
  part of the code while it is written makes the count above one always.
"""

from __future__ import annotations

import importlib.util
import json
import marshal
import sys
from pathlib import Path
from types import CodeType

_UNCHECKED_HASH = (1).to_bytes(4, "little")


def _parts(value: object) -> list[object]:
    """List ``value`` and everything marshal will write for it."""
    parts: list[object] = [value]
    if isinstance(value, CodeType):
        inner: tuple[object, ...] = (
            value.co_consts,
            value.co_names,
            value.co_varnames,
            value.co_freevars,
            value.co_cellvars,
            value.co_filename,
            value.co_name,
            value.co_qualname,
            value.co_linetable,
            value.co_exceptiontable,
        )
    elif isinstance(value, (tuple, frozenset)):
        inner = tuple(value)
    else:
        return parts
    for one in inner:
        parts.extend(_parts(one))
    return parts


def pyc(source: bytes, filename: str) -> bytes:
    """Compile ``source`` as the module at ``filename``; raises SyntaxError."""
    code = compile(source, filename, "exec", dont_inherit=True, optimize=0)
    held = _parts(code)
    data = marshal.dumps(code)
    del held
    return importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source) + data


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
