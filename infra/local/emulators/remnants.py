"""Removes a stack from an emulator that others use as well, and with it what outlives a stack.

Buckets, tables, secrets and logs outlive their stack on purpose. That is right on AWS, and in the way on a machine
where the next stack wants the same names.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from infra import deploy
from infra.deploy import Account
from infra.deploy.stack import state as stack_state


def has_stack(account: Account, name: str) -> bool:
    """Whether there is a stack of that name, in whatever state."""
    return stack_state.find(account.client("cloudformation"), name) is not None


def delete_all(account: Account, prefix: str) -> None:
    """Delete the stack `prefix`, its tables, secrets, logs, artifacts, and buckets with every version in them.

    Only for emulators: locked versions are deleted as well, which S3 lets the owner do in GOVERNANCE mode.
    """
    deploy.delete_stack(account, prefix)
    s3 = account.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        if bucket["Name"].startswith((f"{prefix}-edit-", f"{prefix}-rw-", f"{prefix}-artifacts-")):
            _delete_bucket(s3, bucket["Name"])
    dynamodb = account.client("dynamodb")
    for page in dynamodb.get_paginator("list_tables").paginate():
        for table in page["TableNames"]:
            if table.startswith(f"{prefix}-"):
                dynamodb.delete_table(TableName=table)
    secrets = account.client("secretsmanager")
    for page in secrets.get_paginator("list_secrets").paginate():
        for secret in page["SecretList"]:
            if secret["Name"].startswith(f"{prefix}/"):
                secrets.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
    logs = account.client("logs")
    for beginning in (f"/aws/lambda/{prefix}-", f"/aws/apigateway/{prefix}-"):
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=beginning)
        for name in [group["logGroupName"] for page in pages for group in page["logGroups"]]:
            logs.delete_log_group(logGroupName=name)


def _delete_bucket(s3: Any, bucket: str) -> None:
    # S3 refuses the word for going past a lock where there is no lock.
    past_locks = {"BypassGovernanceRetention": True} if _has_lock(s3, bucket) else {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"], **past_locks)
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    s3.delete_bucket(Bucket=bucket)


def _has_lock(s3: Any, bucket: str) -> bool:
    try:
        s3.get_object_lock_configuration(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ObjectLockConfigurationNotFoundError":
            raise
        return False
    return True
