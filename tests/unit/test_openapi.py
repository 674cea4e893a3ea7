"""The OpenAPI document says what clients must send and what they may get, in every form that occurs."""

from __future__ import annotations

import json
from typing import Any

import pytest

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
    assert set(content) == {FORM, "application/json"}
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
        ("DELETE", "/api/v1/service-accounts/{client_id}", "If-Match", True),
        ("POST", "/api/v1/service-accounts/{client_id}/restore", "If-Match", False),
        ("POST", "/api/v1/service-accounts/{client_id}/rotate-secret", "If-Match", False),
        ("POST", "/api/v1/service-accounts", "Idempotency-Key", False),
    ],
)
def test_headers_that_count_are_named(method: str, path: str, header: str, required: bool) -> None:
    named = {each["name"]: each for each in operation(method, path)["parameters"] if each["in"] == "header"}
    assert named[header]["required"] is required
    assert named[header]["description"]


def test_a_repeated_creation_is_answered_as_well() -> None:
    responses = operation("POST", "/api/v1/service-accounts")["responses"]
    assert responses["200"]["content"] == responses["201"]["content"]


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    known = sum(text.count(f'"$ref": "#/components/schemas/{name}"') for name in SCHEMAS)
    assert known == text.count('"$ref": ')
