"""If-Match: a change is made to what the client has seen, or not at all (RFC 9110 §13.1.1, RFC 6585 §3).
If-None-Match: what the client has already is not sent again (§13.1.2)."""

from __future__ import annotations

import re
from collections.abc import Collection
from http import HTTPStatus

from artstore.errors import Invalid, PreconditionFailed
from artstore.http.endpoint import Header
from artstore.http.request import Request
from artstore.http.response import Response

OPTIONAL_IF_MATCH = Header("If-Match", "The ETag that was read; the request is refused when there is a newer one")
IF_MATCH = Header(OPTIONAL_IF_MATCH.name, OPTIONAL_IF_MATCH.description + "; * for any", required=True)

_TAG = r'\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*'
_ENTITY_TAGS = re.compile(f"{_TAG}(?:,{_TAG})*")
_ENTITY_TAG = re.compile(r'(W/)?("[^"]*")')
_BESIDES = re.compile(r'(?:-(?:in_progress|restored)(?:-[0-9]{8})?)?(?:-checked[0-9]{14})?(?="$)')
"""What a restore, and a check of its fixity, add to a document's ETag: they change what is shown, and nothing that
is written."""


class IfMatch:
    """The If-Match field of a request."""

    def __init__(self, value: str | None) -> None:
        """Read the field's value, None when the request has none. Raises Invalid when it is malformed."""
        self._any = value is None or value.strip() == "*"
        if value is not None and not self._any and not _ENTITY_TAGS.fullmatch(value):
            raise Invalid('If-Match is neither * nor a list of entity tags such as "3"', code="invalid_header")
        found = _ENTITY_TAG.findall(value or "")
        # Compared strongly: a weak tag matches nothing.
        self._tags = {_BESIDES.sub("", tag) for weak, tag in found if not weak}

    def check(self, etag: str) -> None:
        """Raise PreconditionFailed unless ``etag`` is what the client has seen."""
        if not self._any and etag not in self._tags:
            raise PreconditionFailed(f"this is not the present version; its ETag is {etag}")

    def check_any(self, etags: Collection[str]) -> None:
        """Raise PreconditionFailed unless one of ``etags``, the first of which is the answer's, is what the client
        has seen."""
        if not self._any and not self._tags.intersection(etags):
            raise PreconditionFailed(f"this is not the present version; its ETag is {next(iter(etags))}")


def require_if_match(request: Request) -> IfMatch:
    """Give the request's If-Match. Raises Invalid (``precondition_required``, 428) when there is none."""
    value = request.headers.get("if-match")
    if value is None:
        raise Invalid("a change needs If-Match with the ETag that was read", code="precondition_required")
    return IfMatch(value)


def optional_if_match(request: Request) -> IfMatch:
    """Give the request's If-Match, or one that any version matches."""
    return IfMatch(request.headers.get("if-match"))


def unless_known(request: Request, response: Response) -> Response:
    """Give 304 in place of ``response`` where the request's If-None-Match names its ETag, compared weakly.

    A field that cannot be read names nothing.
    """
    etag, value = response.headers.get("ETag"), request.headers.get("if-none-match")
    if request.method not in ("GET", "HEAD") or response.status != HTTPStatus.OK or etag is None or value is None:
        return response
    known = {tag for _, tag in _ENTITY_TAG.findall(value)} if _ENTITY_TAGS.fullmatch(value) else set()
    if value.strip() != "*" and etag.removeprefix("W/") not in known:
        return response
    kept = {name: text for name, text in response.headers.items() if name != "Content-Type"}
    return Response(HTTPStatus.NOT_MODIFIED, kept, "")
