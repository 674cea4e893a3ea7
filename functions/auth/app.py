"""Routes of the authorization server."""

from __future__ import annotations

from artstore.http import create_app
from functions.auth import dependencies
from functions.auth.accounts import routes as account_routes
from functions.auth.audit import routes as audit_routes
from functions.auth.keys import routes as key_routes
from functions.auth.tokens import metadata_routes
from functions.auth.tokens import routes as token_routes

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
