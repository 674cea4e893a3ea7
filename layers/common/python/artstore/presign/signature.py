"""Signature Version 4 in the query string.

Follows "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" of the Amazon S3 API
Reference. Three properties matter here:

- A header given here is signed as a header and never moved into the query, where storage would not verify it.
  Whoever uses the URL sends every header of ``Presigned.headers`` exactly as returned.
- Keys are encoded once, by S3's rules: ``/`` stays, and neither ``//`` nor ``..`` is normalised. (Some HTTP
  clients do normalise such a path before they send it, and are then refused.)
- A URL dies with the session that signed it, so ``expires_at`` is never later than that session's end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import quote

from artstore import sigv4
from artstore.errors import Invalid, Unavailable
from artstore.presign.address import Endpoint, address_of
from artstore.sigv4 import Credentials

MAX_EXPIRY_SECONDS: Final = 7 * 24 * 3600
SESSION_MARGIN: Final = timedelta(seconds=60)

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_METHODS: Final = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE"})
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z")
# Proxies and HTTP clients change or drop these on the way, so a signature over them would not hold.
_UNSIGNABLE: Final = frozenset(
    {
        "authorization",
        "baggage",
        "connection",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-content-sha256",
        "x-amzn-trace-id",
    }
)
# The signature writes these itself.
_RESERVED: Final = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-signedheaders",
        "x-amz-security-token",
        "x-amz-signature",
    }
)


@dataclass(frozen=True, slots=True)
class Presigned:
    """A URL, the headers the client must send with it, and the moment (UTC) it stops working.

    The URL is a bearer capability, so it is not in ``repr``.
    """

    url: str = field(repr=False)
    headers: dict[str, str]
    expires_at: datetime


def presign(
    method: str,
    bucket: str,
    key: str,
    *,
    credentials: Credentials,
    endpoint: Endpoint,
    expires_in: int,
    now: datetime,
    headers: Mapping[str, str] = _NOTHING,
    query: Mapping[str, str] = _NOTHING,
) -> Presigned:
    """Sign one request on one object for whoever holds the URL, for ``expires_in`` seconds from ``now``.

    ``now`` is aware; ``expires_in`` is 1 second to 7 days and is shortened to 60 seconds before the end of
    the signer's session. Each of ``headers`` is signed and comes back in ``Presigned.headers``; ``query`` are
    the operation's own parameters (``versionId``, ``response-content-type``, ``partNumber`` ...).

    Raises Invalid for what cannot be signed, Unavailable when the session is about to end, ValueError for a
    naive ``now`` and Misconfigured for an endpoint that is no plain http(s) URL.
    """
    if method not in _METHODS:
        raise Invalid(f"{method!r} is not a method of an S3 object")
    if not 1 <= expires_in <= MAX_EXPIRY_SECONDS:
        raise Invalid("a presigned URL lives from 1 second to 7 days")
    signed_at = in_utc(now).replace(microsecond=0)
    seconds = lifetime(expires_in, signed_at, credentials.expires_at)

    base_url, base_path, host = address_of(endpoint.url, endpoint.region, bucket)
    path = base_path + encode_key(key)
    header_lines = _canonical_headers(headers, host)
    signed_headers = ";".join(name for name, _ in header_lines)

    if any(name.lower() in _RESERVED for name in query):
        raise Invalid("the parameters of the signature itself are not the caller's to set")
    own = _own_parameters(credentials, endpoint.region, signed_at, seconds, signed_headers)
    query_string, canonical_query = own.text, own.canonical
    if query:
        parameters = [*[f"{_encode(name)}={_encode(value)}" for name, value in query.items()], *own.parameters]
        query_string, canonical_query = "&".join(parameters), _canonical(parameters)

    lines = "".join([f"{name}:{value}\n" for name, value in header_lines])
    canonical_request = f"{method}\n{path}\n{canonical_query}\n{lines}\n{signed_headers}\nUNSIGNED-PAYLOAD"
    signature = sigv4.signature(credentials, own.timestamp, endpoint.region, "s3", canonical_request)
    return Presigned(
        url=f"{base_url}{path}?{query_string}&X-Amz-Signature={signature}",
        headers=dict(headers),
        expires_at=signed_at + timedelta(seconds=seconds),
    )


class _Own(NamedTuple):
    """What the signature itself adds to a query."""

    timestamp: str
    """The time, as signatures write it."""
    parameters: tuple[str, ...]
    text: str
    """These as they are sent."""
    canonical: str
    """And as they are signed."""


@lru_cache(maxsize=32)
def _own_parameters(
    credentials: Credentials, region: str, signed_at: datetime, seconds: int, signed_headers: str
) -> _Own:
    """Give the signature's own parameters: those of a whole batch."""
    timestamp = signed_at.strftime("%Y%m%dT%H%M%SZ")
    scope = sigv4.scope(timestamp, region, "s3")
    parameters = [
        f"X-Amz-Algorithm={sigv4.ALGORITHM}",
        f"X-Amz-Credential={_encode(f'{credentials.access_key_id}/{scope}')}",
        f"X-Amz-Date={timestamp}",
        f"X-Amz-Expires={seconds}",
        f"X-Amz-SignedHeaders={_encode(signed_headers)}",
    ]
    if credentials.session_token is not None:
        parameters.append(f"X-Amz-Security-Token={_encode_repeated(credentials.session_token)}")
    return _Own(timestamp, tuple(parameters), "&".join(parameters), _canonical(parameters))


def _canonical(parameters: Iterable[str]) -> str:
    return "&".join(sorted(parameters, key=_by_name))


def _by_name(parameter: str) -> tuple[str, ...]:
    return tuple(parameter.split("=", 1))


def in_utc(moment: datetime) -> datetime:
    """Give an aware moment in UTC. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime says no moment")
    return moment.astimezone(UTC)


def lifetime(asked: int, signed_at: datetime, session_end: datetime | None) -> int:
    """Give the seconds of ``asked`` that the session leaves. Raises Unavailable when it leaves none."""
    if session_end is None:
        return asked
    left = int((in_utc(session_end) - SESSION_MARGIN - signed_at).total_seconds())
    if left < 1:
        raise Unavailable("the session that would sign this URL is about to end")
    return min(asked, left)


def _encode(value: str) -> str:
    try:
        return quote(value, safe="-._~")
    except UnicodeEncodeError as error:
        raise Invalid("the text is no valid Unicode") from error


# What every URL of a day or a session has.
_encode_repeated = lru_cache(maxsize=32)(_encode)


def encode_key(key: str) -> str:
    """Encode an object key for a path. Raises Invalid for what is none."""
    try:
        raw = key.encode()
    except UnicodeEncodeError as error:
        raise Invalid("the object key is no valid Unicode") from error
    if not 1 <= len(raw) <= 1024:
        raise Invalid("an object key has 1 to 1024 bytes of UTF-8")
    return quote(raw, safe="/-._~")


def _canonical_headers(headers: Mapping[str, str], host: str) -> list[tuple[str, str]]:
    canonical = {"host": host}
    for name, value in headers.items():
        lower = name.lower()
        if not _HEADER_NAME.match(name) or lower in _UNSIGNABLE or lower in canonical:
            raise Invalid(f"the header {name!r} cannot be signed")
        if not _HEADER_VALUE.match(value):
            raise Invalid(f"the value of {name} is not printable ASCII without surrounding space")
        canonical[lower] = " ".join(value.split())
    return sorted(canonical.items())
