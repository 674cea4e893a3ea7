"""Routes of tokens: issue (RFC 6749), introspect (RFC 7662) and revoke (RFC 7009)."""

from __future__ import annotations

import msgspec

from artstore.http import Reply, Request, endpoint
from functions.auth import dependencies
from functions.auth.tokens import oauth_errors
from functions.auth.tokens.forms import AboutTokenForm, TokenForm
from functions.auth.tokens.issuing import TokenResponse
from functions.auth.tokens.requests import parse_about_token, parse_token_request

# A JSON object of the same members is read as well, for clients of old; the document offers the form alone, since
# generators make of two media types a client that sends both.
_FORM = ("application/x-www-form-urlencoded",)


class Introspection(msgspec.Struct, omit_defaults=True):
    """What is told of a token (RFC 7662 §2.2); only ``active`` when it is not."""

    active: bool
    token_type: str | None = None
    scope: str | None = None
    spaces: dict[str, str] | None = None
    """The spaces it is for, each with its document scopes there, parted by blanks, ``*`` for every space. Absent:
    the default space, with all of its document scopes."""
    client_id: str | None = None
    username: str | None = None
    exp: int | None = None
    iat: int | None = None
    sub: str | None = None
    aud: str | None = None
    iss: str | None = None
    jti: str | None = None


@endpoint(
    "POST",
    "/api/v1/auth/token",
    scope=None,
    summary="Issue an access token",
    consumes=_FORM,
    body_model=TokenForm,
    error_statuses=(401, 429),
    render_error=oauth_errors.render,
    error_model=oauth_errors.OAuthErrorBody,
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


@endpoint(
    "POST",
    "/api/v1/auth/introspect",
    scope=None,
    summary="Tell whether a token is active",
    consumes=_FORM,
    body_model=AboutTokenForm,
    error_statuses=(401, 429),
    render_error=oauth_errors.render,
    error_model=oauth_errors.OAuthErrorBody,
)
def introspect_token(request: Request) -> Reply[Introspection]:
    """Describe an active token (RFC 7662) to its own client or to an administrator of accounts.

    The client authenticates as at the token endpoint. About any other token the answer is ``{"active": false}``
    and nothing more, whether it is unknown, expired, revoked or another client's.
    """
    asked = parse_about_token(request)
    client = dependencies.client_authenticator().authenticate(asked.credentials, request.source_ip)
    described = dependencies.token_status().introspect(asked.token, client.account)
    headers = {**client.headers, **oauth_errors.NO_STORE}
    return Reply(msgspec.convert(described, Introspection), headers, client_id=client.account.client_id)


@endpoint(
    "POST",
    "/api/v1/auth/revoke",
    scope=None,
    summary="Revoke a token",
    consumes=_FORM,
    body_model=AboutTokenForm,
    error_statuses=(401, 429),
    render_error=oauth_errors.render,
    error_model=oauth_errors.OAuthErrorBody,
)
def revoke_token(request: Request) -> Reply[None]:
    """End a token before its time (RFC 7009); every function refuses it within the revocation delay.

    The client authenticates as at the token endpoint, and may end its own tokens, an administrator of accounts
    any. An unknown or expired token is 200 as well (§2.2). A client that ends more than a thousand tokens in the
    time that one lives ends all it was issued with each further one.
    """
    asked = parse_about_token(request)
    client = dependencies.client_authenticator().authenticate(asked.credentials, request.source_ip)
    dependencies.token_status().revoke(asked.token, client.account, request.source_ip, request.request_id)
    return Reply(None, {**client.headers, **oauth_errors.NO_STORE}, client_id=client.account.client_id)


ENDPOINTS = (issue_token, introspect_token, revoke_token)
