"""A deployment of the authorization server on moto: its settings, its tables and its empty secret."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from functions.auth import dependencies
from tests.support.dynamodb import create_tables

ISSUER = "https://archive.example/v1"
PREFIX = "moto"


@contextlib.contextmanager
def deployed(**settings: str) -> Iterator[None]:
    """Make the tables and the secret as the template does, and give what was built before the settings up."""
    with pytest.MonkeyPatch.context() as patched, mock_aws():
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "ARTSTORE_PREFIX": PREFIX,
            "ARTSTORE_ISSUER": ISSUER,
            "ARTSTORE_SIGNING_KEY_SECRET_ID": f"{PREFIX}/signing-key",
            "ARTSTORE_BCRYPT_COST": "4",
            **settings,
        }.items():
            patched.setenv(name, value)
        patched.delenv("AWS_ENDPOINT_URL", raising=False)
        create_tables(PREFIX)
        boto3.client("secretsmanager").create_secret(Name=f"{PREFIX}/signing-key")
        forget_dependencies()
        try:
            yield
        finally:
            forget_dependencies()


def forget_dependencies() -> None:
    """Be a new process, as far as ``functions.auth.dependencies`` goes."""
    for each in vars(dependencies).values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()
