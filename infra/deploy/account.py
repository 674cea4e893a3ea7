"""Where a deployment goes: an AWS account, or whatever answers at an endpoint like one."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config


@dataclass(frozen=True)
class Account:
    """Where to deploy. `endpoint_url` None is AWS itself; keys None are those of the default chain."""

    region: str
    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None

    def client(self, service: str) -> Any:
        """A boto3 client of this account. Path-style buckets, because an endpoint has no names below it."""
        make: Any = self._session.client
        return make(
            service,
            endpoint_url=self.endpoint_url,
            config=Config(
                signature_version="s3v4" if service == "s3" else None,
                s3={"addressing_style": "path" if self.endpoint_url else "auto"},
                retries={"mode": "standard", "total_max_attempts": 3},
                connect_timeout=5,
                read_timeout=120,
            ),
        )

    @functools.cached_property
    def _session(self) -> boto3.session.Session:
        return boto3.session.Session(
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name=self.region,
        )
