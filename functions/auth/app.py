"""Routes of the authorization server."""

from __future__ import annotations

import msgspec

from artstore.http import Reply, Request, create_app, endpoint
from functions.auth import dependencies, oauth_errors
from functions.auth.token_request import parse_token_request
from functions.auth.tokens import TokenResponse


class JsonWebKey(msgspec.Struct):
    """A public RSA key (RFC 7517 §4, RFC 7518 §6.3)."""

    kty: str
    kid: str
    use: str
    alg: str
    n: str
    e: str


class JsonWebKeySet(msgspec.Struct):
    """The keys that verify this archive's tokens (RFC 7517 §5)."""

    keys: list[JsonWebKey]


@endpoint(
    "POST",
    "/api/v1/auth/token",
    scope=None,
    summary="Issue an access token",
    consumes=("application/x-www-form-urlencoded", "application/json"),
    error_statuses=(401, 429),
    render_error=oauth_errors.render,
)
def issue_token(request: Request) -> Reply[TokenResponse]:
    """Exchange client credentials for an access token (RFC 6749 §4.4).

    The client authenticates with HTTP Basic, with client_id and client_secret in the body, or with a signed
    assertion (private_key_jwt, RFC 7523 §2.2), and never in two ways. Errors have the form of RFC 6749 §5.2;
    beyond the account's rate limit, and after too many failures, the answer is 429 with Retry-After.
    """
    asked = parse_token_request(request)
    client = dependencies.client_authenticator().authenticate(asked.credentials, request.source_ip)
    token = dependencies.token_issuer().issue(client.account, asked.scopes)
    return Reply(token, {**client.headers, **oauth_errors.NO_STORE}, client_id=client.account.client_id)


@endpoint("GET", "/.well-known/jwks.json", scope=None, summary="Show the public signing keys")
def show_jwks() -> Reply[JsonWebKeySet]:
    """Show the keys that verify this archive's tokens (RFC 7517 §5). May be cached for five minutes."""
    keys = [JsonWebKey(**jwk) for jwk in dependencies.published_keys().list()]
    return Reply(JsonWebKeySet(keys), {"Cache-Control": "public, max-age=300"})


ENDPOINTS = (issue_token, show_jwks)

app = create_app("auth", ENDPOINTS)
