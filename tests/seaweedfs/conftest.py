"""The write side in one process, with SeaweedFS as its storage.

Everything is put together as in a deployment, by each function's own ``dependencies``; DynamoDB and the queue of
jobs are moto, the index is a real PostgreSQL. What SeaweedFS does not send, the events, the tests deliver.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from functions.maintenance import dependencies as maintenance
from functions.maintenance.finalizing import building, storage
from functions.storage_events import dependencies as events
from functions.upload import dependencies as upload
from tests.integration import conftest as integration
from tests.seaweedfs.archive import EDIT, KEPT, PREFIX, Archive
from tests.support import seaweedfs
from tests.support.dynamodb import create_tables

MIB = 1024 * 1024
ELEMENTS = [
    {"element_id": "edit-01", "bucket": EDIT, "mode": "edit"},
    {"element_id": "rw-01", "bucket": KEPT, "mode": "rw", "prefix": "docs/"},
]


database_url = integration.database_url


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A SeaweedFS of this run's own."""
    directory: Path = tmp_path_factory.mktemp("seaweedfs")
    with seaweedfs.running(directory) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def s3(endpoint: str) -> Any:
    """A client, and both buckets; one locks versions for a day."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=seaweedfs.KEY_ID,
        aws_secret_access_key=seaweedfs.KEY,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket=EDIT)
    client.create_bucket(Bucket=KEPT, ObjectLockEnabledForBucket=True)
    client.put_object_lock_configuration(
        Bucket=KEPT,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
        },
    )
    return client


@pytest.fixture
def archive(
    s3: Any,
    endpoint: str,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Archive]:
    """The write side of a deployment."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    settings = {
        "AWS_ACCESS_KEY_ID": seaweedfs.KEY_ID,
        "AWS_SECRET_ACCESS_KEY": seaweedfs.KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": endpoint,
        "ARTSTORE_PREFIX": PREFIX,
        "ARTSTORE_ISSUER": "https://archive.example",
        "ARTSTORE_STORAGE_ELEMENTS": json.dumps(ELEMENTS),
        "ARTSTORE_DATABASE_URL": database_url,
        "ARTSTORE_INGEST_FUNCTION": "none",
        "ARTSTORE_GUARD_FUNCTION": "none",
        "ARTSTORE_INGEST_ROLE_ARN": "none",
        "ARTSTORE_EXPORTS_BUCKET": "none",
        "ARTSTORE_CURSOR_KEY_SECRET_ID": "none",
        "ARTSTORE_COPY_WHOLE_BYTES": str(MIB),
        "ARTSTORE_COPY_PART_BYTES": str(5 * MIB),
    }
    _forget()
    with mock_aws():  # which has credentials of its own
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        create_tables(PREFIX)
        queue = boto3.client("sqs").create_queue(QueueName="jobs")["QueueUrl"]
        monkeypatch.setenv("ARTSTORE_JOBS_QUEUE_URL", queue)
        yield Archive(s3)
    _forget()


def _forget() -> None:
    """Let every function begin anew, with the environment as it is now."""
    for module in (upload, events, maintenance, building, storage):
        for each in vars(module).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()
