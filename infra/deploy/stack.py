"""Brings a CloudFormation stack to a template and its parameters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.account import Account
from infra.deploy.artifacts import upload_template
from infra.deploy.errors import DeploymentFailed

# A stack in one of these states was never complete: CloudFormation can only delete it.
_NEVER_COMPLETE = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"}
_UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}


@dataclass(frozen=True)
class Deployed:
    """What a deployment led to. `change` is created, updated or unchanged."""

    outputs: dict[str, str]
    change: str


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
        "TemplateURL": upload_template(account, template, template_bucket),
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
    except ClientError as error:
        return str(error)
    try:
        refusals = formation.describe_events(StackName=name)["OperationEvents"]
    except ClientError:
        refusals = []  # a newer operation, which LocalStack does not have
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
