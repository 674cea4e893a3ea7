"""Where a deployment goes: an AWS account, or whatever answers at an endpoint like one."""

from __future__ import annotations

import functools
import urllib.parse
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.loaders import Loader


@dataclass(frozen=True)
class Identity:
    """Who the credentials belong to: the account's twelve digits, and the ARN of the caller."""

    account: str
    arn: str


@dataclass(frozen=True)
class Account:
    """Where to deploy. `endpoint_url` None leaves the endpoint to boto3: AWS itself, unless AWS_ENDPOINT_URL or
    the profile names another one. Keys None are those of boto3's default chain.
    """

    region: str
    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None

    def client(self, service: str) -> Any:
        """A boto3 client of this account. Path-style buckets outside of AWS: nothing answers at names below."""
        client = self._client(service, path_style=False)
        if service == "s3" and not _is_of_aws(client.meta.endpoint_url):
            client = self._client(service, path_style=True)
        return client

    @functools.cached_property
    def identity(self) -> Identity:
        """Who is calling; asked once."""
        caller = self.client("sts").get_caller_identity()
        return Identity(caller["Account"], caller["Arn"])

    @functools.cached_property
    def foreign_endpoint(self) -> str | None:
        """The endpoint that CloudFormation's calls go to, when it is not AWS's own."""
        url: str = self.client("cloudformation").meta.endpoint_url
        return None if _is_of_aws(url) else url

    def _client(self, service: str, path_style: bool) -> Any:
        make: Any = self._session.client
        return make(
            service,
            endpoint_url=self.endpoint_url,
            config=Config(
                signature_version="s3v4" if service == "s3" else None,
                s3={"addressing_style": "path" if path_style else "auto"},
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


@functools.cache
def _domains() -> tuple[str, ...]:
    """The domains of every partition of AWS, as botocore knows them."""
    partitions = Loader().load_data("partitions")["partitions"]
    names = {each["outputs"][kind] for each in partitions for kind in ("dnsSuffix", "dualStackDnsSuffix")}
    return tuple(f".{name}" for name in names)


def _is_of_aws(url: str) -> bool:
    return f".{urllib.parse.urlsplit(url).hostname}".endswith(_domains())
