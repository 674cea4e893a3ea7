"""An upload as an HTML form sends it: a POST policy, signed.

Follows "Browser-Based Uploads Using POST (AWS Signature Version 4)" of the Amazon S3 API Reference. The policy
holds a condition for every field that is sent, each of them exact, so a form that says anything else is refused
(403), as is a file of another length (400). The checksum is a field too: storage refuses a file that has another
(400 BadDigest).

What a policy cannot say is that nothing may lie at the key. Whoever permits a form therefore gives it a new key;
sent twice, it puts the same bytes there twice.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from artstore.errors import Invalid
from artstore.presign.address import Endpoint, address_of
from artstore.presign.signature import MAX_EXPIRY_SECONDS, in_utc, lifetime
from artstore.sigv4 import ALGORITHM, Credentials, scope, signing_key

CREATED: Final = "201"
"""What storage answers once the file is there; a browser would be sent to an empty page by 204."""


@dataclass(frozen=True, slots=True)
class PresignedForm:
    """Where a form is sent, its fields before the file, and the moment (UTC) it stops working.

    The fields are a bearer capability, so they are not in ``repr``.
    """

    url: str
    fields: dict[str, str] = field(repr=False)
    expires_at: datetime


def presign_form(
    bucket: str,
    key: str,
    *,
    credentials: Credentials,
    endpoint: Endpoint,
    expires_in: int,
    now: datetime,
    content_length: int,
    fields: Mapping[str, str],
) -> PresignedForm:
    """Permit one file of ``content_length`` bytes to be sent to ``key`` by a form that has exactly ``fields``.

    ``fields`` are the object's own: Content-Type, x-amz-checksum-sha256 and so on; those of the policy are added.
    Raises as ``presign`` does, and Invalid for a key in which storage would put the name of the file.
    """
    if not 1 <= expires_in <= MAX_EXPIRY_SECONDS:
        raise Invalid("a form lives from 1 second to 7 days")
    if "${filename}" in key:
        raise Invalid("storage would replace a part of this key")
    signed_at = in_utc(now).replace(microsecond=0)
    expires_at = signed_at + timedelta(seconds=lifetime(expires_in, signed_at, credentials.expires_at))
    timestamp = signed_at.strftime("%Y%m%dT%H%M%SZ")
    signed = {
        "key": key,
        **fields,
        "success_action_status": CREATED,
        "x-amz-algorithm": ALGORITHM,
        "x-amz-credential": f"{credentials.access_key_id}/{scope(timestamp, endpoint.region, 's3')}",
        "x-amz-date": timestamp,
    }
    if credentials.session_token is not None:
        signed["x-amz-security-token"] = credentials.session_token
    conditions: list[Any] = [
        {"bucket": bucket},
        ["content-length-range", content_length, content_length],
        *({name: value} for name, value in signed.items()),
    ]
    expiration = expires_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    policy = base64.b64encode(msgspec.json.encode({"expiration": expiration, "conditions": conditions}))
    secret = signing_key(credentials.secret_access_key, timestamp[:8], endpoint.region, "s3")
    signed |= {"policy": policy.decode(), "x-amz-signature": hmac.digest(secret, policy, "sha256").hex()}
    base_url, base_path, _ = address_of(endpoint.url, endpoint.region, bucket)
    return PresignedForm(f"{base_url}{base_path}", signed, expires_at)
