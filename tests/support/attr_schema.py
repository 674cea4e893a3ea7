"""The JSON Schema of attr.json as another tool reads it (jsonschema, which knows nothing of this code)."""

from __future__ import annotations

import functools
import json
from typing import Any

from jsonschema import Draft202012Validator

from artstore import attributes as attr
from artstore.errors import Invalid, TooLarge
from infra.attr_schema import DOCUMENT

BEYOND_A_SCHEMA = ("attributes_too_large", "attributes_too_deep", "attributes_version_unsupported")
"""What is wrong with a file, and that no JSON Schema of its one JSON object can say."""


@functools.cache
def validator() -> Draft202012Validator:
    """Give what validates against docs/attr.schema.json as it lies there."""
    schema = json.loads(DOCUMENT.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def faults(document: Any) -> list[str]:
    """Give what is wrong with the JSON value by the schema."""
    return [f"{error.json_path}: {error.message}" for error in validator().iter_errors(document)]


def _refused(raw: bytes) -> str | None:
    try:
        attr.parse(raw)
    except (Invalid, TooLarge) as error:
        return error.code
    return None


@functools.lru_cache(maxsize=10_000)
def check(raw: bytes) -> None:
    """Check that reader and schema agree on an attr.json: what one reads as schema 2.x the other finds valid, and
    what is none is valid for neither."""
    try:
        document = json.loads(raw)
    except ValueError:
        return  # no JSON, so nothing that a schema is about; or in another encoding than UTF-8
    if (code := _refused(raw)) is not None:
        assert code in BEYOND_A_SCHEMA or faults(document), f"{code}, and yet valid: {raw!r}"
    elif str(document.get("schema_version", "")).startswith("2"):
        assert not faults(document), f"{faults(document)}: {raw!r}"
