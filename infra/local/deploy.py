"""Deploys infra/template.yaml to an AWS account, or to whatever answers at an endpoint like one.

Nothing here knows an emulator: the same calls deploy to LocalStack and to AWS. Each step looks at what is there
and changes only what differs, so that a deployment can be repeated, and repaired after a crash anywhere in it.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.state import LocalStackError

# A stack in one of these states was never complete: CloudFormation can only delete it.
_NEVER_COMPLETE = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"}
_UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}


class DeploymentFailed(LocalStackError):
    """CloudFormation could not bring the stack to the template; the text names the resources and why."""


@dataclass(frozen=True)
class Account:
    """Where to deploy. `endpoint_url` None is AWS itself; keys None are those of the default chain."""

    region: str
    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None

    def client(self, service: str) -> Any:
        """A boto3 client of this account. Path-style buckets, because an endpoint has no names below it."""
        make: Any = self._session.client
        return make(
            service,
            endpoint_url=self.endpoint_url,
            config=Config(
                signature_version="s3v4" if service == "s3" else None,
                s3={"addressing_style": "path" if self.endpoint_url else "auto"},
                retries={"mode": "standard", "total_max_attempts": 3},
                connect_timeout=5,
                read_timeout=120,
            ),
        )

    @functools.cached_property
    def _session(self) -> boto3.session.Session:
        return boto3.session.Session(
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name=self.region,
        )


@dataclass(frozen=True)
class Deployed:
    """What a deployment led to. `change` is created, updated or unchanged."""

    outputs: dict[str, str]
    change: str


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


def put_secret(account: Account, name: str, value: str) -> tuple[str, bool]:
    """Make the secret hold `value`. Returns its ARN, and whether it held another value before."""
    secrets = account.client("secretsmanager")
    try:
        found = secrets.get_secret_value(SecretId=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return secrets.create_secret(Name=name, SecretString=value)["ARN"], False
    if found.get("SecretString") == value:
        return found["ARN"], False
    secrets.put_secret_value(SecretId=name, SecretString=value)
    return found["ARN"], True


def deploy_stack(
    account: Account,
    name: str,
    template: Path,
    template_bucket: str,
    parameters: Mapping[str, str],
    progress: Callable[[str], None] = lambda _: None,
) -> Deployed:
    """Create the stack, or update it to the template and parameters, and wait for the end.

    One that never was complete is deleted first. The template is uploaded, because CloudFormation takes only
    51,200 bytes in the call itself. Raises DeploymentFailed when the stack does not get there.
    """
    formation = account.client("cloudformation")
    status = _settled_status(formation, name)
    if status == "UPDATE_ROLLBACK_FAILED":
        formation.continue_update_rollback(StackName=name)
        status = _settled_status(formation, name)
    if status in _NEVER_COMPLETE:
        progress(f"the stack was left {status}: deleting it")
        formation.delete_stack(StackName=name)
        status = _settled_status(formation, name)
    if status is not None and status not in _UPDATABLE:
        raise DeploymentFailed(f"Stack {name} is {status} and does not leave that state")
    request = {
        "StackName": name,
        "TemplateURL": _upload_template(account, template, template_bucket),
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in sorted(parameters.items())],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    change, wanted = ("created", "CREATE_COMPLETE") if status is None else ("updated", "UPDATE_COMPLETE")
    try:
        if status is None:
            formation.create_stack(**request, RetainExceptOnCreate=True)
        else:
            formation.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" in error.response["Error"].get("Message", ""):
            return Deployed(_outputs(formation, name), "unchanged")
        raise DeploymentFailed(str(error)) from error
    status = _settled_status(formation, name)
    if status != wanted:
        raise DeploymentFailed(f"Stack {name} is {status or 'gone'}:\n{_failures(formation, name)}")
    return Deployed(_outputs(formation, name), change)


def delete_stack(account: Account, name: str) -> None:
    """Delete the stack and wait for the end; nothing happens when there is none."""
    formation = account.client("cloudformation")
    if _settled_status(formation, name) is not None:
        formation.delete_stack(StackName=name)
        _settled_status(formation, name)


def await_idle_queue(account: Account, url: str, timeout_seconds: float = 10) -> None:
    """Wait until nobody is at work on a message of the queue, S3's test events after a creation among them.

    One that is being worked on when its function is stopped comes again only after the visibility timeout.
    """
    sqs = account.client("sqs")
    states = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=states)["Attributes"]
        if not any(int(found[name]) for name in states):
            return
        time.sleep(0.1)


def invoke(account: Account, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Call a function and give its answer. Raises DeploymentFailed when it raised."""
    answer = account.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    body = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError") or not isinstance(body, dict):
        raise DeploymentFailed(f"{function} failed: {json.dumps(body)[:2000]}")
    return body


def _upload_template(account: Account, template: Path, bucket: str) -> str:
    """Upload the template and give its address, in path style, which AWS and emulators both take."""
    key = "template.yaml"
    account.client("s3").put_object(Bucket=bucket, Key=key, Body=template.read_bytes())
    base = account.endpoint_url or f"https://s3.{account.region}.amazonaws.com"
    return f"{base}/{bucket}/{key}"


def _status(formation: Any, name: str) -> str | None:
    try:
        stacks = formation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return None
        raise
    status: str = stacks[0]["StackStatus"]
    return None if status == "DELETE_COMPLETE" else status


def _settled_status(formation: Any, name: str, timeout_seconds: float = 1800) -> str | None:
    """The stack's status once nothing is in progress; None when there is no such stack."""
    deadline = time.monotonic() + timeout_seconds
    pause = 0.05
    while True:
        status = _status(formation, name)
        if status is None or status == "REVIEW_IN_PROGRESS" or not status.endswith("_IN_PROGRESS"):
            return status
        if time.monotonic() > deadline:
            raise DeploymentFailed(f"Stack {name} stays {status}")
        time.sleep(pause)
        pause = min(pause * 1.5, 5)


def _outputs(formation: Any, name: str) -> dict[str, str]:
    stack = formation.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _failures(formation: Any, name: str) -> str:
    """The events that say what went wrong, oldest first: the first is the cause."""
    try:
        events = formation.describe_stack_events(StackName=name)["StackEvents"]
        refusals = formation.describe_events(StackName=name)["OperationEvents"]
    except ClientError as error:
        return str(error)
    lines = [
        f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ValidationStatusReason', '')}"
        for event in reversed(refusals)
        if event.get("EventType") == "VALIDATION_ERROR"
    ]
    lines += [
        f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED")
    ]
    return "\n".join(lines[-10:]) or "  no event tells why"
