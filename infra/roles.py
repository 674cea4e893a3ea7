"""Generates docs/roles.md: which role may ask for which scope, and what each scope permits.

    python -m infra.roles --write    writes the page
    python -m infra.roles --check    exits 1 when it differs from the code

A test compares them too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from artstore.http import Endpoint
from artstore.security import ROLE_SCOPES, Role, Scope
from infra.openapi import ENDPOINTS_OF, ROOT

PATH = ROOT / "docs" / "roles.md"

_INTRODUCTION = """\
# Roles and scopes

Generated from the code by `python -m infra.roles --write`; a test compares them. A service account has one role
and, if its `scopes` say so, fewer scopes than its role. A token carries the scopes that were asked for, or all
that the account may have, and each operation needs exactly one scope. What no table here grants is refused with
403 `insufficient_scope`; a role or scope that is not named here grants nothing.
"""
_YES, _NO = "yes", "–"


def page() -> str:
    """Give the text of the page."""
    operations = [(name, each) for name, endpoints in ENDPOINTS_OF.items() for each in endpoints]
    return "\n".join(
        [
            _INTRODUCTION,
            "## Which role may ask for which scope",
            "",
            *_table(["scope", *Role], ([f"`{scope}`", *_held(scope)] for scope in Scope)),
            "",
            "## Which operation needs which scope",
            "",
            *_table(
                ["operation", "function", "scope", *Role],
                (
                    [f"{each.method} `{each.path}`", function, f"`{each.scope}`", *_held(each.scope)]
                    for function, each in sorted(operations, key=_order)
                    if each.scope is not None
                ),
            ),
            "",
            "## Operations that need no token",
            "",
            "The token endpoint and its two companions authenticate the client itself (RFC 6749 §2.3).",
            "",
            *_table(
                ["operation", "function"],
                (
                    [f"{each.method} `{each.path}`", function]
                    for function, each in sorted(operations, key=_order)
                    if each.scope is None
                ),
            ),
            "",
        ]
    )


def _held(scope: Scope) -> list[str]:
    return [_YES if scope in ROLE_SCOPES[role] else _NO for role in Role]


def _order(operation: tuple[str, Endpoint]) -> tuple[int, str, str]:
    each = operation[1]
    return list(Scope).index(each.scope) if each.scope else 0, each.path, each.method


def _table(head: Iterable[str], rows: Iterable[list[str]]) -> list[str]:
    head = list(head)
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]


def main(arguments: list[str] | None = None) -> int:
    """Write or check the page; 1 when a check finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m infra.roles")
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--write", action="store_true")
    chosen.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    text = page()
    if PATH.exists() and PATH.read_text(encoding="utf-8") == text:
        return 0
    if options.check:
        print(
            f"{PATH.relative_to(ROOT)} differs from the code: run python -m infra.roles --write", file=sys.stderr
        )
        return 1
    PATH.write_text(text, encoding="utf-8")
    print(f"written: {PATH.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
