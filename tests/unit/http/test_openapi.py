"""The OpenAPI document says what clients must send and what they may get, in every form that occurs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import validate

from artstore.security import Scope
from infra import openapi

DOCUMENT: dict[str, Any] = json.loads(openapi.document())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
FORM = "application/x-www-form-urlencoded"


def operation(method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return found


def schema_of(content: dict[str, Any], media_type: str) -> dict[str, Any]:
    reference: str = content[media_type]["schema"]["$ref"]
    schema: dict[str, Any] = SCHEMAS[reference.rpartition("/")[2]]
    return schema


@pytest.mark.parametrize(
    ("endpoint", "required"), [("token", "grant_type"), ("introspect", "token"), ("revoke", "token")]
)
def test_the_endpoints_of_oauth_take_a_form_and_refuse_as_rfc_6749_does(endpoint: str, required: str) -> None:
    described = operation("POST", f"/api/v1/auth/{endpoint}")
    content = described["requestBody"]["content"]
    assert set(content) == {FORM}, "of two media types generators make a client that sends both"
    for media_type in content:
        schema = schema_of(content, media_type)
        assert schema["required"] == [required]
        assert {"client_id", "client_secret", "client_assertion", "client_assertion_type"} < set(
            schema["properties"]
        )
        assert schema.get("additionalProperties", True), "unknown parameters are ignored (RFC 6749 §3.2)"
    for status in ("400", "401", "429", "500", "503"):
        refusal = schema_of(described["responses"][status]["content"], "application/json")
        assert {"error", "error_description"} < set(refusal["properties"])


@pytest.mark.parametrize(
    ("method", "path", "header", "required"),
    [
        ("PATCH", "/api/v1/service-accounts/{client_id}", "If-Match", True),
        ("DELETE", "/api/v1/service-accounts/{client_id}", "If-Match", False),
        ("POST", "/api/v1/service-accounts/{client_id}/restore", "If-Match", False),
        ("POST", "/api/v1/service-accounts/{client_id}/rotate-secret", "If-Match", False),
        ("POST", "/api/v1/service-accounts", "Idempotency-Key", False),
        ("POST", "/api/v1/files", "Idempotency-Key", False),
    ],
)
def test_headers_that_count_are_named(method: str, path: str, header: str, required: bool) -> None:
    named = {each["name"]: each for each in operation(method, path)["parameters"] if each["in"] == "header"}
    assert named[header]["required"] is required
    assert named[header]["description"]


def test_a_repeated_creation_is_answered_as_well() -> None:
    responses = operation("POST", "/api/v1/service-accounts")["responses"]
    assert responses["200"]["content"] == responses["201"]["content"]


def test_the_document_is_valid() -> None:
    validate(DOCUMENT)


@pytest.mark.parametrize(
    ("model", "member"),
    [
        ("Document", "created_at"),
        ("Retention", "expires_at"),
        ("UploadTarget", "expires_at"),
        ("Account", "deleted_at"),
    ],
)
def test_a_time_is_said_to_be_one(model: str, member: str) -> None:
    assert SCHEMAS[model]["properties"][member]["format"] == "date-time"


def test_every_operation_has_a_tag_that_is_described() -> None:
    described = {each["name"] for each in DOCUMENT["tags"] if each["description"]}
    operations = [each for methods in DOCUMENT["paths"].values() for each in methods.values()]
    assert {tag for each in operations for tag in each["tags"]} == described
    assert all(len(each["tags"]) == 1 for each in operations)


def test_every_scope_is_described() -> None:
    scopes = DOCUMENT["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]["scopes"]
    assert set(scopes) == set(Scope)
    assert all(scopes.values())


@pytest.mark.parametrize(
    ("method", "path", "status", "headers"),
    [
        ("GET", "/api/v1/files/{file_id}", 200, {"ETag"}),
        ("GET", "/api/v1/files/{file_id}", 304, {"ETag"}),
        ("GET", "/api/v1/files/{file_id}", 401, {"WWW-Authenticate"}),
        ("GET", "/api/v1/files/{file_id}", 503, {"Retry-After"}),
        ("GET", "/api/v1/files/{file_id}/download", 307, {"Location"}),
        ("POST", "/api/v1/files", 201, {"Location"}),
        ("POST", "/api/v1/files", 200, {"Location"}),
        ("POST", "/api/v1/service-accounts", 201, {"ETag", "Location"}),
        ("PATCH", "/api/v1/service-accounts/{client_id}", 200, {"ETag"}),
        ("POST", "/api/v1/auth/token", 200, {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}),
        ("POST", "/api/v1/auth/token", 429, {"RateLimit-Limit", "Retry-After"}),
        ("GET", "/health/live", 200, {"X-Request-Id"}),
    ],
)
def test_the_headers_of_answers_are_named(method: str, path: str, status: int, headers: set[str]) -> None:
    assert headers <= set(operation(method, path)["responses"][str(status)]["headers"])


def test_a_body_is_required_unless_every_member_is_optional() -> None:
    optional = operation("POST", "/api/v1/service-accounts/{client_id}/rotate-secret")
    assert optional["requestBody"]["required"] is False
    assert operation("POST", "/api/v1/files")["requestBody"]["required"] is True


def test_the_operations_that_read_json_and_no_others_tell_that_they_refuse_another_type() -> None:
    every = {
        f"{method} {path}": each for path, methods in DOCUMENT["paths"].items() for method, each in methods.items()
    }
    reading = {name for name, each in every.items() if _is_json_alone(each)}
    assert reading
    assert {name for name, each in every.items() if "415" in each["responses"]} == reading


def _is_json_alone(each: Any) -> bool:
    types = set(each.get("requestBody", {}).get("content", {}))
    return "application/json" in types and "application/x-www-form-urlencoded" not in types


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    kinds = {kind: DOCUMENT["components"][kind] for kind in ("schemas", "headers")}
    known = sum(text.count(f'"$ref": "#/components/{kind}/{name}"') for kind in kinds for name in kinds[kind])
    assert known == text.count('"$ref": ')
