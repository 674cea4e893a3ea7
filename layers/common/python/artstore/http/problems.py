"""Errors as RFC 9457 problem documents.

Every error of the API is ``application/problem+json`` with ``type``, ``title``, ``status``, ``detail``, a stable
``code`` and the ``request_id`` under which the log tells more. The cause of an unexpected error is never shown.
"""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from artstore import errors
from artstore.http.request import Request
from artstore.http.response import Response

_STATUS_OF_KIND: tuple[tuple[type[errors.ArtStoreError], int], ...] = (
    (errors.Invalid, 400),
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.Gone, 410),
    (errors.PreconditionFailed, 412),
    (errors.TooLarge, 413),
    (errors.RateLimited, 429),
    (errors.Unavailable, 503),
    (errors.InsufficientStorage, 507),
)
_PHRASES = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
_STATUS_OF_CODE = {
    "unsupported_media_type": 415,
    "content_type_not_allowed": 415,
    "method_not_allowed": 405,
    "precondition_required": 428,
}


class Problem(msgspec.Struct, omit_defaults=True):
    """A problem document (RFC 9457 §3)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    """Stable name of the error; clients decide by it."""
    request_id: str
    field: str | None = None
    """The member of the request that is wrong, when there is one."""
    file_id: str | None = None
    """The document that is in the way, when there is one."""
    reason: str | None = None
    """Why an upload was rejected, as a code."""
    missing_parts: list[int] | None = None
    """The first hundred parts that an upload still needs."""


_TEXTS = ("field", "file_id", "reason")


def status_of(error: errors.ArtStoreError) -> int:
    """Give the HTTP status of ``error``: by its code where that has one of its own, else by its kind."""
    if error.code in _STATUS_OF_CODE:
        return _STATUS_OF_CODE[error.code]
    return next((status for kind, status in _STATUS_OF_KIND if isinstance(error, kind)), 500)


def phrase_of(status: int) -> str:
    """Give the name of ``status`` in RFC 9110 §15; Python before 3.13 has older ones."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def render(error: errors.ArtStoreError, request: Request) -> Response:
    """Render ``error`` as a problem document with the headers its kind calls for."""
    status = status_of(error)
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = (
            'Bearer realm="artstore"'
            if error.code == "missing_token"  # RFC 6750 §3.1: no error code for a request without credentials
            else f'Bearer realm="artstore", error="invalid_token", error_description="{error.detail}"'
        )
    if isinstance(error, errors.Forbidden) and error.code == "insufficient_scope":
        headers["WWW-Authenticate"] = (
            f'Bearer realm="artstore", error="insufficient_scope", scope="{error.members["scope"]}"'
        )
    if isinstance(error, errors.RateLimited):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unavailable):
        headers["Retry-After"] = "1"
    if isinstance(error, errors.Conflict) and "retry_after" in error.members:
        headers["Retry-After"] = str(error.members["retry_after"])
    return Response(status, headers, msgspec.json.encode(problem_of(error, request)).decode())


def problem_of(error: errors.ArtStoreError, request: Request) -> Problem:
    """Give the problem document of ``error``, also for a part of a request that has others."""
    status = status_of(error)
    members = {name: str(error.members[name]) for name in _TEXTS if error.members.get(name)}
    return Problem(
        type="about:blank",
        title=phrase_of(status),
        status=status,
        detail=error.detail,
        code=error.code,
        request_id=request.request_id,
        **members,
        missing_parts=_numbers(error.members.get("missing_parts")),
    )


def _numbers(value: object) -> list[int] | None:
    return [int(each) for each in value] if isinstance(value, list) else None


def unexpected() -> errors.ArtStoreError:
    """Give the error that stands for an unexpected one: it says nothing of its cause."""
    return errors.ArtStoreError("an unexpected error happened; the log has it under this request id")
