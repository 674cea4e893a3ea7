"""The OpenAPI 3.0.3 document, generated from the endpoints themselves.

3.0 rather than 3.1, because API Gateway imports no later version.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import msgspec.inspect

from artstore.http import problems
from artstore.http.decoding import may_be_absent, media_types
from artstore.http.endpoint import Endpoint, Redirect
from artstore.security import SCOPE_DESCRIPTIONS

_REF = "#/components/schemas/{name}"
_SECURITY_SCHEME = "oauth2"
TOKEN_PATH = "/api/v1/auth/token"  # noqa: S105  # a path, no secret
_HEADERS: dict[str, tuple[str, str]] = {
    "X-Request-Id": ("string", "Names the request in the archive's log"),
    "ETag": ("string", "Entity tag of this version, for If-Match and If-None-Match (RFC 9110 §8.8.3)"),
    "Location": ("string", "Where the thing is (RFC 9110 §10.2.2)"),
    "Retry-After": ("integer", "Seconds to wait before the request is worth repeating (RFC 9110 §10.2.3)"),
    "WWW-Authenticate": ("string", "How to authenticate, and what is wanting (RFC 9110 §11.6.1, RFC 6750 §3)"),
    "RateLimit-Limit": ("integer", "Requests that the account may make in a minute"),
    "RateLimit-Remaining": ("integer", "Requests that are left of them"),
    "RateLimit-Reset": ("integer", "Seconds until all of them may be made again"),
}
"""Headers of answers: type and description."""
_HEADER_OF_STATUS = {401: "WWW-Authenticate", 403: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
_RATE_LIMIT = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def build_document(
    endpoints: Iterable[Endpoint],
    *,
    title: str,
    version: str,
    description: str,
    tags: Mapping[str, str],
    tag_of: Callable[[Endpoint], str],
) -> dict[str, Any]:
    """Build the document of all ``endpoints``; pure and deterministic.

    ``tags`` are the groups of operations with their descriptions, ``tag_of`` says to which an operation belongs.
    The addresses in it are relative to the API's own, which whoever serves the document puts in.
    """
    endpoints = sorted(endpoints, key=lambda each: (each.path, each.method))
    models = [problems.Problem, *(model for each in endpoints for model in _models(each))]
    _, components = msgspec.json.schema_components(models, ref_template=_REF)
    document: dict[str, Any] = {
        "openapi": "3.0.3",
        "info": {
            "title": title,
            "version": version,
            "description": description,
            "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in tags.items()],
        "paths": {},
        "components": {
            "headers": {
                name: {"description": text, "schema": {"type": kind}} for name, (kind, text) in _HEADERS.items()
            },
            "schemas": _with_times(
                {name: _as_openapi_30(schema) for name, schema in sorted(components.items())}, models
            ),
            "securitySchemes": {
                _SECURITY_SCHEME: {
                    "type": "oauth2",
                    "flows": {
                        "clientCredentials": {
                            "tokenUrl": TOKEN_PATH,
                            "scopes": {str(scope): text for scope, text in SCOPE_DESCRIPTIONS.items()},
                        }
                    },
                }
            },
        },
    }
    for each in endpoints:
        document["paths"].setdefault(each.path, {})[each.method.lower()] = _operation(each, tag_of(each))
    return document


def _with_times(schemas: dict[str, Any], models: list[Any]) -> dict[str, Any]:
    """Say of each time that it is one of RFC 3339, which msgspec does not of those that could have no offset."""
    waiting: list[Any] = [msgspec.inspect.type_info(model) for model in models]
    seen: set[Any] = set()
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, msgspec.inspect.StructType) and kind.cls not in seen:
            seen.add(kind.cls)
            for field in kind.fields:
                waiting.append(field.type)
                alternatives = getattr(field.type, "types", (field.type,))
                if any(isinstance(each, msgspec.inspect.DateTimeType) for each in alternatives):
                    schemas[kind.cls.__name__]["properties"][field.encode_name]["format"] = "date-time"
        waiting += [*getattr(kind, "types", ()), *filter(None, [getattr(kind, "item_type", None)])]
    return schemas


def _models(each: Endpoint) -> list[Any]:
    models = [each.parameters[name] for name in ("body", "query") if name in each.parameters]
    models += [model for model in (each.body_model, each.error_model) if model is not None]
    return models + [model for answer in each.answers.values() for model in _forms(answer) if _is_model(model)]


def _forms(answer: Any) -> tuple[Any, ...]:
    """Give the forms that an answer may have: one, or those of a union."""
    return typing.get_args(answer) if isinstance(answer, types.UnionType) else (answer,)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _operation(each: Endpoint, tag: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": each.operation_id,
        "tags": [tag],
        "summary": each.summary,
        "description": each.description,
        "parameters": [*_path_parameters(each), *_query_parameters(each), *_header_parameters(each)],
        "responses": _responses(each),
    }
    if each.scope is not None:
        operation["security"] = [{_SECURITY_SCHEME: [str(each.scope)]}]
    if "body" in each.parameters:
        schema = _reference(each.parameters["body"])
        required = not may_be_absent(each.parameters["body"])
        content = {media_type: {"schema": schema} for media_type in media_types(each.method)}
        operation["requestBody"] = {"required": required, "content": content}
    elif each.consumes:
        schema = {"type": "object"} if each.body_model is None else _reference(each.body_model)
        content = {media_type: {"schema": schema} for media_type in each.consumes}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _path_parameters(each: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _simple_schema(kind)}
        for name, kind in each.parameters.items()
        if "{" + name + "}" in each.path
    ]


def _query_parameters(each: Endpoint) -> list[dict[str, Any]]:
    model = each.parameters.get("query")
    if model is None:
        return []
    schema = msgspec.json.schema_components([model], ref_template=_REF)[1][model.__name__]
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _without_null(_as_openapi_30(member)),
        }
        for name, member in schema["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a query string cannot say: in it a parameter is there or is not."""
    kept = {
        name: value for name, value in schema.items() if name != "nullable" and (name, value) != ("default", None)
    }
    only = kept.get("allOf", [])
    return dict(only[0]) if len(kept) == 1 and len(only) == 1 else kept


def _header_parameters(each: Endpoint) -> list[dict[str, Any]]:
    return [
        {
            "name": header.name,
            "in": "header",
            "description": header.description,
            "required": header.required,
            "schema": {"type": "string"},
        }
        for header in each.headers
    ]


def _reference(model: Any) -> dict[str, Any]:
    return {"$ref": _REF.format(name=model.__name__)}


def _simple_schema(kind: Any) -> dict[str, Any]:
    schema: dict[str, Any] = _as_openapi_30(msgspec.json.schema(kind))
    return schema


def _responses(each: Endpoint) -> dict[str, Any]:
    responses = {status: _success(model, each.produces) for status, model in each.answers.items()}
    if each.etag and each.method == "GET":
        responses[304] = {"description": "What If-None-Match names is still the present version"}
    media_type = "application/problem+json" if each.error_model is problems.Problem else "application/json"
    error = {"schema": _reference(each.error_model)}
    for status in _error_statuses(each):
        responses[status] = {"description": problems.phrase_of(status), "content": {media_type: error}}
    return {
        str(status): {**response, "headers": _response_headers(each, status)}
        for status, response in sorted(responses.items())
    }


def _error_statuses(each: Endpoint) -> set[int]:
    statuses = {500, 503, *each.error_statuses}
    if each.scope is not None:
        statuses |= {401, 403}
    if {"body", "query"} & set(each.parameters) or "{" in each.path or each.consumes or each.headers:
        statuses.add(400)
    if "body" in each.parameters or each.consumes == ("application/json",):  # of another media type
        statuses.add(415)
    return statuses


def _response_headers(each: Endpoint, status: int) -> dict[str, Any]:
    names = ["X-Request-Id"]
    if status in _HEADER_OF_STATUS:
        names.append(_HEADER_OF_STATUS[status])
    if each.etag and (status in each.answers or status == 304):
        names.append("ETag")
    if status == 201 or (each.status == 201 and status in each.answers) or each.answers.get(status) is Redirect:
        names.append("Location")
    if 429 in each.error_statuses and (status in each.answers or status == 429):
        names += _RATE_LIMIT
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _success(model: Any, produces: tuple[str, ...] = ()) -> dict[str, Any]:
    if model is Redirect:
        return {"description": "The document is at the address in Location"}
    if model is type(None):
        return {"description": "Success"}
    forms = [_reference(each) if _is_model(each) else {"type": "object"} for each in _forms(model)]
    schema = forms[0] if len(forms) == 1 else {"oneOf": forms}
    content = {"application/json": {"schema": schema}}
    content |= {media_type: {"schema": {"type": "string"}} for media_type in produces}
    return {"description": "Success", "content": content}


def _as_openapi_30(schema: Any) -> Any:
    """Rewrite a JSON Schema 2020-12 of msgspec in the dialect of OpenAPI 3.0."""
    if isinstance(schema, list):
        return [_as_openapi_30(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: _as_openapi_30(value) for name, value in schema.items()}
    if isinstance(schema.get("description"), str):  # a docstring; Python before 3.13 keeps its indentation
        schema["description"] = inspect.cleandoc(schema["description"])
    alternatives = schema.get("anyOf")
    if isinstance(alternatives, list) and {"type": "null"} in alternatives:
        others = [each for each in alternatives if each != {"type": "null"}]
        del schema["anyOf"]
        only_reference = len(others) == 1 and "$ref" in others[0]
        schema |= {"allOf": others} if only_reference else others[0] if len(others) == 1 else {"anyOf": others}
        schema["nullable"] = True
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if schema.get("required") == []:  # JSON Schema has it, OpenAPI 3.0 not
        del schema["required"]
    if schema.get("additionalProperties") == {}:
        schema["additionalProperties"] = True
    return schema
