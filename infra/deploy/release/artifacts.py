"""The bucket of zips and templates that a stack is made from.

Everything lies in it under keys that name the content's hash, so that nothing is ever overwritten by something
else, and an earlier release stays deployable.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import ClientError

from infra.deploy.account import Account


def artifacts_bucket(account: Account, prefix: str) -> str:
    """Make sure that the bucket for zips and templates exists, and is this account's. Returns its name."""
    number = account.identity.account
    name = f"{prefix}-artifacts-{number}-{account.region}"
    s3 = account.client("s3")
    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=number)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        # S3 refuses us-east-1 as a location constraint: it is the place without one.
        place = {"CreateBucketConfiguration": {"LocationConstraint": account.region}}
        s3.create_bucket(Bucket=name, **({} if account.region == "us-east-1" else place))
    return name


def protect_bucket(account: Account, bucket: str) -> None:
    """Let nobody in from outside, keep what is overwritten or deleted for 90 days, refuse requests without TLS.

    The last is left out where the endpoint itself has no TLS. Doing it again changes nothing.
    """
    s3 = account.client("s3")
    of = {"Bucket": bucket, "ExpectedBucketOwner": account.identity.account}
    s3.put_public_access_block(
        **of,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_ownership_controls(
        **of, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
    s3.put_bucket_encryption(
        **of,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    s3.put_bucket_versioning(**of, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_lifecycle_configuration(
        **of,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "end-of-old-versions",
                    "Status": "Enabled",
                    "Filter": {},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                }
            ]
        },
    )
    if s3.meta.endpoint_url.startswith("https://"):
        s3.put_bucket_policy(**of, Policy=json.dumps(_only_tls(s3.meta.partition, bucket)))


def upload_artifacts(account: Account, bucket: str, artifacts: Mapping[str, Path]) -> int:
    """Upload files under their keys, which name their content, unless they are there whole.

    Storage itself verifies what it receives. Returns how many were uploaded.
    """
    s3 = account.client("s3")
    owner = account.identity.account
    uploaded = 0
    for key, path in artifacts.items():
        content = path.read_bytes()
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        if stored_checksum(account, bucket, key) != checksum:
            s3.put_object(Bucket=bucket, Key=key, Body=content, ChecksumSHA256=checksum, ExpectedBucketOwner=owner)
            uploaded += 1
    return uploaded


def stored_checksum(account: Account, bucket: str, key: str) -> str | None:
    """The SHA-256 (base64) that storage verified for an object; None when there is no such object."""
    try:
        head = account.client("s3").head_object(
            Bucket=bucket, Key=key, ChecksumMode="ENABLED", ExpectedBucketOwner=account.identity.account
        )
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return None
    return str(head.get("ChecksumSHA256", ""))


def upload_template(account: Account, template: Path, bucket: str) -> str:
    """Upload the template under its hash and give its address."""
    key = f"template/{hashlib.sha256(template.read_bytes()).hexdigest()}.yaml"
    upload_artifacts(account, bucket, {key: template})
    return template_url(account, bucket, key)


def template_url(account: Account, bucket: str, key: str) -> str:
    """The address of an object for CloudFormation, in path style, which AWS and emulators both take."""
    return f"{account.client('s3').meta.endpoint_url}/{bucket}/{key}"


def _only_tls(partition: str, bucket: str) -> dict[str, object]:
    arn = f"arn:{partition}:s3:::{bucket}"
    statement = {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
