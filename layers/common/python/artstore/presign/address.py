"""Where a bucket answers: the scheme, authority, path and Host header that a presigned URL is made of.

Follows "Virtual hosting of buckets" of the Amazon S3 User Guide and the regional endpoints of its partitions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from artstore.errors import Invalid, Misconfigured

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]\Z")
_DNS_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\Z")
_REGION: Final = re.compile(r"[a-z0-9-]+\Z")
_PARTITIONS: Final = (
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the client will send the request: the host is signed, so it must be the one the client sees.

    ``url`` is a custom endpoint (addressed path-style) or None for Amazon S3 in ``region``.
    """

    url: str | None
    region: str


def dns_suffix(region: str) -> str:
    """Give what the names of a region's endpoints end in."""
    return next((dns for prefix, dns in _PARTITIONS if region.startswith(prefix)), "amazonaws.com")


@lru_cache(maxsize=64)
def address_of(url: str | None, region: str, bucket: str) -> tuple[str, str, str]:
    """Give (scheme and authority, path before the key, Host header) of a bucket, by the S3 endpoint rules.

    Raises Invalid for what is no bucket name, Misconfigured for a region or URL that is none.
    """
    if not _REGION.match(region):
        raise Misconfigured(f"{region!r} is no region")
    if not _BUCKET.match(bucket):
        raise Invalid(f"{bucket!r} is no bucket name")
    if url is None:
        host = f"s3.{region}.{dns_suffix(region)}"
        # A bucket with a dot would not match the wildcard certificate.
        if _DNS_LABEL.match(bucket):
            return f"https://{bucket}.{host}", "/", f"{bucket}.{host}"
        return f"https://{host}", f"/{bucket}/", host
    parts = urlsplit(url)
    plain = parts.scheme in _DEFAULT_PORTS and parts.hostname and not (parts.query or parts.fragment)
    if not plain or parts.username is not None or not url.isascii():
        raise Misconfigured("an S3 endpoint is scheme://host[:port][/path] with http or https")
    host = str(parts.hostname)
    if ":" in host:
        host = f"[{host}]"
    if parts.port not in (None, _DEFAULT_PORTS[parts.scheme]):
        host = f"{host}:{parts.port}"
    return f"{parts.scheme}://{parts.netloc}", f"{parts.path.rstrip('/')}/{bucket}/", host
