"""What MiniStack's CloudFormation leaves out of the template, put in afterwards through the services' own calls.

So far that is the rw bucket's default retention: MiniStack takes the property and does nothing with it, while its
S3 does keep to a retention that is put on a bucket.
"""

from __future__ import annotations

from pathlib import Path

from infra.deploy import Account
from infra.template import parse


def put_default_retention(account: Account, bucket: str, template: Path) -> None:
    """Put the template's default retention on ``bucket``; doing it again changes nothing."""
    defaults = parse(template.read_text(encoding="utf-8"))["Parameters"]
    retention = {"Mode": defaults["RetentionMode"]["Default"], "Days": int(defaults["RetentionDays"]["Default"])}
    account.client("s3").put_object_lock_configuration(
        Bucket=bucket,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}},
    )
