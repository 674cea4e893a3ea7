"""The one call by which maintenance deletes anything (DeleteObject, "If-Match").

Nothing is deleted without the ETag of what is meant: whatever somebody else has put there meanwhile stays.

Rights needed: s3:DeleteObject on edit elements alone.
"""

from __future__ import annotations

from typing import Any

from artstore.objects import reaching_s3


def remove_object(client: Any, bucket: str, key: str, if_match: str) -> None:
    """Delete the object whose ETag is ``if_match``. ``client`` is an S3 client of botocore's.

    Raises NotFound where none is any more, PreconditionFailed where another one lies there, and Unavailable. S3
    says either of one that is not there, so who gets the latter looks again.
    """
    with reaching_s3():
        client.delete_object(Bucket=bucket, Key=key, IfMatch=if_match)
