"""What a bucket is, rather than what lies in it: its versions, its lock, its policy and its lifecycle.

Rights needed: s3:GetBucketVersioning and s3:GetBucketObjectLockConfiguration to tell what it keeps,
s3:ListBucketVersions to tell that nothing is left; for its policy and lifecycle s3:GetBucketPolicy,
PutBucketPolicy, GetLifecycleConfiguration and PutLifecycleConfiguration, which only the guard has.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from artstore.objects import reaching_s3, s3_client


class BucketFacts(msgspec.Struct, frozen=True):
    """What a bucket keeps: every version, and those for how long."""

    versions: bool
    locks: bool


class Buckets:
    """The buckets of a deployment. ``client`` is a boto3 S3 client, see ``artstore.objects.s3_client``."""

    def __init__(self, client: Any) -> None:
        """Take the client; it is not used before the first call."""
        self._client = client

    def facts(self, bucket: str) -> BucketFacts:
        """Ask whether the bucket keeps and locks versions. Raises Unavailable, and Misconfigured for a refusal."""
        with reaching_s3():
            versions = self._client.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"
            try:
                answer = self._client.get_object_lock_configuration(Bucket=bucket)
                locks = answer["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled"
            except ClientError as error:
                if _code(error) != "ObjectLockConfigurationNotFoundError":
                    raise
                locks = False
        return BucketFacts(versions, locks)

    def is_empty(self, bucket: str, prefix: str) -> bool:
        """Tell whether nothing lies under ``prefix``: no object, no version of one, no delete marker."""
        with reaching_s3():
            answer = self._client.list_object_versions(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        return not answer.get("Versions") and not answer.get("DeleteMarkers")

    def policy(self, bucket: str) -> dict[str, Any]:
        """Give the bucket's policy, one without statements where it has none."""
        with reaching_s3():
            try:
                text = self._client.get_bucket_policy(Bucket=bucket)["Policy"]
            except ClientError as error:
                if _code(error) != "NoSuchBucketPolicy":
                    raise
                return {"Version": "2012-10-17", "Statement": []}
        policy: dict[str, Any] = json.loads(text)
        return policy

    def put_policy(self, bucket: str, policy: dict[str, Any]) -> None:
        """Replace the bucket's policy."""
        with reaching_s3():
            self._client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    def lifecycle(self, bucket: str) -> list[dict[str, Any]]:
        """Give the rules of the bucket's lifecycle."""
        with reaching_s3():
            try:
                answer = self._client.get_bucket_lifecycle_configuration(Bucket=bucket)
            except ClientError as error:
                if _code(error) != "NoSuchLifecycleConfiguration":
                    raise
                return []
        rules: list[dict[str, Any]] = answer["Rules"]
        return rules

    def put_lifecycle(self, bucket: str, rules: list[dict[str, Any]]) -> None:
        """Replace the rules of the bucket's lifecycle; there is at least one."""
        with reaching_s3():
            self._client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


@functools.cache
def buckets() -> Buckets:
    """Give the buckets, through the process's S3 client."""
    return Buckets(s3_client())


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
