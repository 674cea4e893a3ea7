"""Errors of the token endpoint (RFC 6749 §5.2)."""

from __future__ import annotations

import msgspec

from artstore.errors import ArtStoreError, RateLimited, Unavailable
from artstore.http.request import Request
from artstore.http.response import Response

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""Neither a token nor a refusal may be cached (RFC 6749 §5.1)."""


class OAuthErrorBody(msgspec.Struct):
    """A refusal (RFC 6749 §5.2)."""

    error: str
    """The code of the RFC, or that of a limit or failure which it does not know of."""
    error_description: str
    request_id: str


class OAuthError(ArtStoreError):
    """A refusal of the token endpoint; ``code`` is one of RFC 6749 §5.2."""

    def __init__(self, code: str, detail: str) -> None:
        """Take the error code of the RFC and a sentence for the developer, in printable ASCII (§5.2)."""
        super().__init__(detail, code=code)


def invalid_client() -> OAuthError:
    """Give the one answer to every failed client authentication, whatever failed."""
    return OAuthError("invalid_client", "client authentication failed")


def render(error: ArtStoreError, request: Request) -> Response:
    """Render ``error`` as RFC 6749 §5.2 says; a failed client authentication is 401 with a challenge."""
    headers = {"Content-Type": "application/json", **NO_STORE}
    if isinstance(error, OAuthError):
        code, status = error.code, 400
        if code == "invalid_client":
            status = 401
            headers["WWW-Authenticate"] = 'Basic realm="artstore", charset="UTF-8"'
    elif isinstance(error, RateLimited):
        code, status = error.code, 429
        headers |= {"Retry-After": str(error.retry_after)} | error.headers
    elif isinstance(error, Unavailable):
        code, status = "temporarily_unavailable", 503
        headers["Retry-After"] = "1"
    else:
        code, status = "server_error", 500
    body = OAuthErrorBody(code, error.detail, request.request_id)
    return Response(status, headers, msgspec.json.encode(body).decode())
