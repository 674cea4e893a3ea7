"""What was deployed, kept in the artifacts bucket: a record of each release, and a line for each deployment.

STACK/releases/ID.json          the record, see infra.deploy.release
STACK/deployments/TIME.json     when, which release, by whom, and what came of the stack
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from infra.deploy.account import Account
from infra.deploy.release import Release, ReleaseInvalid, artifacts, from_json


@dataclass(frozen=True)
class Deployment:
    """One deployment that came to its end. ``at`` is UTC; ``change`` is created, updated or unchanged."""

    at: str
    release: str
    by: str
    change: str
    commit: str | None


@dataclass(frozen=True)
class History:
    """The records of one stack."""

    account: Account
    bucket: str
    stack: str

    def keep(self, release: Release) -> None:
        """Write the record of a release; one that is there already is the same."""
        self._put(f"{self.stack}/releases/{release.id}.json", release.to_json())

    def find(self, release_id: str) -> Release:
        """Read the record of a release and see that all its files are still there, unchanged.

        Raises ReleaseInvalid when it was never deployed from here, or something of it is missing.
        """
        key = f"{self.stack}/releases/{release_id}.json"
        try:
            found = self.account.client("s3").get_object(
                Bucket=self.bucket, Key=key, ExpectedBucketOwner=self.account.identity.account
            )
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            raise ReleaseInvalid(
                f"There is no release {release_id} of {self.stack}; `make releases` lists them."
            ) from None
        release = from_json(found["Body"].read(), release_id)
        gone = [
            each.key
            for each in (release.template, *release.artifacts.values())
            if artifacts.stored_checksum(self.account, self.bucket, each.key) != each.checksum
        ]
        if gone:
            raise ReleaseInvalid(f"Release {release_id} is no longer whole in {self.bucket}: {', '.join(gone)}")
        return release

    def add(self, release: Release, change: str, now: datetime | None = None) -> None:
        """Note that a deployment of the release came to its end."""
        at = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
        deployment = Deployment(at, release.id, self.account.identity.arn, change, release.commit)
        line = (json.dumps(asdict(deployment), indent=2) + "\n").encode()
        self._put(f"{self.stack}/deployments/{at}-{release.id}.json", line)

    def deployments(self, at_most: int = 20) -> list[Deployment]:
        """The last deployments, newest first."""
        s3 = self.account.client("s3")
        owner = self.account.identity.account
        keys = [
            each["Key"]
            for page in s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=f"{self.stack}/deployments/", ExpectedBucketOwner=owner
            )
            for each in page.get("Contents", [])
        ]
        lines = [
            s3.get_object(Bucket=self.bucket, Key=key, ExpectedBucketOwner=owner)["Body"].read()
            for key in sorted(keys, reverse=True)[:at_most]
        ]
        return [Deployment(**json.loads(line)) for line in lines]

    def _put(self, key: str, content: bytes) -> None:
        self.account.client("s3").put_object(
            Bucket=self.bucket,
            Key=key,
            Body=content,
            ContentType="application/json",
            ExpectedBucketOwner=self.account.identity.account,
        )
