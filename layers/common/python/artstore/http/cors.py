"""Which pages of other origins may use the API from a browser (the Fetch standard, "CORS protocol").

The API takes a bearer token and no cookie, so credentials mode is never allowed; a page brings its own token.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from artstore.http.request import Request

ANY: Final = "*"
_METHODS: Final = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
_ALLOWED_HEADERS: Final = "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"
EXPOSED_HEADERS: Final = (
    "Allow",
    "Content-Disposition",
    "ETag",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-Id",
)
_MAX_AGE_SECONDS: Final = 7200  # no browser keeps the answer to a preflight for longer


class CorsPolicy:
    """The origins whose pages may read the API's answers."""

    def __init__(self, origins: Iterable[str]) -> None:
        """Allow ``origins``; ``*`` in one stands for any characters, as in those of a bucket."""
        patterns = [re.escape(origin).replace(r"\*", ".*") for origin in origins]
        self._allowed = re.compile("|".join(patterns)) if patterns else None
        self._any = ANY in origins

    def headers(self, request: Request) -> Mapping[str, str]:
        """Give the headers of any answer to ``request``, an error's too."""
        vary = {"Vary": "Origin"}
        origin = request.headers.get("origin")
        if origin is None or self._allowed is None or not self._allowed.fullmatch(origin):
            return vary
        return {
            **vary,
            "Access-Control-Allow-Origin": ANY if self._any else origin,
            "Access-Control-Expose-Headers": ", ".join(EXPOSED_HEADERS),
        }

    @staticmethod
    def preflight_headers(request: Request) -> Mapping[str, str]:
        """Give what the answer to a preflight has besides; nothing when ``request`` is none.

        It is the same for every path, known or not: else a page could not read that a path is unknown (404), or
        has not that method (405).
        """
        if not {"origin", "access-control-request-method"} <= request.headers.keys():
            return {}
        return {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
            "Access-Control-Max-Age": str(_MAX_AGE_SECONDS),
        }
