"""What a client can learn about this authorization server before it asks for anything (RFC 8414)."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from artstore.errors import NotFound
from artstore.http import Reply, endpoint
from artstore.security import Scope
from functions.auth import dependencies
from functions.auth.tokens.client_assertion import ALGORITHMS

_AUTHENTICATION_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")


class ServerMetadata(msgspec.Struct, kw_only=True):
    """The metadata of this authorization server (RFC 8414 §2)."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    introspection_endpoint: str
    revocation_endpoint: str
    grant_types_supported: list[str]
    response_types_supported: list[str]
    """None: there is no authorization endpoint."""
    scopes_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_signing_alg_values_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]


@endpoint(
    "GET",
    "/.well-known/oauth-authorization-server",
    scope=None,
    summary="Describe the authorization server",
    etag=True,
    error_statuses=(404,),
)
def show_server_metadata() -> Reply[ServerMetadata]:
    """Describe the authorization server (RFC 8414 §2): its endpoints, and how clients authenticate.

    Found at the issuer's URL followed by this path, with the stage before it, as OpenID Connect Discovery §4 has
    it. 404 where the issuer is not a URL.
    """
    issuer = dependencies.settings().issuer
    if urlsplit(issuer).scheme not in ("https", "http"):
        raise NotFound("the issuer of this archive is not a URL, so it has no endpoints to name")
    return Reply(describe_server(issuer), {"Cache-Control": "public, max-age=300"})


def describe_server(issuer: str) -> ServerMetadata:
    """Give the metadata of the server whose issuer is that URL."""
    base = issuer.rstrip("/")
    methods, algorithms = list(_AUTHENTICATION_METHODS), list(ALGORITHMS)
    return ServerMetadata(
        issuer=issuer,
        token_endpoint=f"{base}/api/v1/auth/token",
        jwks_uri=f"{base}/.well-known/jwks.json",
        introspection_endpoint=f"{base}/api/v1/auth/introspect",
        revocation_endpoint=f"{base}/api/v1/auth/revoke",
        grant_types_supported=["client_credentials"],
        response_types_supported=[],
        scopes_supported=[str(scope) for scope in Scope],
        token_endpoint_auth_methods_supported=methods,
        token_endpoint_auth_signing_alg_values_supported=algorithms,
        introspection_endpoint_auth_methods_supported=methods,
        introspection_endpoint_auth_signing_alg_values_supported=algorithms,
        revocation_endpoint_auth_methods_supported=methods,
        revocation_endpoint_auth_signing_alg_values_supported=algorithms,
    )


ENDPOINTS = (show_server_metadata,)
