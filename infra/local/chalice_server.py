"""`chalice local`, with a gateway that hands the application what it has no route for, as the template's does.

By itself it answers an unknown path with 403 and OPTIONS by declarations that are not made here.
"""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import chalice.cli
import chalice.local

_FALLBACK = "/{proxy+}"


class _Routes(chalice.local.RouteMatcher):
    def match_route(self, url: str) -> Any:
        try:
            return super().match_route(url)
        except ValueError:
            query = parse_qs(urlsplit(url).query, keep_blank_values=True)
            return chalice.local.MatchResult(_FALLBACK, {}, query)


class _Gateway(chalice.local.LocalGateway):
    def handle_request(self, method: str, path: str, headers: Any, body: bytes | None) -> Any:
        event = self._generate_lambda_event(method, path, headers, body)
        return self._app_object(event, self._generate_lambda_context())


if __name__ == "__main__":
    vars(chalice.local).update(RouteMatcher=_Routes, LocalGateway=_Gateway)
    sys.exit(chalice.cli.main())
