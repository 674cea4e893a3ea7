"""Routes of the authorization server."""

from __future__ import annotations

from artstore.http import create_app
from functions.auth import account_routes, audit_routes, dependencies, key_routes, metadata_routes, token_routes

ENDPOINTS = (
    *token_routes.ENDPOINTS,
    *account_routes.ENDPOINTS,
    *key_routes.ENDPOINTS,
    *audit_routes.ENDPOINTS,
    *metadata_routes.ENDPOINTS,
)

app = create_app(
    "auth",
    ENDPOINTS,
    authenticate=lambda token: dependencies.token_verifier().verify(token),
    refused=lambda refusal: dependencies.refusals().record(refusal),
)
