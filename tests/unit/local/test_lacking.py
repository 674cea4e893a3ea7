"""The documented list of what LocalStack cannot do is the list of the tests that are marked so."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[3]
TESTS = sorted((ROOT / "tests" / "e2e").rglob("test_*.py"))


def reason_of(decorator: ast.expr, names: dict[str, ast.expr]) -> str | None:
    """Give the reason of a ``lacking`` mark for LocalStack, written out or kept under a name; None for others."""
    mark = names.get(decorator.id) if isinstance(decorator, ast.Name) else decorator
    if not (isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.lacking"):
        return None
    emulator, reason = mark.args
    assert isinstance(emulator, ast.Constant)
    assert emulator.value == "localstack"
    text = names[reason.id] if isinstance(reason, ast.Name) else reason
    assert isinstance(text, ast.Constant)
    return str(text.value)


def marked() -> dict[str, set[str]]:
    """Give the marked tests by reason."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in TESTS:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if (reason := reason_of(decorator, names)) is not None:
                        found[reason].add(f"{path.name}::{node.name}")
    return dict(found)


def documented() -> dict[str, set[str]]:
    text = (ROOT / "docs" / "localstack.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| (`test_.+?) \|$", text, flags=re.MULTILINE)
    return {
        reason: {f"{file}::{name}" for file, name in re.findall(r"`(test_\w+\.py)::(\w+)`", tests)}
        for reason, tests in rows
    }


def test_the_documentation_lists_what_is_marked() -> None:
    assert len(marked()) > 1
    assert documented() == marked()


def test_no_file_is_marked_as_a_whole() -> None:
    for path in TESTS:
        assert "pytestmark" not in path.read_text(encoding="utf-8")
