"""The JSON Schema (2020-12) of attr.json, generated from the model that reads and writes it.

``python -m infra.attr_schema --write`` writes docs/attr.schema.json, ``--check`` fails when it differs from the
code. It is for programs that read or write archives without this code: what ArtStore writes is valid, and so is
every attr.json of schema 2.x that the first ArtStore wrote. A valid one may still be refused: a schema says
nothing of bytes, nesting, and days that there are not.
"""

from __future__ import annotations

import argparse
import inspect
import json
import pathlib
import re
import sys
import typing
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from artstore.attributes import Attributes

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "attr.schema.json"
_ID = "urn:artstore:attr.json:2.0"
_TIME = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?(?!\n)$"
"""RFC 3339, or without an offset, as the first ArtStore wrote some: so it is no date-time of JSON Schema."""
_VERSION = r"^2(\.\d+)*(?!\n)$"


def schema() -> dict[str, Any]:
    """Build the schema; deterministic."""
    (root,), components = msgspec.json.schema_components([Attributes], ref_template="#/$defs/{name}")
    definitions = {name: _plain(each) for name, each in components.items()}
    for model in _models(Attributes):
        for field in msgspec.structs.fields(model):
            if datetime in (field.type, *typing.get_args(field.type)):
                time = {"type": "string", "pattern": _TIME}
                optional = {"anyOf": [time, {"type": "null"}], "default": None}
                definitions[model.__name__]["properties"][field.name] = time if field.required else optional
    attributes = definitions.pop(root["$ref"].removeprefix("#/$defs/"))
    properties = attributes["properties"]
    properties["schema_version"] = {"type": "string", "pattern": _VERSION}
    for name in ("metadata", "custom_attributes"):  # free, and null where the first ArtStore had nothing to say
        properties[name]["type"] = ["object", "null"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _ID,
        "title": "attr.json",
        "description": attributes["description"],
        "type": "object",
        "required": ["schema_version", *attributes["required"]],
        "properties": properties,
        "if": {"properties": {"checksum": {"type": "null"}}},
        "then": {"properties": {"checksum_verified": {"const": False}}, "required": ["checksum_verified"]},
        "$defs": definitions,
    }


def text() -> str:
    """Give the schema as the file has it."""
    return json.dumps(schema(), ensure_ascii=False, indent=2) + "\n"


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Say of a model what it says of the file: unknown fields lie beside the known ones, and may be there."""
    plain: dict[str, Any] = _rewritten(schema)
    plain["properties"].pop("unknown")
    plain.pop("title")
    plain["description"] = inspect.cleandoc(plain["description"]).replace("``", "`")
    return plain


def _models(model: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    """Give a model, and those that its fields may hold."""
    yield model
    for field in msgspec.structs.fields(model):
        for each in typing.get_args(field.type):
            if isinstance(each, type) and issubclass(each, msgspec.Struct):
                yield from _models(each)


def _rewritten(value: Any) -> Any:
    """Rewrite patterns that are Python's. The end of a text is told so that Python takes no newline for it."""
    if isinstance(value, list):
        return [_rewritten(each) for each in value]
    if not isinstance(value, dict):
        return value
    rewritten = {name: _rewritten(each) for name, each in value.items()}
    if isinstance(rewritten.get("pattern"), str):
        rewritten["pattern"] = re.sub(r"^\\A(.*)\\Z$", r"^\1(?!\\n)$", rewritten["pattern"])
    return rewritten


def main(arguments: Iterable[str] | None = None) -> int:
    """Write or check the file; 1 when a check finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m infra.attr_schema")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    if DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == text():
        return 0
    if chosen.write:
        DOCUMENT.write_text(text(), encoding="utf-8")
    print(f"{'written' if chosen.write else 'differs from the code'}: {DOCUMENT.relative_to(ROOT)}")
    return 1 if chosen.check and not chosen.write else 0


if __name__ == "__main__":
    sys.exit(main())
