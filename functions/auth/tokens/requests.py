"""Reading a request to the token, introspection and revocation endpoints.

RFC 6749 §2.3.1 (client credentials), §3.2 (parameters) and §4.4.2 (the grant), RFC 7523 §2.2 (assertions).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

import msgspec

from artstore.http.request import Request
from functions.auth.tokens.oauth_errors import OAuthError, invalid_client

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MAX_BODY_BYTES = 16_384
_MAX_PARAMETERS = 20
_FORM = "application/x-www-form-urlencoded"
_BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")


@dataclass(frozen=True)
class SecretCredentials:
    """A client's id and secret, sent as HTTP Basic or in the body."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class AssertionCredentials:
    """A JWT that a client signed with its private key (private_key_jwt)."""

    client_id: str | None
    """As the body says, if it does; the assertion names the client itself."""
    assertion: str = field(repr=False)


Credentials = SecretCredentials | AssertionCredentials


@dataclass(frozen=True)
class TokenRequest:
    """A well-formed request for a token by client credentials."""

    credentials: Credentials
    scopes: frozenset[str] | None
    """None when the client leaves the choice to the server (§3.3)."""


@dataclass(frozen=True)
class AboutToken:
    """A well-formed request about a token: introspection (RFC 7662 §2.1) or revocation (RFC 7009 §2.1)."""

    credentials: Credentials
    token: str = field(repr=False)


def parse_token_request(request: Request) -> TokenRequest:
    """Read the form (or JSON) body and the client's credentials.

    Raises OAuthError: invalid_request for anything malformed, repeated or given twice; unsupported_grant_type;
    invalid_scope for a malformed scope; invalid_client when no credentials are there.
    """
    parameters = _parameters(request)
    credentials = _credentials(request, parameters)
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise OAuthError("invalid_request", "grant_type is missing")
    if grant_type != "client_credentials":
        raise OAuthError("unsupported_grant_type", "only the client_credentials grant is supported")
    return TokenRequest(credentials, _scopes(parameters.get("scope")))


def parse_about_token(request: Request) -> AboutToken:
    """Read the token that is asked about; ``token_type_hint`` is accepted and not needed. Raises OAuthError."""
    parameters = _parameters(request)
    credentials = _credentials(request, parameters)
    token = parameters.get("token")
    if token is None:
        raise OAuthError("invalid_request", "token is missing")
    return AboutToken(credentials, token)


def _parameters(request: Request) -> dict[str, str]:
    if len(request.body) > _MAX_BODY_BYTES:
        raise OAuthError("invalid_request", "the body is too large")
    if request.query:
        raise OAuthError("invalid_request", "parameters belong in the body, not in the query")
    if request.media_type == _FORM:
        return _form(request.body)
    if request.media_type == "application/json":
        return _json(request.body)
    raise OAuthError("invalid_request", f"the body must be {_FORM}")


def _json(body: bytes) -> dict[str, str]:
    """Read the body of the first ArtStore's clients: a JSON object of strings."""
    try:
        msgspec.json.decode(body, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise OAuthError("invalid_request", "the body is not a JSON object of strings") from error
    # Read once more, since msgspec keeps the last of a repeated member and does not tell.
    pairs: list[tuple[str, str]] = json.loads(body, object_pairs_hook=list)
    if any("\x00" in text for pair in pairs for text in pair):
        raise OAuthError("invalid_request", "the body has a NUL character")
    return _collect(pairs)


def _form(body: bytes) -> dict[str, str]:
    pairs = (pair.partition(b"=") for pair in body.split(b"&") if pair)
    return _collect((_decode(name), _decode(value)) for name, _, value in pairs)


def _collect(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Give the parameters that have a value, each of which may be there once (§3.2)."""
    parameters: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in pairs:
        if name in seen:
            raise OAuthError("invalid_request", "a parameter is repeated")
        seen.add(name)
        if len(seen) > _MAX_PARAMETERS:
            raise OAuthError("invalid_request", "there are too many parameters")
        if value:  # §3.2: a parameter without a value counts as omitted
            parameters[name] = value
    return parameters


def _decode(part: bytes) -> str:
    if _BAD_PERCENT.search(part):
        raise OAuthError("invalid_request", "the body has a bad percent-encoding")
    try:
        text = unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise OAuthError("invalid_request", "the body is not UTF-8") from error
    if "\x00" in text:
        raise OAuthError("invalid_request", "the body has a NUL character")
    return text


def _credentials(request: Request, parameters: dict[str, str]) -> Credentials:
    """Read the one way in which the client authenticates (§2.3: never more than one)."""
    authorization = request.headers.get("authorization")
    by_secret = "client_secret" in parameters
    by_assertion = "client_assertion" in parameters or "client_assertion_type" in parameters
    if [authorization is not None, by_secret, by_assertion].count(True) > 1:
        raise OAuthError("invalid_request", "the client authenticates in two ways")
    client_id = parameters.get("client_id")
    if authorization is not None:
        credentials = _basic_credentials(authorization)
        if client_id not in (None, credentials.client_id):
            raise OAuthError("invalid_request", "client_id differs from the authenticated client")
        return credentials
    if by_assertion:
        if parameters.get("client_assertion_type") != ASSERTION_TYPE:
            raise OAuthError("invalid_request", "client_assertion_type is not that of a JWT bearer")
        assertion = parameters.get("client_assertion")
        if assertion is None:
            raise OAuthError("invalid_request", "client_assertion is missing")
        return AssertionCredentials(client_id, assertion)
    if by_secret and client_id is not None:
        return SecretCredentials(client_id, parameters["client_secret"])
    raise invalid_client()


def _basic_credentials(authorization: str) -> SecretCredentials:
    """Read HTTP Basic; both halves are form-urlencoded before base64 (RFC 6749 §2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise invalid_client()
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_client() from error
    client_id, colon, client_secret = decoded.partition(b":")
    if not colon or not client_id:
        raise invalid_client()
    try:
        return SecretCredentials(_decode(client_id), _decode(client_secret))
    except OAuthError as error:
        raise invalid_client() from error


def _scopes(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    scopes = text.split(" ")
    if not all(_SCOPE_TOKEN.fullmatch(scope) for scope in scopes):
        raise OAuthError("invalid_scope", "scope is a list of tokens parted by single spaces")
    return frozenset(scopes)
