"""`make clean` leaves nothing of the stack in an emulator that others use as well, and nothing else is touched."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.deploy import Account
from infra.local.emulators import ministack, remnants
from infra.local.state import LocalDirectory


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An emulator that others use as well."""
    directory = LocalDirectory(Path(tmp_path_factory.mktemp("remnants")))
    ministack.install()
    try:
        url = ministack.start(directory).url
        yield Account(ministack.REGION, url, ministack.ROOT, ministack.ROOT)
    finally:
        ministack.stop(directory)


def make(account: Account, prefix: str) -> None:
    """Make what outlives a stack: documents, one of them locked and one in parts, a table, a secret and logs."""
    s3: Any = account.client("s3")
    s3.create_bucket(Bucket=f"{prefix}-edit-1")
    s3.put_object(Bucket=f"{prefix}-edit-1", Key="a", Body=b"a")
    s3.create_multipart_upload(Bucket=f"{prefix}-edit-1", Key="half")
    s3.create_bucket(Bucket=f"{prefix}-rw-1", ObjectLockEnabledForBucket=True)
    for body in (b"one", b"two"):
        until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
        locked = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
        s3.put_object(Bucket=f"{prefix}-rw-1", Key="a", Body=body, **locked)
    s3.delete_object(Bucket=f"{prefix}-rw-1", Key="a")
    account.client("dynamodb").create_table(
        TableName=f"{prefix}-audit",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "log", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "log", "KeyType": "HASH"}],
    )
    account.client("secretsmanager").create_secret(Name=f"{prefix}/signing-key", SecretString="x")
    for group in (f"/aws/lambda/{prefix}-auth-0a1b2c3d", f"/aws/apigateway/{prefix}-0a1b2c3d"):
        account.client("logs").create_log_group(logGroupName=group)


def names(account: Account) -> set[str]:
    buckets = account.client("s3").list_buckets()["Buckets"]
    secrets = account.client("secretsmanager").list_secrets()["SecretList"]
    tables: list[str] = account.client("dynamodb").list_tables()["TableNames"]
    groups = account.client("logs").describe_log_groups()["logGroups"]
    return {one["Name"] for one in [*buckets, *secrets]} | {one["logGroupName"] for one in groups} | set(tables)


def test_what_outlives_a_stack_is_deleted_and_nothing_of_others(aws: Account) -> None:
    make(aws, "other")
    others = names(aws)
    make(aws, "artstore")
    remnants.delete_all(aws, "artstore")
    assert names(aws) == others
    remnants.delete_all(aws, "artstore")


def test_a_stack_is_there_or_not(aws: Account) -> None:
    assert not remnants.has_stack(aws, "artstore")
    body = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    aws.client("cloudformation").create_stack(StackName="artstore", TemplateBody=body)
    assert remnants.has_stack(aws, "artstore")
    remnants.delete_all(aws, "artstore")
    assert not remnants.has_stack(aws, "artstore")
