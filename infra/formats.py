"""Generates the tables of docs/formats.md from the registry of formats.

python -m infra.formats --write    writes the tables
python -m infra.formats --check    exits 1 when they differ from the registry
"""

from __future__ import annotations

import argparse
import pathlib
import re
import sys
from collections.abc import Iterable

from functions.storage_events.extraction.registry import FORMATS, Format

DOCUMENT = pathlib.Path(__file__).resolve().parent.parent / "docs" / "formats.md"
_MARKED = re.compile(
    r"(?P<begin><!-- BEGIN GENERATED (?P<name>[A-Z]+)[^\n]*-->\n).*?(?P<end><!-- END GENERATED (?P=name) -->)",
    re.DOTALL,
)


def generated(text: str) -> str:
    """Give the document with its tables as the registry has them."""
    tables = {"FORMATS": formats_table(), "TYPES": types_table()}
    return _MARKED.sub(lambda found: f"{found['begin']}{tables[found['name']]}{found['end']}", text)


def formats_table() -> str:
    """Give what is read of each format."""
    rows = (f"| `{each.name}` | {each.title} | {each.facts or '-'} | {each.text} |" for each in FORMATS)
    return _table("| format | documents | into `extracted` | into the index |", rows)


def types_table() -> str:
    """Give by what each format is known."""
    return _table("| format | media types | endings of names |", map(_known_by, FORMATS))


def _known_by(format_: Format) -> str:
    types, endings = (", ".join(f"`{each}`" for each in values) for values in (format_.types, format_.endings))
    return f"| `{format_.name}` | {types} | {endings} |"


def _table(head: str, rows: Iterable[str]) -> str:
    return "\n".join([head, re.sub(r"[^|]+", "---", head), *rows]) + "\n"


def main(arguments: Iterable[str] | None = None) -> int:
    """Write or check the tables; 1 when a check finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m infra.formats")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    present = DOCUMENT.read_text(encoding="utf-8")
    wanted = generated(present)
    if chosen.write and wanted != present:
        DOCUMENT.write_text(wanted, encoding="utf-8")
        print(f"written: {DOCUMENT.name}")
    return 1 if chosen.check and wanted != present else 0


if __name__ == "__main__":
    sys.exit(main())
