"""From a request's body, query and path to the values that a handler takes.

Everything here raises Invalid for what breaks a rule.
"""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from artstore.errors import Invalid
from artstore.http.request import Request
from artstore.http.violations import describe

T = TypeVar("T", bound=msgspec.Struct)

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
"""What a PATCH may call its body too: every one here is a merge patch (RFC 7396)."""


@functools.cache
def may_be_absent(model: Any) -> bool:
    """Tell whether every member of ``model`` is optional: then no body means ``{}``."""
    try:
        msgspec.convert({}, model)
    except msgspec.ValidationError:
        return False
    return True


def decode_body(request: Request, model: type[T]) -> T:
    """Read a JSON body."""
    body = request.body
    if not body and may_be_absent(model):
        body = b"{}"
    elif request.media_type not in media_types(request.method):
        raise Invalid(f"the body must be {JSON}", code="unsupported_media_type")
    return decode_json(body, model, "the body")


def decode_json(text: bytes | msgspec.Raw, model: type[T], what: str) -> T:
    """Read JSON, ``what`` it is named for the caller: a body, or a part of one that is judged by itself."""
    try:
        return msgspec.json.decode(text, type=model)
    except msgspec.ValidationError as error:
        detail, member = describe(error, model)
        raise Invalid(detail if member else f"{what}{detail}", code="invalid_body", field=member) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"{what} is not valid JSON in UTF-8", code="malformed_json") from error


def media_types(method: str) -> tuple[str, ...]:
    """Give the media types of the bodies of a method."""
    return (JSON, MERGE_PATCH) if method == "PATCH" else (JSON,)


def decode_query(request: Request, model: Any) -> object:
    """Read the query string, in which each parameter may be there once."""
    if repeated := sorted(name for name, values in request.query.items() if len(values) > 1):
        raise Invalid(
            f"the query parameter {repeated[0]} is repeated", code="invalid_parameter", field=repeated[0]
        )
    values = {name: given[0] for name, given in request.query.items()}
    try:
        query = msgspec.convert(values, model, strict=False)
    except msgspec.ValidationError as error:
        detail, member = describe(error, model, textual=True)
        raise Invalid(
            detail if member else f"the query{detail}", code="invalid_parameter", field=member
        ) from error
    for each in msgspec.structs.fields(model):
        if each.encode_name in values and _is_misread(values[each.encode_name], getattr(query, each.name)):
            raise Invalid(f"{each.encode_name} is malformed", code="invalid_parameter", field=each.encode_name)
    return query


def _is_misread(text: str, value: object) -> bool:
    """Tell whether msgspec was more liberal than the API: when not strict it takes null for None, and a number for
    a time."""
    return value is None or (isinstance(value, datetime) and text[4:5] != "-")


def decode_path_parameter(request: Request, name: str, kind: Any) -> object:
    """Read what stands for ``{name}`` in the path."""
    try:
        return msgspec.convert(request.path_parameters[name], kind, strict=False)
    except msgspec.ValidationError as error:
        detail, _ = describe(error, kind, textual=True)
        raise Invalid(f"{name} in the path{detail}", code="invalid_parameter", field=name) from error
