"""Reading a token request (RFC 6749 §2.3.1, §3.2, §4.4.2)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

import msgspec

from artstore.http.request import Request
from functions.auth.oauth_errors import OAuthError, invalid_client

_MAX_BODY_BYTES = 16_384
_MAX_PARAMETERS = 20
_FORM = "application/x-www-form-urlencoded"
_BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")


@dataclass(frozen=True)
class TokenRequest:
    """A well-formed request for a token by client credentials."""

    client_id: str
    client_secret: str = field(repr=False)
    scopes: frozenset[str] | None
    """None when the client leaves the choice to the server (§3.3)."""


def parse_token_request(request: Request) -> TokenRequest:
    """Read the form (or JSON) body and the client's credentials.

    Raises OAuthError: invalid_request for anything malformed, repeated or given twice; unsupported_grant_type;
    invalid_scope for a malformed scope; invalid_client when no credentials are there.
    """
    parameters = _parameters(request)
    client_id, client_secret = _credentials(request, parameters)
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise OAuthError("invalid_request", "grant_type is missing")
    if grant_type != "client_credentials":
        raise OAuthError("unsupported_grant_type", "only the client_credentials grant is supported")
    return TokenRequest(client_id, client_secret, _scopes(parameters.get("scope")))


def _parameters(request: Request) -> dict[str, str]:
    if len(request.body) > _MAX_BODY_BYTES:
        raise OAuthError("invalid_request", "the body is too large")
    if request.query:
        raise OAuthError("invalid_request", "parameters belong in the body, not in the query")
    if request.media_type == _FORM:
        return _form(request.body)
    if request.media_type == "application/json":
        try:
            return {k: v for k, v in msgspec.json.decode(request.body, type=dict[str, str]).items() if v}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise OAuthError("invalid_request", "the body is not a JSON object of strings") from error
    raise OAuthError("invalid_request", f"the body must be {_FORM}")


def _form(body: bytes) -> dict[str, str]:
    parameters: dict[str, str] = {}
    seen: set[str] = set()
    pairs = [pair for pair in body.split(b"&") if pair]
    if len(pairs) > _MAX_PARAMETERS:
        raise OAuthError("invalid_request", "there are too many parameters")
    for pair in pairs:
        name, _, value = (_decode(part) for part in pair.partition(b"="))
        if name in seen:
            raise OAuthError("invalid_request", "a parameter is repeated")
        seen.add(name)
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


def _credentials(request: Request, parameters: dict[str, str]) -> tuple[str, str]:
    authorization = request.headers.get("authorization")
    in_body = "client_secret" in parameters
    if authorization is not None:
        if in_body:
            raise OAuthError("invalid_request", "the client authenticates in two ways")
        client_id, client_secret = _basic_credentials(authorization)
        if parameters.get("client_id", client_id) != client_id:
            raise OAuthError("invalid_request", "client_id differs from the authenticated client")
        return client_id, client_secret
    if in_body and "client_id" in parameters:
        return parameters["client_id"], parameters["client_secret"]
    raise invalid_client()


def _basic_credentials(authorization: str) -> tuple[str, str]:
    """Read HTTP Basic; both halves are form-urlencoded before base64 (RFC 6749 §2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise invalid_client()
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_client() from error
    client_id, colon, client_secret = decoded.partition(b":")
    if not colon:
        raise invalid_client()
    try:
        return _decode(client_id), _decode(client_secret)
    except OAuthError as error:
        raise invalid_client() from error


def _scopes(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    scopes = text.split(" ")
    if not all(_SCOPE_TOKEN.fullmatch(scope) for scope in scopes):
        raise OAuthError("invalid_scope", "scope is a list of tokens parted by single spaces")
    return frozenset(scopes)
