"""The bucket of zips and templates that a stack is made from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import ClientError

from infra.deploy.account import Account


def artifacts_bucket(account: Account, prefix: str) -> str:
    """Make sure that the bucket for zips and templates exists. Returns its name."""
    number = account.client("sts").get_caller_identity()["Account"]
    name = f"{prefix}-artifacts-{number}-{account.region}"
    s3 = account.client("s3")
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        # S3 refuses us-east-1 as a location constraint: it is the place without one.
        place = {"CreateBucketConfiguration": {"LocationConstraint": account.region}}
        s3.create_bucket(Bucket=name, **({} if account.region == "us-east-1" else place))
    return name


def upload_artifacts(account: Account, bucket: str, artifacts: Mapping[str, Path]) -> int:
    """Upload files under their keys, which name their content: what is there already is the same.

    Returns how many were uploaded.
    """
    s3 = account.client("s3")
    uploaded = 0
    for key, path in artifacts.items():
        try:
            found = s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            found = None
        if found != path.stat().st_size:
            s3.upload_file(str(path), bucket, key)
            uploaded += 1
    return uploaded


def upload_template(account: Account, template: Path, bucket: str) -> str:
    """Upload the template and give its address, in path style, which AWS and emulators both take."""
    key = "template.yaml"
    account.client("s3").put_object(Bucket=bucket, Key=key, Body=template.read_bytes())
    base = account.endpoint_url or f"https://s3.{account.region}.amazonaws.com"
    return f"{base}/{bucket}/{key}"
