"""The .pyc files of a build depend on their source alone."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.machinery import SourcelessFileLoader
from pathlib import Path
from types import CodeType

import pytest

from infra.build import bytecode

SOURCES = {
    "pkg/__init__.py": "",
    "pkg/a.py": "import os\nNAMES = {'self', 'name', 'äöü'}\n\ndef f(self, name, *, key=1.5):\n"
    "    return name in {'x', 'y', 'zz', 'self'} and (1, 'a', ('b', 300))\n",
    "pkg/b.py": "class Shared:\n    def name(self):\n        def inner():\n            return self, name\n"
    "        return inner\n\nname = 'name'\nkey = os = 'os'\n",
}


def compile_in_process(root: Path, names: list[str], seed: str) -> dict[str, bytes]:
    for name, source in SOURCES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    job = json.dumps({"root": str(root), "names": names, "prefix": "/opt/python"})
    subprocess.run(
        [sys.executable, "-S", bytecode.__file__],
        input=job,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": seed},
    )
    return {path.name: path.read_bytes() for path in root.rglob("*.pyc")}


def test_bytes_do_not_depend_on_the_run_the_order_or_the_folder(tmp_path: Path) -> None:
    names = sorted(SOURCES)
    first = compile_in_process(tmp_path / "one", names, "1")
    second = compile_in_process(tmp_path / "somewhere" / "else", names[::-1], "4711")
    assert len(first) == len(SOURCES)
    assert first == second


def test_code_knows_its_path_inside_lambda_and_is_not_checked_against_the_source(tmp_path: Path) -> None:
    data = bytecode.pyc(SOURCES["pkg/b.py"].encode(), "/opt/python/pkg/b.py")
    assert data[4:8] == b"\x01\0\0\0"  # PEP 552: by hash, unchecked
    (tmp_path / "b.pyc").write_bytes(data)
    code = SourcelessFileLoader("b", str(tmp_path / "b.pyc")).get_code("b")
    assert code is not None
    assert code.co_filename == "/opt/python/pkg/b.py"
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    assert inner
    assert {one.co_filename for one in inner} == {"/opt/python/pkg/b.py"}


def test_a_broken_module_fails_the_build() -> None:
    with pytest.raises(SyntaxError):
        bytecode.pyc(b"def", "m.py")
