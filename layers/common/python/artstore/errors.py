"""The kinds of error a caller can meet, without a word of HTTP.

Each error carries a stable ``code`` (snake_case, part of the API), and a ``detail`` that states the fact for
the caller. What caused it is chained (``raise ... from``) and goes to the log only. ``artstore.http.problems``
maps a kind to a status and an RFC 9457 problem document.
"""

from __future__ import annotations


class ArtStoreError(Exception):
    """Base of every error that a caller is told about."""

    code: str = "internal_error"

    def __init__(self, detail: str, *, code: str | None = None, **members: object) -> None:
        """Take the sentence for the caller, and as wanted a code of its own and further problem members."""
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.members = members


class Invalid(ArtStoreError):
    """The request is malformed or breaks a rule; sending it again unchanged fails again."""

    code = "invalid_request"


class Unauthenticated(ArtStoreError):
    """No credentials, or credentials that do not hold."""

    code = "unauthenticated"


class Forbidden(ArtStoreError):
    """The caller is known and may not do this."""

    code = "forbidden"


class NotFound(ArtStoreError):
    """The thing named does not exist, or not for this caller."""

    code = "not_found"


class Conflict(ArtStoreError):
    """The request contradicts the present state."""

    code = "conflict"


class Gone(ArtStoreError):
    """The thing was there and is not now; the same request may succeed when it is put back."""

    code = "gone"


class PreconditionFailed(ArtStoreError):
    """A stated precondition (If-Match, If-None-Match) does not hold."""

    code = "precondition_failed"


class TooLarge(ArtStoreError):
    """Something exceeds a stated limit."""

    code = "too_large"


class InsufficientStorage(ArtStoreError):
    """There is no room for it; the request may succeed once there is more."""

    code = "storage_full"


class RateLimited(ArtStoreError):
    """Too many requests; ``retry_after`` (seconds) says when to come back."""

    code = "rate_limited"

    def __init__(
        self, detail: str, *, retry_after: int, code: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        """Take the sentence for the caller, the seconds to wait, and headers that tell of the limit."""
        super().__init__(detail, code=code)
        self.retry_after = retry_after
        self.headers = headers or {}


class Unavailable(ArtStoreError):
    """Something ArtStore depends on does not answer; the request may be repeated."""

    code = "unavailable"


class Misconfigured(Exception):
    """The deployment is wrong: never the caller's doing, never shown to one."""
