"""The calls by which maintenance deletes anything (DeleteObject, "If-Match" and "versionId").

Nothing is deleted without the ETag or the version of what is meant: whatever somebody else has put there meanwhile
stays.

Rights needed: s3:DeleteObject on edit elements alone; s3:DeleteObjectVersion where versions are kept. Whoever has
that and not s3:BypassGovernanceRetention deletes no version before its lock is over, nor one under a legal hold.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from artstore.objects import reaching_s3

_FORBIDDEN = 403


def remove_object(client: Any, bucket: str, key: str, if_match: str) -> None:
    """Delete the object whose ETag is ``if_match``. ``client`` is an S3 client of botocore's.

    Raises NotFound where none is any more, PreconditionFailed where another one lies there, and Unavailable. S3
    says either of one that is not there, so who gets the latter looks again.
    """
    with reaching_s3():
        client.delete_object(Bucket=bucket, Key=key, IfMatch=if_match)


def remove_version(client: Any, bucket: str, key: str, version_id: str) -> bool:
    """Delete a version for good; False where storage refuses it, since it is locked or held. One that is gone is
    deleted. ``client`` is an S3 client of botocore's.

    Raises Unavailable.
    """
    with reaching_s3(of_version=True):
        try:
            client.delete_object(Bucket=bucket, Key=key, VersionId=version_id)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == _FORBIDDEN:
                return False
            if status != 404:
                raise
    return True
