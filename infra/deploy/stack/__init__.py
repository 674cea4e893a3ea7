"""Brings a stack that nobody has to be asked about to a template and its parameters.

No change set is made, because nobody would look at it; and LocalStack, where it is strict, refuses change sets for
custom resources, and for types it lacks even under a condition that is false.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from infra.deploy.account import Account
from infra.deploy.errors import DeploymentFailed
from infra.deploy.release.artifacts import upload_template
from infra.deploy.stack import state as stack_state
from infra.deploy.stack.recovery import UPDATABLE

# A stack in one of these states was never complete: CloudFormation can only delete it.
_NEVER_COMPLETE = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"}


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
    status = stack_state.settled_status(formation, name)
    if status == "UPDATE_ROLLBACK_FAILED":
        formation.continue_update_rollback(StackName=name)
        status = stack_state.settled_status(formation, name)
    if status in _NEVER_COMPLETE:
        progress(f"the stack was left {status}: deleting it")
        formation.delete_stack(StackName=name)
        status = stack_state.settled_status(formation, name)
    if status is not None and status not in UPDATABLE:
        raise DeploymentFailed(f"Stack {name} is {status} and does not leave that state")
    mark = stack_state.last_event(formation, name)
    request = {
        "StackName": name,
        "TemplateURL": upload_template(account, template, template_bucket),
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in sorted(parameters.items())],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    change, wanted = ("created", "CREATE_COMPLETE") if status is None else ("updated", "UPDATE_COMPLETE")
    try:
        if status is None:
            formation.create_stack(**request, RetainExceptOnCreate=True)
        else:
            formation.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" in error.response["Error"].get("Message", ""):
            return Deployed(stack_state.outputs(formation, name), "unchanged")
        raise DeploymentFailed(str(error)) from error
    status = stack_state.settled_status(formation, name)
    if status != wanted:
        raise DeploymentFailed(f"Stack {name} is {status or 'gone'}:\n{stack_state.causes(formation, name, mark)}")
    return Deployed(stack_state.outputs(formation, name), change)


def stack_outputs(account: Account, name: str) -> dict[str, str]:
    """Give the stack's outputs once it has settled; none when there is no stack."""
    formation = account.client("cloudformation")
    return {} if stack_state.settled_status(formation, name) is None else stack_state.outputs(formation, name)


def delete_stack(account: Account, name: str) -> None:
    """Delete the stack and wait for the end; nothing happens when there is none."""
    formation = account.client("cloudformation")
    if stack_state.settled_status(formation, name) is not None:
        formation.delete_stack(StackName=name)
        stack_state.settled_status(formation, name)
