"""AWS Signature Version 4: whose it is, the key it is made with, and the signature of a request in its headers.

Follows "Create a signed AWS API request" of the IAM User Guide. Signatures in a URL's query are in
``artstore.presign``. No network, no settings.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from artstore.errors import Misconfigured

ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose right a request carries; secrets stay out of ``repr`` and so out of logs.

    ``expires_at`` (aware) is the end of a temporary session, None for credentials without one or when it is
    not known.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


def credentials_from(environment: Mapping[str, str]) -> Credentials:
    """Read the credentials that Lambda (or a shell) puts into its environment, given as a mapping.

    ``AWS_CREDENTIAL_EXPIRATION`` (ISO 8601; UTC when it names no zone) is honoured when present.
    Raises Misconfigured, naming every variable that is missing or wrong.
    """
    access_key_id = environment.get("AWS_ACCESS_KEY_ID")
    secret_access_key = environment.get("AWS_SECRET_ACCESS_KEY")
    expires_at: datetime | None = None
    malformed = False
    if expiration := environment.get("AWS_CREDENTIAL_EXPIRATION"):
        try:
            parsed = datetime.fromisoformat(expiration)
            expires_at = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
        except ValueError:
            malformed = True
    if not access_key_id or not secret_access_key or malformed:
        wrong = [name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if not environment.get(name)]
        wrong += ["AWS_CREDENTIAL_EXPIRATION"] if malformed else []
        raise Misconfigured(f"missing or malformed in the environment: {', '.join(wrong)}")
    return Credentials(access_key_id, secret_access_key, environment.get("AWS_SESSION_TOKEN") or None, expires_at)


@lru_cache(maxsize=16)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Derive the key of one day (``YYYYMMDD``), region and service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signature(credentials: Credentials, timestamp: str, region: str, service: str, canonical_request: str) -> str:
    """Sign a canonical request at ``timestamp`` (``YYYYMMDDTHHMMSSZ``); hex."""
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    text = f"{ALGORITHM}\n{timestamp}\n{scope(timestamp, region, service)}\n{digest}"
    key = signing_key(credentials.secret_access_key, timestamp[:8], region, service)
    return hmac.digest(key, text.encode(), "sha256").hex()


def scope(timestamp: str, region: str, service: str) -> str:
    """Give the credential scope."""
    return f"{timestamp[:8]}/{region}/{service}/aws4_request"


def signed_headers(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: Credentials,
    region: str,
    service: str,
    timestamp: str,
    query: str = "",
) -> dict[str, str]:
    """Sign a request; give all headers to send.

    ``path`` and ``query`` are encoded already, and the query's parameters are sorted; ``headers`` have lower-case
    names and values without spaces to fold. ``host`` is one of them; ``x-amz-content-sha256``, which S3 asks for,
    is taken for the body's. What is added is ``x-amz-date``, the session's token and ``authorization``.
    """
    complete = {**headers, "x-amz-date": timestamp}
    if credentials.session_token is not None:
        complete["x-amz-security-token"] = credentials.session_token
    names = sorted(complete)
    named = ";".join(names)
    lines = "".join([f"{name}:{complete[name]}\n" for name in names])
    digest = headers.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest()
    canonical_request = f"{method}\n{path}\n{query}\n{lines}\n{named}\n{digest}"
    signed = signature(credentials, timestamp, region, service, canonical_request)
    complete["authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key_id}/{scope(timestamp, region, service)}, "
        f"SignedHeaders={named}, Signature={signed}"
    )
    return complete
